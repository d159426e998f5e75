import type { GraphQLResolveInfo, OperationDefinitionNode } from "graphql";
import { visit } from "graphql";

import type { DocumentName } from "../store/read-jobs.ts";

const known = new WeakMap<OperationDefinitionNode, ReadonlySet<string>>();
/** What a job's fields are read from. */
const DOCUMENTS: readonly (readonly [string, DocumentName])[] = [
  ["input", "input"],
  ["output", "output"],
  ["typedOutput", "output"],
  ["assets", "assets"],
];

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

/** The documents that some fields of a job take. */
export function findDocumentNames(selected: ReadonlySet<string>): readonly DocumentName[] {
  return DOCUMENTS.flatMap(([field, name]) => (selected.has(field) ? [name] : []));
}
