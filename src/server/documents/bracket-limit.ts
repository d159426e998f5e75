import { GraphQLError, Lexer, Source, TokenKind } from "graphql";
import type { Plugin } from "graphql-yoga";

import { documentError } from "./document-error.ts";

const MOST_OPEN_BRACKETS = 200;
const OPENING: ReadonlySet<TokenKind> = new Set([
  TokenKind.BRACE_L,
  TokenKind.BRACKET_L,
  TokenKind.PAREN_L,
]);
const CLOSING: ReadonlySet<TokenKind> = new Set([
  TokenKind.BRACE_R,
  TokenKind.BRACKET_R,
  TokenKind.PAREN_R,
]);

/** Refuses a document with so many brackets in each other that the parser, which calls itself, has no stack left. */
export function createBracketLimit({ tokens }: { readonly tokens: number }): Plugin {
  return {
    onParse({ params: { source }, setParseFn }) {
      if (isTooDeep(source.toString(), tokens)) setParseFn(refuse);
    },
  };
}

function isTooDeep(text: string, mostTokens: number): boolean {
  // Counted this way brackets in texts and comments count too, but it is fast, and mostly enough.
  if ((text.match(/[([{]/g)?.length ?? 0) <= MOST_OPEN_BRACKETS) return false;
  const lexer = new Lexer(new Source(text));
  let openCount = 0;
  let count = 0;
  try {
    for (let token = lexer.advance(); token.kind !== TokenKind.EOF; token = lexer.advance()) {
      count += 1;
      // The parser gets no further either.
      if (count > mostTokens) return false;
      if (OPENING.has(token.kind)) openCount += 1;
      else if (CLOSING.has(token.kind)) openCount -= 1;
      if (openCount > MOST_OPEN_BRACKETS) return true;
    }
  } catch (error) {
    // The parser gets no further than this, and says what is wrong.
    if (!(error instanceof GraphQLError)) throw error;
  }
  return false;
}

function refuse(): never {
  throw documentError(
    "DOCUMENT_TOO_DEEP",
    MOST_OPEN_BRACKETS,
    `The document has more than ${MOST_OPEN_BRACKETS} brackets open at once. Ask for less depth, or move values into variables.`,
  );
}
