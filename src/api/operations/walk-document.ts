import type {
  DocumentNode,
  OperationDefinitionNode,
  SelectionNode,
  SelectionSetNode,
} from "graphql";
import { Kind, OperationTypeNode, TokenKind } from "graphql";

/** What the operations of a document ask for with their fragments written out. */
export type Extent = {
  tokens: number;
  /** How many the operation has that has most. */
  mutations: number;
  /** How many members of the schema are read, roughly. */
  members: number;
  hasDirectives: boolean;
  /** Whether one object of the answer has a field that is written twice. */
  hasRepeats: boolean;
};

/** A field of an object of the answer, with those of its own by their names there. */
type Field = { readonly below: Map<string, Field> };

/**
 * Stops beyond `mostTokens`: twenty short fragments that each spread the next one twice are a million fields. No fragment
 * may spread itself.
 */
export function walkDocument({ definitions }: DocumentNode, mostTokens: number): Extent {
  const fragments = new Map(
    definitions
      .filter((one) => one.kind === Kind.FRAGMENT_DEFINITION)
      .map((one) => [one.name.value, one]),
  );
  const extent = { tokens: 0, mutations: 0, members: 0, hasDirectives: false, hasRepeats: false };

  function add(node: OperationDefinitionNode | SelectionNode): void {
    extent.tokens += countTokens(node);
    extent.hasDirectives ||= (node.directives ?? []).length > 0;
  }

  /** An object of the answer has what several sets select. `times` is how often the schema is read there, or 0. */
  function walk({ selections }: SelectionSetNode, { below }: Field, times: number): void {
    for (const node of selections) {
      add(node);
      if (extent.tokens > mostTokens) return;
      if (node.kind === Kind.FIELD) {
        const name = node.name.value;
        const key = node.alias?.value ?? name;
        const known = below.get(key);
        const field = known ?? { below: new Map<string, Field>() };
        below.set(key, field);
        extent.hasRepeats ||= known !== undefined;
        extent.members += times;
        const timesBelow = (name.startsWith("__") ? 1 : times) * (MEMBERS.get(name) ?? 1);
        if (node.selectionSet) walk(node.selectionSet, field, timesBelow);
      } else {
        const { selectionSet } =
          node.kind === Kind.INLINE_FRAGMENT ? node : (fragments.get(node.name.value) ?? {});
        if (selectionSet) walk(selectionSet, { below }, times);
      }
    }
  }

  for (const operation of definitions) {
    if (operation.kind !== Kind.OPERATION_DEFINITION) continue;
    const below = new Map<string, Field>();
    add(operation);
    walk(operation.selectionSet, { below }, 0);
    if (operation.operation !== OperationTypeNode.MUTATION) continue;
    extent.mutations = Math.max(extent.mutations, below.size - Number(below.has("__typename")));
  }
  return extent;
}

/** How many members a field of the schema's own types leads to, roughly: only the proportions count. */
const MEMBERS: ReadonlyMap<string, number> = new Map(
  Object.entries({ types: 300, __type: 60, fields: 5, args: 2, inputFields: 2, ofType: 0.5 }),
);

/** Without what the node selects, and without comments. */
function countTokens(node: OperationDefinitionNode | SelectionNode): number {
  const end = ("selectionSet" in node && node.selectionSet?.loc?.startToken) || node.loc?.endToken;
  let count = 1;
  for (let token = node.loc?.startToken; token && token !== end; token = token.next ?? undefined)
    if (token.kind !== TokenKind.COMMENT) count += 1;
  return count;
}
