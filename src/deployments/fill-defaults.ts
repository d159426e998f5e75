import type { JsonObject, JsonValue } from "../job/json.ts";
import { isJsonArray, isJsonObject } from "../job/json.ts";
import type { FieldShape, ObjectShape, Shape } from "./shape/shape.ts";

export type Filled = {
  /** A copy. */
  readonly input: JsonObject;
  /** What was filled in, and where, as JSON pointers. */
  readonly defaults: readonly { readonly pointer: string; readonly field: FieldShape }[];
};

/** Fills in all defaults but the refused, nested ones too; Ajv would also fill in those of alternatives that don't hold. */
export function fillDefaults(
  input: JsonObject,
  shape: ObjectShape | null,
  refused: ReadonlySet<FieldShape>,
): Filled {
  const defaults: { readonly pointer: string; readonly field: FieldShape }[] = [];

  function fillObject(object: JsonObject, { fields }: ObjectShape, at: string): JsonObject {
    const members = new Map(Object.entries(object));
    for (const field of fields) {
      const pointer = `${at}/${field.name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
      const value = members.get(field.name);
      if (value !== undefined) {
        members.set(field.name, fillValue(value, field.shape, pointer));
      } else if (field.default !== undefined && !refused.has(field)) {
        members.set(field.name, structuredClone(field.default));
        defaults.push({ pointer, field });
      }
    }
    return Object.fromEntries(members);
  }

  function fillValue(value: JsonValue, shape: Shape, at: string): JsonValue {
    if (shape.kind === "object" && isJsonObject(value)) return fillObject(value, shape.object, at);
    if (shape.kind !== "list" || !isJsonArray(value)) return value;
    return value.map((item, index) => fillValue(item, shape.item, `${at}/${index}`));
  }

  return { input: shape === null ? input : fillObject(input, shape, ""), defaults };
}
