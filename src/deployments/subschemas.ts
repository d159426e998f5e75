import type { JsonSchema, JsonSchemaObject } from "./json-schema.ts";

/** Keywords whose value is one schema. */
export const SINGLE_KEYWORDS = [
  "additionalProperties",
  "propertyNames",
  "unevaluatedProperties",
  "items",
  "unevaluatedItems",
  "contains",
  "not",
  "if",
  "then",
  "else",
] as const;

/** Keywords whose value is a list of schemas. */
export const LIST_KEYWORDS = ["prefixItems", "allOf", "anyOf", "oneOf"] as const;

/** Keywords whose value is a map of schemas, without `$defs`, which checks nothing by itself. */
export const MAP_KEYWORDS = ["properties", "patternProperties", "dependentSchemas"] as const;

/** The target of a `$ref`; a reader lets no document pass that lacks one. */
export function resolveReference(root: JsonSchemaObject, reference: string): JsonSchema {
  if (reference === "#") return root;
  return ownMember(root.$defs, reference.replace("#/$defs/", "")) ?? true;
}

/** A schema, what its `$ref` leads to, and so on. */
export function withTargets(root: JsonSchemaObject, schema: JsonSchema): readonly JsonSchema[] {
  return [...closure([schema], (each) => referenced(root, each))];
}

/** A member that is the map's own, so that `constructor` is one only where the map says so. */
export function ownMember<Value>(
  map: Readonly<Record<string, Value>> | undefined,
  name: string,
): Value | undefined {
  return map !== undefined && Object.hasOwn(map, name) ? map[name] : undefined;
}

/** The schemas and all that speak of the same value: `$ref`, and every branch whether it holds or not. */
export function schemasInPlace(
  root: JsonSchemaObject,
  schemas: readonly JsonSchema[],
): JsonSchemaObject[] {
  return [
    ...closure(schemas, (schema) => [
      ...referenced(root, schema),
      ...[schema.if, schema.then, schema.else].filter((branch) => branch !== undefined),
      ...[schema.allOf, schema.anyOf, schema.oneOf].flatMap((branches) => branches ?? []),
      ...Object.values(schema.dependentSchemas ?? {}),
    ]),
  ].filter((schema) => typeof schema === "object");
}

/** The schemas and all below them, through `$ref` too. */
export function schemasBelow(
  root: JsonSchemaObject,
  schemas: readonly JsonSchema[],
): ReadonlySet<JsonSchema> {
  return closure(schemas, (schema) => [
    ...referenced(root, schema),
    ...SINGLE_KEYWORDS.map((keyword) => schema[keyword]).filter((inner) => inner !== undefined),
    ...LIST_KEYWORDS.flatMap((keyword) => schema[keyword] ?? []),
    ...MAP_KEYWORDS.flatMap((keyword) => Object.values(schema[keyword] ?? {})),
  ]);
}

function referenced(root: JsonSchemaObject, schema: JsonSchemaObject): JsonSchema[] {
  return schema.$ref === undefined ? [] : [resolveReference(root, schema.$ref)];
}

function closure(
  schemas: readonly JsonSchema[],
  next: (schema: JsonSchemaObject) => readonly JsonSchema[],
): Set<JsonSchema> {
  const found = new Set(schemas);
  // A set's loop also visits what is added on the way, and nothing twice.
  for (const schema of found) {
    if (typeof schema === "object") for (const inner of next(schema)) found.add(inner);
  }
  return found;
}
