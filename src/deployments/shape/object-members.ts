import type { JsonValue } from "../../job/json.ts";
import type { JsonSchema, JsonSchemaObject } from "../json-schema.ts";
import { toBranches, toParts } from "../schema-facts.ts";

/** What is known of one member of an object. */
export type ObjectMember = {
  readonly name: string;
  readonly schema: JsonSchema;
  readonly isRequired: boolean;
  readonly default: JsonValue | undefined;
  /** Whether something may be filled in when it is left out; a branch may have a default of its own. */
  readonly isFilledIn: boolean;
};

/**
 * Every member that the parts of an object's schema name, those with a schema first. One that has its schema only in
 * some branch may be anything.
 */
export function toMembers(
  root: JsonSchemaObject,
  parts: readonly JsonSchemaObject[],
): readonly ObjectMember[] {
  const definitions = new Map<string, JsonSchema[]>();
  for (const part of parts) collectProperties(part, definitions);
  const alternatives = new Map<string, JsonSchema[]>();
  const branchParts = toBranchParts(root, parts);
  for (const part of branchParts) collectProperties(part, alternatives);
  for (const { not } of [...parts, ...branchParts]) {
    for (const part of toParts(root, not ?? true)) collectProperties(part, alternatives);
  }
  const required = new Set(parts.flatMap((part) => part.required ?? []));
  const names = new Set([...definitions.keys(), ...alternatives.keys()]);
  if (!parts.some(isClosed)) {
    for (const name of [...parts, ...branchParts].flatMap(toMentionedNames)) names.add(name);
  }
  return Array.from(names, (name) => {
    const defined = definitions.get(name) ?? [];
    const possible = alternatives.get(name) ?? [];
    return {
      name,
      schema: combine(defined, possible),
      isRequired: required.has(name),
      default: defined.find(hasDefault)?.default,
      isFilledIn: [...defined, ...possible].some(hasDefault),
    };
  });
}

/** One schema that demands what all of the given do, and names what the alternatives do. */
export function combine(
  schemas: readonly JsonSchema[],
  alternatives: readonly JsonSchema[] = [],
): JsonSchema {
  const [only = true, ...others] = schemas;
  if (others.length === 0 && alternatives.length === 0) return only;
  return { allOf: schemas, anyOf: [...alternatives, true] };
}

/** Whether the schema itself says something about an object's members. */
export function isAboutMembers(root: JsonSchemaObject, schema: JsonSchemaObject): boolean {
  return (
    schema.properties !== undefined ||
    schema.not !== undefined ||
    isOpen(schema) ||
    isClosed(schema) ||
    toMentionedNames(schema).length > 0 ||
    toBranches(root, schema).length > 0
  );
}

/** Whether it says that there are members which it does not name. */
export function isOpen(schema: JsonSchemaObject): boolean {
  const { patternProperties, additionalProperties, unevaluatedProperties } = schema;
  return (
    Object.keys(patternProperties ?? {}).length > 0 ||
    (additionalProperties ?? false) !== false ||
    (unevaluatedProperties ?? false) !== false
  );
}

function isClosed(schema: JsonSchemaObject): boolean {
  return schema.additionalProperties === false || schema.unevaluatedProperties === false;
}

/** All that the branches demand, and the branches of those. */
function toBranchParts(
  root: JsonSchemaObject,
  parts: readonly JsonSchemaObject[],
): readonly JsonSchemaObject[] {
  const known = new Set(parts);
  // A set that is added to while it is read is read to its new end.
  for (const part of known) {
    for (const branch of toBranches(root, part)) {
      for (const branchPart of toParts(root, branch)) known.add(branchPart);
    }
  }
  return [...known].slice(parts.length);
}

function collectProperties(
  { properties = {} }: JsonSchemaObject,
  schemas: Map<string, JsonSchema[]>,
): void {
  for (const [name, schema] of Object.entries(properties)) {
    const others = schemas.get(name);
    if (others === undefined) schemas.set(name, [schema]);
    else others.push(schema);
  }
}

function toMentionedNames({
  required = [],
  dependentRequired = {},
  dependentSchemas = {},
}: JsonSchemaObject): readonly string[] {
  return [
    ...required,
    ...Object.keys(dependentRequired),
    ...Object.values(dependentRequired).flat(),
    ...Object.keys(dependentSchemas),
  ];
}

function hasDefault(schema: JsonSchema): schema is JsonSchemaObject {
  return typeof schema !== "boolean" && schema.default !== undefined;
}
