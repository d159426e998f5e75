import type { JsonValue } from "../job/json.ts";

/** A JSON Schema of draft 7 or 2020-12, or one inside it. */
export type JsonSchema = boolean | SchemaObject;

/** The keywords that are read here; Ajv knows the others too. */
export type SchemaObject = {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  /** OpenAPI's word, beside a `type` only. */
  readonly nullable?: boolean;
  readonly default?: JsonValue;
  readonly enum?: readonly JsonValue[];
  readonly const?: JsonValue;
  readonly required?: readonly string[];
  readonly uniqueItems?: boolean;
  readonly items?: JsonSchema | readonly JsonSchema[];
  readonly dependencies?: Readonly<Record<string, JsonSchema | readonly string[]>>;
  readonly dependentRequired?: Readonly<Record<string, readonly string[]>>;
  /** The vendor's own word: what it demands of a file, as a list of rules. Nothing else checks it. */
  readonly validations?: unknown;
} & {
  readonly [Keyword in "description" | "format" | "pattern"]?: string;
} & {
  readonly [
    Keyword in
      | `${"min" | "max"}${"Length" | "imum" | "Items" | "Properties"}`
      | `exclusive${"Min" | "Max"}imum`
      | "multipleOf"
  ]?: number;
} & {
  readonly [Keyword in "properties" | "patternProperties" | "dependentSchemas"]?: Readonly<
    Record<string, JsonSchema>
  >;
} & {
  readonly [Keyword in "allOf" | "anyOf" | "oneOf" | "prefixItems"]?: readonly JsonSchema[];
} & {
  readonly [
    Keyword in `${"additional" | "unevaluated"}Properties` | ("not" | "if" | "then" | "else")
  ]?: JsonSchema;
};

/** A document that was understood, and what each `$ref` in it leads to. */
export type SchemaDocument = {
  readonly draft: Draft;
  readonly root: SchemaObject;
  readonly targets: ReadonlyMap<string, JsonSchema>;
};

export const DRAFTS = ["draft-07", "2020-12"] as const;
export type Draft = (typeof DRAFTS)[number];

/** What a value that satisfies the schema satisfies in any case: the schema, and what its `$ref` and `allOf` lead to. */
export function toConjuncts(document: SchemaDocument, schema: JsonSchema): SchemaObject[] {
  return reach([schema], (part) => [...targetOf(document, part), ...(part.allOf ?? [])]);
}

/** The same of a value that is not null: also the one alternative to null. */
export function toParts(document: SchemaDocument, schema: JsonSchema): SchemaObject[] {
  return reach([schema], (part) => [
    ...targetOf(document, part),
    ...(part.allOf ?? []),
    ...[part.anyOf, part.oneOf].flatMap((members) => {
      const alternatives = withoutNull(document, members);
      return alternatives.length === 1 ? alternatives : [];
    }),
  ]);
}

/** All that speaks of the same value as these schemas, whether it holds or not. */
export function toSpeakers(
  document: SchemaDocument,
  schemas: readonly JsonSchema[],
): SchemaObject[] {
  return reach(schemas, (part) => [
    ...targetOf(document, part),
    ...[part.allOf, part.anyOf, part.oneOf].flatMap((members) => members ?? []),
    ...[part.not, part.if, part.then, part.else].filter((member) => member !== undefined),
    ...Object.values(part.dependentSchemas ?? {}),
    ...Object.values(part.dependencies ?? {}).filter(isSchemaPart),
  ]);
}

/** Each schema once and in the order in which it is come to. */
function reach(
  start: readonly JsonSchema[],
  next: (schema: SchemaObject) => readonly JsonSchema[],
): SchemaObject[] {
  const found = new Set(start);
  // A set's loop also visits what is added on the way, and nothing twice.
  for (const schema of found) {
    if (typeof schema === "object") for (const one of next(schema)) found.add(one);
  }
  return [...found].filter((schema) => typeof schema === "object");
}

function targetOf({ targets }: SchemaDocument, { $ref }: SchemaObject): JsonSchema[] {
  return $ref === undefined ? [] : [targets.get($ref) ?? true];
}

/** The alternatives but for those that only null satisfies. */
export function withoutNull(
  document: SchemaDocument,
  members: readonly JsonSchema[] = [],
): JsonSchema[] {
  const isNull = (one: JsonSchema): boolean =>
    typeof one === "object" &&
    (one.const === null ||
      one.enum?.every((value) => value === null) === true ||
      typesOf(one)?.every((type) => type === "null") === true);
  return members.filter((member) => {
    if (typeof member === "boolean") return member;
    return ![member, ...targetOf(document, member)].some(isNull);
  });
}

/** The types that a schema names, `null` among them where OpenAPI says so; null where it names none. */
function typesOf({ type, nullable }: SchemaObject): readonly string[] | null {
  if (type === undefined) return null;
  return [type, nullable === true ? "null" : []].flat();
}

/** The types beside null that all parts allow, an integer being a number too; null where they name none. */
export function toTypes(parts: readonly SchemaObject[]): readonly string[] | null {
  let types: readonly string[] | null = null;
  for (const own of parts.map(typesOf)) {
    if (own === null) continue;
    const listed = own.includes("number") ? [...own, "integer"] : own;
    types = types === null ? listed : types.filter((type) => listed.includes(type));
  }
  const isWithNumber = types?.includes("number") === true;
  const kept = types?.filter((type) => type !== "null" && !(isWithNumber && type === "integer"));
  return kept === undefined ? null : [...new Set(kept)];
}

/** Whether null may satisfy the schema; also true where that is not plain. */
export function allowsNull(document: SchemaDocument, schema: JsonSchema): boolean {
  const allows = (part: SchemaObject): boolean =>
    typesOf(part)?.includes("null") !== false &&
    part.enum?.includes(null) !== false &&
    (part.const ?? null) === null &&
    [part.anyOf, part.oneOf].every(
      (members) => members?.some((member) => allowsNull(document, member)) !== false,
    );
  return schema !== false && toConjuncts(document, schema).every(allows);
}

/** Up to draft 7, names stand among the schemas of `dependencies`, and `items` may be a list. */
export function isSchemaPart(value: JsonSchema | readonly unknown[]): value is JsonSchema {
  return !Array.isArray(value);
}

/** A member that is the map's own, so that `constructor` is one only where the map says so. */
export function ownMember<Value>(
  map: Readonly<Record<string, Value>> | undefined,
  name: string,
): Value | undefined {
  return map !== undefined && Object.hasOwn(map, name) ? map[name] : undefined;
}
