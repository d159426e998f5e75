import { decode } from "./address";
import { isObject, isText, type JsonObject } from "./json";

const MAX_STEPS = 8;

/** A schema's own words, with those that it refers to; a value or null counts as the value. */
export function resolve(schema: unknown, root: JsonObject, steps = MAX_STEPS): JsonObject {
  if (!isObject(schema) || steps === 0) return {};
  const { $ref, anyOf, oneOf, ...own } = schema;
  if (isText($ref)) return { ...resolve(find($ref, root), root, steps - 1), ...own };
  const all = "properties" in own ? [] : own["allOf"];
  const [only, ...others] = [anyOf, oneOf, all].map(withoutNull).find(isGiven) ?? [];
  if (only !== undefined && others.length === 0)
    return { ...resolve(only, root, steps - 1), ...own };
  return schema;
}

/** What a value may be besides null where that is one of several things, each with what is said of all of them. */
export function readAlternatives(schema: JsonObject, root: JsonObject): readonly JsonObject[] {
  const { anyOf, oneOf, title: _title, description: _text, default: _value, ...own } = schema;
  const several = [anyOf, oneOf].map(withoutNull).find(isGiven) ?? [];
  // Others only say what must be given together.
  const words = "properties" in own ? ["properties"] : SHAPE_WORDS;
  if (several.some((one) => words.some((word) => word in resolve(one, root))))
    return Array.from(several, (one) => {
      const alternative = isObject(one) ? one : {};
      return { ...alternative, allOf: [...listOf(alternative["allOf"]), own] };
    });
  const types = listOf(own["type"]).filter((one) => one !== "null");
  return types.length > 1 ? Array.from(types, (type) => ({ ...own, type })) : [];
}

const SHAPE_WORDS = ["type", "properties", "items", "enum", "const", "anyOf", "oneOf", "allOf"];

function withoutNull(alternatives: unknown): readonly unknown[] {
  return listOf(alternatives).filter((one) => !isObject(one) || one["type"] !== "null");
}

function isGiven(list: readonly unknown[]): boolean {
  return list.length > 0;
}

function listOf(list: unknown): readonly unknown[] {
  return Array.isArray(list) ? list : [];
}

/** The members that an object may have, and which it must have, wherever the schema says so. */
export function readMembers(
  schema: JsonObject,
  root: JsonObject,
): {
  readonly members: readonly (readonly [string, JsonObject])[];
  readonly required: ReadonlySet<unknown>;
} {
  const parts = [schema, ...listOf(schema["allOf"])].map((one) => resolve(one, root));
  const members = new Map<string, JsonObject>();
  const required = new Set<unknown>();
  for (const part of parts) {
    if (isObject(part["properties"])) {
      for (const [name, member] of Object.entries(part["properties"]))
        members.set(name, resolve(member, root));
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
