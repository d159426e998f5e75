import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from "../job/json.ts";

/**
 * A schema in the dialect of the vendor's catalogue as JSON Schema, part by part, so that what is found in it has the same
 * place in both. What is different there:
 *
 * - types in any case, and `float`;
 * - files as strings of the format `image_uri`, or lists of the format `image_uris`, with or without `items`;
 * - `required` may name what `properties` lack, and null stands for nothing said;
 * - an `enum` may list other values than those of its `type`, such as numbers as strings: what is listed decides;
 * - formats that only say how a form draws a field.
 */
export function toJsonSchema(vendor: JsonObject): JsonObject {
  const said = Object.entries(vendor).filter(([key, value]) => value !== null || key === "const");
  const schema = Object.fromEntries(
    said.map(([key, value]) => [key, translateMember(key, value, vendor)]),
  );
  return dropMismatchedType(withFiles(schema));
}

function translateMember(key: string, value: JsonValue, { properties }: JsonObject): JsonValue {
  if (key === "type")
    return isJsonArray(value) ? value.map((one) => translateType(one)) : translateType(value);
  if (key === "required" && isJsonArray(value) && isJsonObject(properties))
    return value.filter((name) => typeof name !== "string" || Object.hasOwn(properties, name));
  if (isData(key)) return value;
  if (!MAPS.has(key) || !isJsonObject(value)) return translatePart(value);
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [name, translatePart(part)]),
  );
}

function translatePart(part: JsonValue): JsonValue {
  if (isJsonArray(part)) return part.map(translatePart);
  return isJsonObject(part) ? toJsonSchema(part) : part;
}

function translateType(type: JsonValue): JsonValue {
  if (typeof type !== "string") return type;
  const lower = type.toLowerCase();
  return lower === "float" ? "number" : lower;
}

/** The format that one file has, of the format of a file or of several. */
const FILES = /^(\w+_uri)s?$/;

function withFiles({ format, ...schema }: JsonObject): JsonObject {
  const ofOne = typeof format === "string" ? FILES.exec(format)?.[1] : undefined;
  if (ofOne === undefined) return schema;
  const { type = format === ofOne ? "string" : "array", items = {} } = schema;
  if (type !== "array") return { ...schema, type, format: ofOne };
  const isOfTexts = isJsonObject(items) && (items["type"] ?? "string") === "string";
  return {
    ...schema,
    type,
    items: isOfTexts ? { type: "string", format: ofOne, ...items } : items,
  };
}

/** Without a type, `nullable` says nothing any more, so null is listed too. */
function dropMismatchedType(schema: JsonObject): JsonObject {
  const { type = null, nullable, ...untyped } = schema;
  const { enum: values } = schema;
  if (values === undefined || !isJsonArray(values)) return schema;
  if (isJsonArray(type) || values.every((value) => isOfType(value, type))) return schema;
  const isNullListed = nullable !== true || values.includes(null);
  return { ...untyped, enum: isNullListed ? values : [...values, null] };
}

function isOfType(value: JsonValue, type: JsonValue): boolean {
  return type === "integer" ? Number.isInteger(value) : type === typeof value;
}

/** Whether what this member of a schema holds is data, in which nothing counts as a schema. */
export function isData(key: string): boolean {
  return DATA.has(key) || key.startsWith("x-");
}

const DATA = new Set(["const", "default", "enum", "example", "examples", "validations"]);

/** What these members of a schema hold has names for keys. */
export const MAPS: ReadonlySet<string> = new Set([
  ...["$defs", "definitions", "properties", "patternProperties", "dependentSchemas"],
  "dependencies",
]);
