import type { JsonSchema, JsonSchemaObject, JsonType } from "./json-schema.ts";
import { resolveReference } from "./subschemas.ts";

/**
 * The schemas that a value other than null must all satisfy: the schema itself, what its `$ref` and `allOf` lead to, and
 * the one alternative to null. Each once and in the document's order, so that circles and diamonds end.
 */
export function toParts(root: JsonSchemaObject, schema: JsonSchema): readonly JsonSchemaObject[] {
  const parts = new Set<JsonSchemaObject>();
  const visit = (part: JsonSchema): void => {
    if (typeof part === "boolean" || parts.has(part)) return;
    parts.add(part);
    if (part.$ref !== undefined) visit(resolveReference(root, part.$ref));
    for (const member of part.allOf ?? []) visit(member);
    for (const members of [part.anyOf, part.oneOf]) {
      const [only, ...others] = withoutNull(root, members ?? []);
      if (only !== undefined && others.length === 0) visit(only);
    }
  };
  visit(schema);
  return [...parts];
}

/** The schemas in a schema's own keywords that a value may satisfy or not, but for `not`. */
export function toBranches(
  root: JsonSchemaObject,
  schema: JsonSchemaObject,
): readonly JsonSchema[] {
  const alternatives = [schema.anyOf, schema.oneOf].map((members) =>
    withoutNull(root, members ?? []),
  );
  const conditions = [schema.if, schema.then, schema.else];
  return [
    ...alternatives.flatMap((members) => (members.length > 1 ? members : [])),
    ...conditions.filter((branch) => branch !== undefined),
    ...Object.values(schema.dependentSchemas ?? {}),
  ];
}

/** Tells of any schema of the document whether null satisfies it. */
export function createNullCheck(root: JsonSchemaObject): (schema: JsonSchema) => boolean {
  const known = new Map<JsonSchemaObject, boolean>();
  const allowsNull = (schema: JsonSchema): boolean => {
    if (typeof schema === "boolean") return schema;
    const found = known.get(schema);
    if (found !== undefined) return found;
    // For whoever comes back here in a circle.
    known.set(schema, true);
    const answer = decide(schema);
    known.set(schema, answer);
    return answer;
  };
  const decide = (schema: JsonSchemaObject): boolean => {
    const { $ref, type, allOf, anyOf, oneOf, not } = schema;
    if (type?.includes("null") === false || schema.enum?.includes(null) === false) return false;
    if (schema.const !== undefined && schema.const !== null) return false;
    if ($ref !== undefined && !allowsNull(resolveReference(root, $ref))) return false;
    if (allOf?.every(allowsNull) === false || anyOf?.some(allowsNull) === false) return false;
    if (oneOf !== undefined && oneOf.filter(allowsNull).length !== 1) return false;
    if (not !== undefined && allowsNull(not)) return false;
    if (schema.if === undefined) return true;
    return allowsNull((allowsNull(schema.if) ? schema.then : schema.else) ?? true);
  };
  return allowsNull;
}

/** The types beside null that all parts allow, an integer being a number too; null where they name none. */
export function toTypes(parts: readonly JsonSchemaObject[]): readonly JsonType[] | null {
  let types: readonly JsonType[] | null = null;
  for (const { type } of parts) {
    if (type === undefined) continue;
    const listed: readonly JsonType[] = type.includes("number") ? [...type, "integer"] : type;
    types = types === null ? [...new Set(listed)] : types.filter((each) => listed.includes(each));
  }
  const isWithNumber = types?.includes("number") === true;
  return types?.filter((type) => type !== "null" && !(isWithNumber && type === "integer")) ?? null;
}

/** Whether an object can satisfy the document at all. */
export function allowsObject(root: JsonSchemaObject): boolean {
  return toTypes(toParts(root, root))?.includes("object") !== false;
}

/** The narrowest of the parts' inclusive bounds. */
export function toBounds(parts: readonly JsonSchemaObject[]): {
  readonly minimum: number | null;
  readonly maximum: number | null;
} {
  const minimums = parts.flatMap(({ minimum }) => minimum ?? []);
  const maximums = parts.flatMap(({ maximum }) => maximum ?? []);
  return {
    minimum: minimums.length === 0 ? null : Math.max(...minimums),
    maximum: maximums.length === 0 ? null : Math.min(...maximums),
  };
}

/** Whether GraphQL's Int, which has 32 bits, holds every integer that satisfies the parts. */
export function fitsInt(parts: readonly JsonSchemaObject[]): boolean {
  const isWithin = (bound: number | undefined): boolean =>
    bound !== undefined && bound >= -(2 ** 31) && bound <= 2 ** 31 - 1;
  return (
    parts.some((part) => isWithin(part.minimum) || isWithin(part.exclusiveMinimum)) &&
    parts.some((part) => isWithin(part.maximum) || isWithin(part.exclusiveMaximum))
  );
}

/** The alternatives but for those that only null satisfies. */
export function withoutNull(
  root: JsonSchemaObject,
  members: readonly JsonSchema[],
): readonly JsonSchema[] {
  return members.filter((member) => {
    if (typeof member === "boolean") return member;
    // One step only: a longer way might be a circle.
    const target = member.$ref === undefined ? true : resolveReference(root, member.$ref);
    return !isNothingButNull(member) && !isNothingButNull(target);
  });
}

function isNothingButNull(schema: JsonSchema): boolean {
  if (typeof schema === "boolean") return !schema;
  const isNull = (value: unknown): boolean => value === null;
  return (
    schema.const === null ||
    schema.enum?.every(isNull) === true ||
    schema.type?.every((type) => type === "null") === true
  );
}
