import type {
  DefinitionNode,
  DocumentNode,
  FragmentDefinitionNode,
  SelectionSetNode,
} from "graphql";
import { GraphQLError, Kind, NoFragmentCyclesRule, parse, TokenKind, validate } from "graphql";
import type { Plugin } from "graphql-yoga";

import { createCostLimit } from "./document-cost.ts";
import { documentError } from "./document-error.ts";
import { createIntrospectionLimit } from "./introspection.ts";

/** How much one document may ask for. */
export type DocumentLimits = {
  /** As it is sent, and also with its fragments written out. */
  readonly tokens: number;
  readonly cost: number;
};

/** Whatever walks through a document calls itself at each of them. */
const MOST_OPEN_BRACKETS = 200;
/** GraphQL's rule of fields that merge takes some microseconds for each two that stand in one place. */
const MOST_PAIRS = 10_000;
const MOST_ERRORS = 20;
const LONGEST_MESSAGE = 1_000;

/** Plugins that bound how much work one document can ask for; the cache of documents comes behind them. */
export function createDocumentLimits({ tokens, cost }: DocumentLimits): readonly Plugin[] {
  return [
    createSizeLimit(tokens),
    createErrorLimit(),
    createIntrospectionLimit(),
    createCostLimit({ cost }),
  ];
}

/**
 * Bounds a document before any rule walks through it. With its fragments written out it may be no longer either: twenty
 * short fragments that each spread the next one twice are a million fields. What repeats fields in one place, or spreads
 * a fragment in itself, is refused as early.
 */
function createSizeLimit(limit: number): Plugin {
  const accepted = new WeakSet<DocumentNode>();
  return {
    onParse({ setParseFn }) {
      setParseFn((source: string) => parseWithin(source, limit));
    },
    onValidate({ params: { schema, documentAST: document }, setResult }) {
      if (accepted.has(document)) return;
      const fragments = toFragments(document);
      const { roots, tokens, openBrackets, isCircular } = writeOut(document, fragments);
      if (openBrackets > MOST_OPEN_BRACKETS) setResult([tooDeep()]);
      else if (isCircular) setResult(validate(schema, document, [NoFragmentCyclesRule]));
      else if (tokens > limit) setResult([tooLong(limit, " once its fragments are written out")]);
      else if (hasMorePairs(roots, fragments)) setResult([tooRepetitive()]);
      else accepted.add(document);
    },
  };
}

function parseWithin(source: string, maxTokens: number): DocumentNode {
  try {
    return parse(source, { maxTokens });
  } catch (error) {
    // The parser has no stack left.
    if (error instanceof RangeError) throw tooDeep();
    if (error instanceof GraphQLError && error.message.includes(`that ${maxTokens} tokens`))
      throw tooLong(maxTokens);
    throw error;
  }
}

/** Tells the first errors of a document only, each in short: a small document can have a hundred that repeat it whole. */
function createErrorLimit(): Plugin {
  return {
    onValidate({ setValidationFn }) {
      setValidationFn((schema, document, rules) =>
        validate(schema, document, rules, { maxErrors: MOST_ERRORS }).map(shorten),
      );
    },
  };
}

