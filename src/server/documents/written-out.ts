import type { DefinitionNode, DocumentNode, FragmentDefinitionNode } from "graphql";
import { Kind, NoFragmentCyclesRule, TokenKind, validate } from "graphql";
import type { Plugin } from "graphql-yoga";

import { documentError } from "./document-error.ts";
import { hasMorePairs } from "./repeated-fields.ts";

/** GraphQL's rule of fields that merge takes some microseconds for each two that stand in one place. */
const MOST_PAIRS = 10_000;

/**
 * Refuses a document that grows beyond `tokens` when its fragments are written out, before any rule walks through it:
 * twenty short fragments that each spread the next one twice are a million fields. Refuses as early what asks for the
 * same field again and again, and fragments that spread themselves.
 */
export function createSizeLimit({ tokens: limit }: { readonly tokens: number }): Plugin {
  const accepted = new WeakSet<DocumentNode>();
  return {
    onValidate({ params: { schema, documentAST: document }, setResult }) {
      if (accepted.has(document)) return;
      const fragments = toFragments(document);
      const { roots, tokens, isCircular } = writeOut(document, fragments);
      if (isCircular) {
        setResult(validate(schema, document, [NoFragmentCyclesRule]));
      } else if (tokens > limit) {
        const message = `The document has more than ${limit} tokens once its fragments are written out where they are used. Ask for less, or send several requests.`;
        setResult([documentError("DOCUMENT_TOO_LARGE", limit, message)]);
      } else if (hasMorePairs(roots, fragments, MOST_PAIRS)) {
        const message = `The document repeats fields or fragments in one place so often that more than ${MOST_PAIRS} pairs would have to be compared. Ask for each field once.`;
        setResult([documentError("DOCUMENT_TOO_LARGE", MOST_PAIRS, message)]);
      } else {
        accepted.add(document);
      }
    },
  };
}

type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;

function toFragments({ definitions }: DocumentNode): Fragments {
  return new Map(
    definitions
      .filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION)
      .map((fragment) => [fragment.name.value, fragment]),
  );
}

/** In time by the document's own length: its operations and unused fragments, and their tokens with all they spread. */
function writeOut(document: DocumentNode, fragments: Fragments) {
  const counts = new Map<DefinitionNode, number | "open">();
  const used = new Set<DefinitionNode>();
  let isCircular = false;

  function count(definition: DefinitionNode): number {
    const known = counts.get(definition);
    if (known === "open") isCircular = true;
    if (known !== undefined) return known === "open" ? 0 : known;
    counts.set(definition, "open");
    const own = readTokens(definition);
    let sum = own.count;
    for (const name of own.spreads) {
      const fragment = fragments.get(name);
      if (fragment === undefined) continue;
      used.add(fragment);
      sum += count(fragment);
    }
    counts.set(definition, sum);
    return sum;
  }

  for (const definition of document.definitions) count(definition);
  const roots = document.definitions.filter((definition) => !used.has(definition));
  return { roots, isCircular, tokens: roots.reduce((sum, root) => sum + count(root), 0) };
}

function readTokens({ loc }: DefinitionNode) {
  const spreads: string[] = [];
  let count = 0;
  for (let token = loc?.startToken; token !== undefined; token = token.next ?? undefined) {
    if (token.kind !== TokenKind.COMMENT) count += 1;
    if (token.prev?.kind === TokenKind.SPREAD && token.kind === TokenKind.NAME)
      spreads.push(token.value);
    if (token === loc?.endToken) break;
  }
  return { count, spreads };
}
