import { decode } from "./address";
import { isObject, isText, type JsonObject } from "./json";

const MAX_STEPS = 8;

/** A schema's own words, with those that it refers to; a value or null counts as the value. */
export function resolve(schema: unknown, root: JsonObject, steps = MAX_STEPS): JsonObject {
  if (!isObject(schema) || steps === 0) return {};
  const { $ref, anyOf, oneOf, ...own } = schema;
  if (isText($ref)) return { ...resolve(find($ref, root), root, steps - 1), ...own };
  const alternatives = Array.isArray(anyOf) ? anyOf : Array.isArray(oneOf) ? oneOf : [];
  const [only, ...others] = alternatives.filter((one) => !isObject(one) || one["type"] !== "null");
  if (only !== undefined && others.length === 0)
    return { ...resolve(only, root, steps - 1), ...own };
  return schema;
}

/** The members that an input may have, and which it must have, wherever the schema says so. */
export function readMembers(schema: JsonObject): {
  readonly members: readonly (readonly [string, JsonObject])[];
  readonly required: ReadonlySet<unknown>;
} {
  const { allOf } = schema;
  const parts = [schema, ...(Array.isArray(allOf) ? allOf : [])].map((one) => resolve(one, schema));
  const members = new Map<string, JsonObject>();
  const required = new Set<unknown>();
  for (const part of parts) {
    if (isObject(part["properties"])) {
      for (const [name, member] of Object.entries(part["properties"]))
        members.set(name, resolve(member, schema));
    }
    if (Array.isArray(part["required"])) for (const name of part["required"]) required.add(name);
  }
  return { members: [...members], required };
}

/** The one type that a value may have besides null; empty if there are several or none. */
export function typeOf({ type }: JsonObject): string {
  const types = (Array.isArray(type) ? type : [type]).filter((one) => one !== "null");
  const [only] = types;
  return types.length === 1 && isText(only) ? only : "";
}

function find(reference: string, root: JsonObject): unknown {
  if (!reference.startsWith("#")) return undefined;
  const names = reference.slice(1).split("/").slice(1);
  return names.reduce<unknown>((at, name) => {
    const key = decode(name).replaceAll("~1", "/").replaceAll("~0", "~");
    return isObject(at) ? at[key] : Array.isArray(at) ? at[Number(key)] : undefined;
  }, root);
}
