import type { SchemaDraft } from "../json-schema.ts";

/** What OpenAPI's `nullable: true` makes of a schema: null is allowed too. */
export function allowNull(draft: SchemaDraft): SchemaDraft {
  const decides = DECIDING.some((keyword) => draft[keyword] !== undefined);
  if (decides || (draft.const !== undefined && draft.enum !== undefined)) return orNull(draft);
  const widened = { ...draft };
  if (draft.type !== undefined) widened.type = [...new Set([...draft.type, "null" as const])];
  const values = draft.const === undefined ? draft.enum : [draft.const];
  if (values !== undefined && !values.includes(null)) {
    delete widened.const;
    widened.enum = [...values, null];
  }
  return widened;
}

/** Whether these refuse null can't be told from here. */
const DECIDING = ["$ref", "allOf", "anyOf", "oneOf", "not", "if"] as const;

function orNull({ title, description, default: fallback, ...checked }: SchemaDraft): SchemaDraft {
  return {
    ...(title !== undefined && { title }),
    ...(description !== undefined && { description }),
    ...(fallback !== undefined && { default: fallback }),
    anyOf: [checked, { type: ["null"] }],
  };
}
