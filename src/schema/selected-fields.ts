import type { GraphQLResolveInfo, OperationDefinitionNode } from "graphql";
import { visit } from "graphql";

const known = new WeakMap<OperationDefinitionNode, ReadonlySet<string>>();
/** Of a job: each takes its output. */
const OUTPUT_FIELDS = ["output", "assets", "typedOutput"];

/** The names of all fields in the document, of whatever type. */
export function findSelected({ operation, fragments }: GraphQLResolveInfo): ReadonlySet<string> {
  const found = known.get(operation);
  if (found !== undefined) return found;
  const names = new Set<string>();
  const Field = ({ name }: { readonly name: { readonly value: string } }): void => {
    names.add(name.value);
  };
  for (const node of [operation, ...Object.values(fragments)]) visit(node, { Field });
  known.set(operation, names);
  return names;
}

export function isOutputSelected(selected: ReadonlySet<string>): boolean {
  return OUTPUT_FIELDS.some((name) => selected.has(name));
}
