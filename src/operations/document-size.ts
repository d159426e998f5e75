import type {
  DefinitionNode,
  DocumentNode,
  FragmentDefinitionNode,
  GraphQLSchema,
  SelectionNode,
  SelectionSetNode,
} from "graphql";
import {
  GraphQLError,
  Kind,
  NoFragmentCyclesRule,
  OperationTypeNode,
  parse,
  TokenKind,
  validate,
} from "graphql";

import { CodedError } from "../runtime/coded-error.ts";
import { toGraphQLError } from "./mask-error.ts";

/** Whatever walks a document recurses at each of them. */
const MAX_OPEN_BRACKETS = 200;
/** GraphQL's rule of fields that merge takes some microseconds for each two in one object. */
const MAX_PAIRS = 10_000;
/** Unlike queries, each may write, or wait for RunComfy. */
const MAX_MUTATIONS = 10;

/** Parses a document of at most so many characters and tokens, or says why it can't be. */
export function parseWithin(
  text: string,
  { characters, tokens }: { readonly characters: number; readonly tokens: number },
): DocumentNode | GraphQLError {
  if (text.length > characters) return tooLong(characters, "characters");
  try {
    return parse(text, { maxTokens: tokens });
  } catch (error) {
    // The parser ran out of stack.
    if (error instanceof RangeError) return tooDeep();
    if (!(error instanceof GraphQLError)) throw error;
    return error.message.includes(`that ${tokens} tokens`) ? tooLong(tokens, "tokens") : error;
  }
}

/**
 * Why a document is more than GraphQL's own rules should walk, or null. With its fragments written out it may be no longer
 * than `limit` either: twenty short fragments that each spread the next one twice are a million fields.
 */
export function findExcess(
  schema: GraphQLSchema,
  document: DocumentNode,
  limit: number,
): GraphQLError | null {
  if (countOpenBrackets(document) > MAX_OPEN_BRACKETS) return tooDeep();
  // Written out, a fragment that spreads itself would have no end.
  const [circle] = validate(schema, document, [NoFragmentCyclesRule], { maxErrors: 1 });
  return circle ?? writeOut(document, limit);
}

type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;

export function toFragments({ definitions }: DocumentNode): Fragments {
  return new Map(
    definitions
      .filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION)
      .map((fragment) => [fragment.name.value, fragment]),
  );
}

/** The most that are open at once. */
function countOpenBrackets({ loc }: DocumentNode): number {
  let open = 0;
  let most = 0;
  for (let token = loc?.startToken; token !== undefined; token = token.next ?? undefined) {
    if ("([{".includes(token.kind)) open += 1;
    if (")]}".includes(token.kind)) open -= 1;
    most = Math.max(most, open);
  }
  return most;
}

/** What has one name in an object of the answer. */
type Field = { readonly name: string; count: number; readonly below: SelectionSetNode[] };

/** Walks each operation object by object, with the fields of all fragments there; takes time by `limit`. */
function writeOut(document: DocumentNode, limit: number): GraphQLError | null {
  const fragments = toFragments(document);
  const tokenCounts = new Map<DefinitionNode | SelectionNode, number>();
  const spread = new Set<SelectionSetNode>();
  let tokenCount = 0;
  let pairCount = 0;

  /** Without what the node selects. A node may come often, and hold many comments, so its tokens are counted once. */
  function addTokens(node: DefinitionNode | SelectionNode): void {
    const count = tokenCounts.get(node) ?? countTokens(node);
    tokenCounts.set(node, count);
    tokenCount += count;
  }

  /** Counts the fields and spreads of one object, and gives its fields as GraphQL would run them. */
  function collect(sets: SelectionSetNode[]): readonly Field[] {
    const fields = new Map<string, Field>();
    let spreadCount = 0;
    // `sets` grows on the way.
    for (const set of sets) {
      for (const selection of set.selections) {
        addTokens(selection);
        if (tokenCount > limit) return [];
        if (selection.kind === Kind.FIELD) {
          const key = (selection.alias ?? selection.name).value;
          const field = fields.get(key) ?? { name: selection.name.value, count: 0, below: [] };
          field.count += 1;
          if (selection.selectionSet !== undefined) field.below.push(selection.selectionSet);
          fields.set(key, field);
        } else if (selection.kind === Kind.INLINE_FRAGMENT) {
          sets.push(selection.selectionSet);
        } else {
          const set = fragments.get(selection.name.value)?.selectionSet;
          spreadCount += 1;
          if (set !== undefined) {
            sets.push(set);
            spread.add(set);
          }
        }
      }
    }
    pairCount += toPairs(spreadCount);
    for (const { count } of fields.values()) pairCount += toPairs(count);
    return [...fields.values()];
  }

  // Fragments last, as only those that nothing spreads, or that another of their name hides, are left to walk.
  const isFragment = ({ kind }: DefinitionNode) => kind === Kind.FRAGMENT_DEFINITION;
  for (const root of document.definitions.toSorted((a, b) => +isFragment(a) - +isFragment(b))) {
    if (!("selectionSet" in root) || spread.has(root.selectionSet)) continue;
    addTokens(root);
    const objects = [[root.selectionSet]];
    let mayMutate = "operation" in root && root.operation === OperationTypeNode.MUTATION;
    for (let sets = objects.pop(); sets !== undefined; sets = objects.pop()) {
      const fields = collect(sets);
      const mutations = mayMutate ? fields.filter(({ name }) => name !== "__typename") : [];
      if (mutations.length > MAX_MUTATIONS) return tooManyMutations(mutations.length);
      mayMutate = false;
      objects.push(...fields.map(({ below }) => below));
      if (tokenCount > limit) return tooLong(limit, "tokens once its fragments are written out");
      if (pairCount > MAX_PAIRS) return tooRepetitive();
    }
  }
  return null;
}

function countTokens(node: DefinitionNode | SelectionNode): number {
  const end = ("selectionSet" in node && node.selectionSet?.loc?.startToken) || node.loc?.endToken;
  let count = 1;
  for (let token = node.loc?.startToken; token && token !== end; token = token.next ?? undefined)
    if (token.kind !== TokenKind.COMMENT) count += 1;
  return count;
}

function toPairs(count: number): number {
  return (count * (count - 1)) / 2;
}

function tooLong(limit: number, what: string): GraphQLError {
  return tooLarge(
    limit,
    `The document has more than ${limit} ${what}. Ask for less, split it, or move values into variables.`,
  );
}

function tooDeep(): GraphQLError {
  return tooLarge(
    MAX_OPEN_BRACKETS,
    `The document has more than ${MAX_OPEN_BRACKETS} brackets open at once. Nest it less, or move values into variables.`,
  );
}

function tooRepetitive(): GraphQLError {
  return tooLarge(
    MAX_PAIRS,
    `The document repeats fields or fragments so often in one object that GraphQL would have to compare more than ${MAX_PAIRS} pairs. Ask for each field once.`,
  );
}

function tooManyMutations(count: number): GraphQLError {
  return tooLarge(
    MAX_MUTATIONS,
    `The operation has ${count} mutations, and may have ${MAX_MUTATIONS}. Send the others in further requests.`,
  );
}

function tooLarge(limit: number, message: string): GraphQLError {
  return documentError("DOCUMENT_TOO_LARGE", limit, message);
}

/** A document asks for more than it may. */
export function documentError(
  code: "DOCUMENT_TOO_LARGE" | "DOCUMENT_TOO_COSTLY",
  limit: number,
  message: string,
): GraphQLError {
  return toGraphQLError(new CodedError(code, message, { limit }));
}
