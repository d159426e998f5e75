import type {
  DocumentNode,
  OperationDefinitionNode,
  SelectionNode,
  SelectionSetNode,
} from "graphql";
import { Kind, OperationTypeNode, TokenKind } from "graphql";

/** What has one name in an object of the answer, and what its own object has. */
type Field = { count: number; readonly below: Map<string, Field> };

/**
 * What the operations of a document ask for with their fragments written out, of which none may spread itself. Stops
 * beyond `mostTokens`: twenty short fragments that each spread the next one twice are a million fields.
 */
export function walkDocument({ definitions }: DocumentNode, mostTokens: number) {
  const fragments = new Map(
    definitions
      .filter((one) => one.kind === Kind.FRAGMENT_DEFINITION)
      .map((one) => [one.name.value, one]),
  );
  const extent = {
    tokens: 0,
    /** How many the operation has that has most. */
    mutations: 0,
    /** How many members of the schema are read, roughly. */
    members: 0,
    /** Pairs of fields and of spreads that GraphQL compares, because they meet in one object of the answer. */
    pairs: 0,
    hasDirectives: false,
  };

  function add(node: OperationDefinitionNode | SelectionNode): void {
    extent.tokens += countTokens(node);
    extent.hasDirectives ||= (node.directives ?? []).length > 0;
  }

  function meet(fields: Map<string, Field>, name: string): Field {
    const field = fields.get(name) ?? { count: 0, below: new Map<string, Field>() };
    fields.set(name, field);
    extent.pairs += field.count;
    field.count += 1;
    return field;
  }

  /** An object of the answer has what several sets select. `times` is how often the schema is read there, or 0. */
  function walk({ selections }: SelectionSetNode, fields: Map<string, Field>, times: number): void {
    for (const node of selections) {
      add(node);
      if (extent.tokens > mostTokens) return;
      if (node.kind === Kind.FIELD) {
        const name = node.name.value;
        const { below } = meet(fields, node.alias?.value ?? name);
        extent.members += times;
        const timesBelow = (name.startsWith("__") ? 1 : times) * (MEMBERS.get(name) ?? 1);
        if (node.selectionSet) walk(node.selectionSet, below, timesBelow);
      } else if (node.kind === Kind.INLINE_FRAGMENT) {
        walk(node.selectionSet, fields, times);
      } else {
        meet(fields, SPREAD);
        const fragment = fragments.get(node.name.value);
        if (fragment) walk(fragment.selectionSet, fields, times);
      }
    }
  }

  for (const operation of definitions) {
    if (operation.kind !== Kind.OPERATION_DEFINITION) continue;
    const fields = new Map<string, Field>();
    add(operation);
    walk(operation.selectionSet, fields, 0);
    if (operation.operation !== OperationTypeNode.MUTATION) continue;
    const names = [...fields.keys()].filter((name) => name !== SPREAD && name !== "__typename");
    extent.mutations = Math.max(extent.mutations, names.length);
  }
  return extent;
}

/** All spreads of an object are compared, whatever they are called. */
const SPREAD = "...";
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