function shorten(error: GraphQLError): GraphQLError {
  const { message, nodes, extensions } = error;
  if (message.length <= LONGEST_MESSAGE) return error;
  return new GraphQLError(`${message.slice(0, LONGEST_MESSAGE)}…`, {
    nodes: nodes?.slice(0, MOST_ERRORS) ?? null,
    extensions,
  });
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
  let openBrackets = 0;
  let isCircular = false;

  function count(definition: DefinitionNode): number {
    const known = counts.get(definition);
    if (known === "open") isCircular = true;
    if (known !== undefined) return known === "open" ? 0 : known;
    counts.set(definition, "open");
    const own = readTokens(definition);
    openBrackets = Math.max(openBrackets, own.openBrackets);
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
  const tokens = roots.reduce((sum, root) => sum + count(root), 0);
  return { roots, tokens, openBrackets, isCircular };
}

const BRACKETS: ReadonlyMap<TokenKind, number> = new Map([
  [TokenKind.BRACE_L, 1],
  [TokenKind.BRACKET_L, 1],
  [TokenKind.PAREN_L, 1],
  [TokenKind.BRACE_R, -1],
  [TokenKind.BRACKET_R, -1],
  [TokenKind.PAREN_R, -1],
]);

function readTokens({ loc }: DefinitionNode) {
  const spreads: string[] = [];
  let count = 0;
  let open = 0;
  let openBrackets = 0;
  for (let token = loc?.startToken; token !== undefined; token = token.next ?? undefined) {
    if (token.kind !== TokenKind.COMMENT) count += 1;
    open += BRACKETS.get(token.kind) ?? 0;
    openBrackets = Math.max(openBrackets, open);
    if (token.prev?.kind === TokenKind.SPREAD && token.kind === TokenKind.NAME)
      spreads.push(token.value);
    if (token === loc?.endToken) break;
  }
  return { count, openBrackets, spreads };
}

/**
 * Whether there are too many pairs of fields of one name, or of fragments, in one place of the answer. Takes time by the
 * length of the roots with their fragments written out; no fragment may spread itself.
 */
function hasMorePairs(roots: readonly DefinitionNode[], fragments: Fragments): boolean {
  let pairCount = 0;
  const open = roots.map((root) => ("selectionSet" in root ? [root.selectionSet] : []));
  for (let sets = open.pop(); sets !== undefined && pairCount <= MOST_PAIRS; sets = open.pop()) {
    const { fields, spreadCount } = collect(sets, fragments);
    pairCount += toPairs(spreadCount);
    for (const { count, below } of fields) {
      pairCount += toPairs(count);
      if (below.length > 0) open.push(below);
    }
  }
  return pairCount > MOST_PAIRS;
}

type Field = { count: number; readonly below: SelectionSetNode[] };

/** The fields of one place by their name in the answer, through all fragments. */
function collect(sets: readonly SelectionSetNode[], fragments: Fragments) {
  const fields = new Map<string, Field>();
  const open = [...sets];
  let spreadCount = 0;
  for (let set = open.pop(); set !== undefined; set = open.pop()) {
    for (const selection of set.selections) {
      if (selection.kind === Kind.FIELD) {
        const key = (selection.alias ?? selection.name).value;
        const field = fields.get(key) ?? { count: 0, below: [] };
        field.count += 1;
        if (selection.selectionSet !== undefined) field.below.push(selection.selectionSet);
        fields.set(key, field);
        continue;
      }
      if (selection.kind === Kind.FRAGMENT_SPREAD) spreadCount += 1;
      const below =
        selection.kind === Kind.FRAGMENT_SPREAD
          ? fragments.get(selection.name.value)?.selectionSet
          : selection.selectionSet;
      if (below !== undefined) open.push(below);
    }
  }
  return { fields: fields.values(), spreadCount };
}

function toPairs(count: number): number {
  return (count * (count - 1)) / 2;
}

function tooLong(limit: number, when = ""): GraphQLError {
  const message = `The document has more than ${limit} tokens${when}. Ask for less, split it, or move values into variables.`;
  return documentError("DOCUMENT_TOO_LARGE", limit, message);
}

function tooDeep(): GraphQLError {
  const message = `The document has more than ${MOST_OPEN_BRACKETS} brackets open at once. Ask for less depth, or move values into variables.`;
  return documentError("DOCUMENT_TOO_LARGE", MOST_OPEN_BRACKETS, message);
}

function tooRepetitive(): GraphQLError {
  const message = `The document repeats fields or fragments in one place so often that more than ${MOST_PAIRS} pairs would have to be compared. Ask for each field once.`;
  return documentError("DOCUMENT_TOO_LARGE", MOST_PAIRS, message);
}
