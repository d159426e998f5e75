import { createHash } from "node:crypto";

import type { ObjectShape, Shape } from "../../engine/deployments/catalogue.ts";
import { ownMember } from "../../engine/deployments/json-schema.ts";
import {
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  toCanonicalJson,
} from "../../engine/job/json.ts";

const MAX_VALUES = 1_000;

/**
 * A digest of all in an input that may decide what it costs: enums, numbers, booleans and lengths of lists, with the defaults
 * for what it leaves out; and of whose prices hold. Texts, files and seeds make no difference. What the schema does not
 * describe counts as it is. Null for an input of more values than a form has: nobody repeats one, and its digest would take
 * the thread.
 */
export function digestSettings(
  input: JsonObject,
  shape: ObjectShape,
  upstream: string,
): string | null {
  if (hasManyValues(input)) return null;
  const settings = toCanonicalJson([upstream, toSettings(input, shape)]);
  return createHash("sha256").update(settings).digest("base64url");
}

function hasManyValues(input: JsonObject): boolean {
  const values: JsonValue[] = [input];
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at] ?? null;
    const members = isJsonArray(value) ? value : isJsonObject(value) ? Object.values(value) : [];
    if (values.length + members.length > MAX_VALUES) return true;
    values.push(...members);
  }
  return false;
}

function toSettings(input: JsonObject, { fields }: ObjectShape): JsonObject {
  const known = new Set(fields.map(({ name }) => name));
  const members = [
    ...Object.entries(input).filter(([name]) => !known.has(name)),
    ...fields.map(({ name, shape, default: initial = null }) => {
      const value = ownMember(input, name) ?? initial;
      return [name, toSetting(value, shape)] as const;
    }),
  ];
  return Object.fromEntries(members.filter(([name]) => name !== "seed"));
}

function toSetting(value: JsonValue, shape: Shape): JsonValue {
  switch (shape.kind) {
    case "enum":
      return value;
    case "scalar":
      return shape.scalar === "String" ? null : value;
    case "list":
      return isJsonArray(value) ? value.map((item) => toSetting(item, shape.item)) : value;
    case "object":
      return isJsonObject(value) ? toSettings(value, shape.object) : value;
  }
}
