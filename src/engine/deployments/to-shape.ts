import type { JsonSchema, SchemaDocument, SchemaObject } from "./json-schema.ts";
import {
  allowsNull,
  isSchemaPart,
  toConjuncts,
  toParts,
  toSpeakers,
  toTypes,
  withoutNull,
} from "./json-schema.ts";
import {
  createNamePicker,
  isGraphqlName,
  toEnumNames,
  toFieldNames,
  toMemberTypeName,
} from "./graphql-names.ts";
import type {
  EnumShape,
  FieldShape,
  ObjectShape,
  ScalarName,
  Shape,
  ValueShape,
} from "./catalogue.ts";

/** Of a value: what its type is named if it needs one, in how many objects it is, in how many lists of the last. */
type Location = { readonly typeName: string; readonly objects: number; readonly lists: number };

/** No document of GraphQL goes deeper. */
const MAX_NESTED_OBJECTS = 12;
/** The usual introspection query sees no deeper into a type. */
const MAX_NESTED_LISTS = 3;

type Options = {
  readonly typeName: string;
  /** The description of a document that has none. */
  readonly otherwise: string;
};

/** What a document allows; null where GraphQL can name nothing of it. */
export function toObjectShape(
  document: SchemaDocument,
  { typeName, otherwise }: Options,
): ObjectShape | null {
  if (!allowsObject(document)) return null;
  const location = { typeName, objects: 0, lists: 0 };
  const whole = new Shaper(document).toObject(toParts(document, document.root), location);
  return whole && { ...whole, description: whole.description ?? otherwise };
}

/** Makes the shapes of one document, in which each type has a name of its own. */
class Shaper {
  readonly #document: SchemaDocument;
  readonly #pickTypeName = createNamePicker();
  readonly #enums = new Map<SchemaObject, EnumShape>();
  readonly #objects = new Map<SchemaObject, ObjectShape>();

  constructor(document: SchemaDocument) {
    this.#document = document;
  }

  /** The object that all of the parts describe; null where none of its members has a name. */
  toObject(parts: readonly SchemaObject[], location: Location): ObjectShape | null {
    const members = toMembers(this.#document, parts);
    if (members.size === 0) return null;
    const required = new Set(parts.flatMap((part) => part.required ?? []));
    const inside = { ...location, typeName: this.#pickTypeName(location.typeName) };
    const names = toFieldNames([...members.keys()]);
    const fields = Array.from(members, ([name, schema]) =>
      this.#toField(
        schema,
        { name, graphqlName: names.get(name) ?? name },
        required.has(name),
        inside,
      ),
    );
    const { typeName } = inside;
    return { typeName, description: toDescription(parts), fields, isOpen: parts.some(isOpen) };
  }

  #toField(
    schema: JsonSchema,
    names: { readonly name: string; readonly graphqlName: string },
    isRequired: boolean,
    { typeName, objects }: Location,
  ): FieldShape {
    const parts = toParts(this.#document, schema);
    const conjuncts = toConjuncts(this.#document, schema);
    const isSayable = isGraphqlName(names.name);
    const location = {
      typeName: toMemberTypeName(typeName, names.graphqlName),
      objects: objects + 1,
      lists: 0,
    };
    const shape: Shape = isSayable
      ? this.#toShape(schema, location)
      : { ...JSON_SHAPE, isNullable: allowsNull(this.#document, schema) };
    const least = Math.max(...parts.flatMap(({ minimum }) => minimum ?? []));
    const most = Math.min(...parts.flatMap(({ maximum }) => maximum ?? []));
    return {
      ...names,
      shape,
      isRequired,
      default: conjuncts.find((part) => part.default !== undefined)?.default,
      minimum: Number.isFinite(least) ? least : null,
      maximum: Number.isFinite(most) ? most : null,
      description: toDescription(parts),
      rules: [
        ...(isSayable ? [] : [`Its real name is \`${names.name}\`.`]),
        ...describeRules(parts),
        ...(shape.kind === "list"
          ? describeRules(toParts(this.#document, toItems(parts))).map(
              (rule) => `Each item: ${rule}`,
            )
          : []),
      ],
    };
  }

  #toShape(schema: JsonSchema, location: Location): Shape {
    const parts = toParts(this.#document, schema);
    return {
      ...this.#toValueShape(parts, location),
      isNullable: allowsNull(this.#document, schema),
    };
  }

  /** What values but null are. */
  #toValueShape(parts: readonly SchemaObject[], location: Location): ValueShape {
    const listing = parts.find((part) => part.enum !== undefined || part.const !== undefined);
    if (listing !== undefined) return this.#toListed(listing, location);
    const [type = "", ...others] = toTypes(parts) ?? [];
    if (others.length > 0) return JSON_SHAPE;
    if (type === "integer") return toScalar(fitsInt(parts) ? "Int" : "SafeInt");
    const item = type === "array" ? this.#toItem(parts, location) : null;
    if (item !== null) return { kind: "list", item };
    const object = type === "object" ? this.#toNested(parts, location) : null;
    return object === null ? toScalar(SCALARS.get(type) ?? "JSON") : { kind: "object", object };
  }

  #toListed(schema: SchemaObject, { typeName }: Location): ValueShape {
    const listed = (schema.enum ?? [schema.const]).filter((value) => value !== null);
    const values = listed.filter((value) => typeof value === "string" || typeof value === "number");
    const isBoolean = listed.length > 0 && listed.every((value) => typeof value === "boolean");
    if (isBoolean) return toScalar("Boolean");
    if (values.length === 0 || values.length < listed.length) return JSON_SHAPE;
    const enumeration = this.#enums.get(schema) ?? {
      typeName: this.#pickTypeName(typeName),
      description: toDescription([schema]),
      values: Array.from(toEnumNames(values), ([value, graphqlName]) => ({ graphqlName, value })),
    };
    this.#enums.set(schema, enumeration);
    return { kind: "enum", enumeration };
  }

  /** Null where only JSON can say the list. */
  #toItem(parts: readonly SchemaObject[], location: Location): Shape | null {
    const own = parts.filter((part) => part.items !== undefined || part.prefixItems !== undefined);
    const isTuple = own.some(
      ({ items = true, prefixItems }) => prefixItems ?? !isSchemaPart(items),
    );
    if (isTuple || location.lists >= MAX_NESTED_LISTS) return null;
    return this.#toShape(toItems(own), { ...location, lists: location.lists + 1 });
  }

  /** Null where only JSON can say the object: it has members without a name, or is of several kinds, or too deep. */
  #toNested(parts: readonly SchemaObject[], location: Location): ObjectShape | null {
    const [own, ...others] = parts.filter((part) => isAboutMembers(this.#document, part));
    if (own === undefined || others.length > 0 || isOpen(own)) return null;
    const isTooDeep = location.objects >= MAX_NESTED_OBJECTS;
    const object = this.#objects.get(own) ?? (isTooDeep ? null : this.toObject([own], location));
    if (object !== null) this.#objects.set(own, object);
    return object;
  }
}

/** Whether an object can satisfy the document at all. */
export function allowsObject(document: SchemaDocument): boolean {
  return toTypes(toParts(document, document.root))?.includes("object") !== false;
}

const SCALARS = new Map<string, ScalarName>([
  ["string", "String"],
  ["boolean", "Boolean"],
  ["number", "Float"],
]);
const JSON_SHAPE = { kind: "scalar", scalar: "JSON" } as const;

function toScalar(scalar: ScalarName): ValueShape {
  return { kind: "scalar", scalar };
}

/**
 * Every member that the parts of an object's schema name, with its schema. One that has its schema only in a branch
 * (`oneOf`, `if`, `not`, …), or has none, may be anything.
 */
function toMembers(
  document: SchemaDocument,
  parts: readonly SchemaObject[],
): ReadonlyMap<string, JsonSchema> {
  const speakers = toSpeakers(document, parts);
  const own = toProperties(parts);
  const others = toProperties(speakers.filter((speaker) => !parts.includes(speaker)));
  const isClosed = parts.some((part) => part.additionalProperties === false);
  const mentioned = isClosed ? [] : speakers.flatMap(toMentionedNames);
  const names = new Set([...own.keys(), ...others.keys(), ...mentioned]);
  return new Map(
    Array.from(names, (name) => {
      const schema = allOf(own.get(name) ?? []);
      const branches = others.get(name);
      // Alternatives that demand nothing, for the names in them.
      return [name, branches ? { allOf: [schema], anyOf: [...branches, true] } : schema];
    }),
  );
}

function toMentionedNames(schema: SchemaObject): readonly string[] {
  const { required = [], dependentRequired, dependentSchemas, dependencies } = schema;
  const dependants = [dependentRequired, dependentSchemas, dependencies].flatMap((map) =>
    Object.entries(map ?? {}),
  );
  const names = dependants.flatMap(([, others]) => (isSchemaPart(others) ? [] : others));
  return [...required, ...dependants.map(([name]) => name), ...names];
}

function toProperties(parts: readonly SchemaObject[]): ReadonlyMap<string, readonly JsonSchema[]> {
  const all = parts.flatMap((part) => Object.entries(part.properties ?? {}));
  const byName = new Map<string, JsonSchema[]>();
  for (const [name, schema] of all) byName.set(name, [...(byName.get(name) ?? []), schema]);
  return byName;
}

function toItems(parts: readonly SchemaObject[]): JsonSchema {
  return allOf(parts.flatMap(({ items = true }) => (isSchemaPart(items) ? items : [])));
}

/** One schema that demands what all of these do. */
function allOf(schemas: readonly JsonSchema[]): JsonSchema {
  const [only = true, ...others] = schemas;
  return others.length === 0 ? only : { allOf: schemas };
}

/** Whether the schema itself says something about an object's members. */
function isAboutMembers(document: SchemaDocument, schema: SchemaObject): boolean {
  const { properties, additionalProperties, not, if: condition } = schema;
  const hasChoice = [schema.anyOf, schema.oneOf].some(
    (members) => withoutNull(document, members).length > 1,
  );
  return (
    (properties ?? additionalProperties ?? not ?? condition) !== undefined ||
    hasChoice ||
    isOpen(schema) ||
    toMentionedNames(schema).length > 0
  );
}

/** Whether it says that there are members which it does not name. */
function isOpen(schema: SchemaObject): boolean {
  const { patternProperties = {}, additionalProperties, unevaluatedProperties } = schema;
  return (
    Object.keys(patternProperties).length > 0 ||
    (additionalProperties ?? false) !== false ||
    (unevaluatedProperties ?? false) !== false
  );
}

/** Whether GraphQL's Int, which has 32 bits, holds every integer that satisfies the parts. */
function fitsInt(parts: readonly SchemaObject[]): boolean {
  const isWithin = (bound: number | undefined): boolean =>
    bound !== undefined && bound >= -(2 ** 31) && bound <= 2 ** 31 - 1;
  return (
    parts.some((part) => isWithin(part.minimum) || isWithin(part.exclusiveMinimum)) &&
    parts.some((part) => isWithin(part.maximum) || isWithin(part.exclusiveMaximum))
  );
}

function toDescription(parts: readonly SchemaObject[]): string | null {
  const texts = parts.map(({ description = "" }) => description);
  return texts.find((text) => text.trim() !== "") ?? null;
}

/** What schemas demand of a value beside its type, in their own words. */
function describeRules(parts: readonly SchemaObject[]): readonly string[] {
  const isFile = parts.some(({ format }) => format?.endsWith("_uri"));
  const rules = parts.flatMap((part) =>
    RULES.filter((keyword) => part[keyword] !== undefined && !(isFile && keyword === "format")).map(
      (keyword) => `\`${keyword}\` ${String(part[keyword])}`,
    ),
  );
  return [
    ...(rules.length === 0 ? [] : [`${[...new Set(rules)].join(", ")}.`]),
    ...(isFile ? ["A public https URL of a file, or `upload:` and the `id` of an upload."] : []),
    ...parts.flatMap(({ validations }) => describeValidations(validations)),
  ];
}

/** What the vendor's own `validations` say. RunComfy checks them, when it has the file. */
function describeValidations(validations: unknown): readonly string[] {
  if (!Array.isArray(validations)) return [];
  return validations.flatMap((one: unknown) => {
    const {
      validation_error: sentence,
      validation_rule: rule,
      validation_value: value,
    } = Object(one);
    if (typeof sentence === "string" && sentence.trim() !== "")
      return [/[.!?]$/.test(sentence.trim()) ? sentence.trim() : `${sentence.trim()}.`];
    return typeof rule === "string" ? [`\`${rule}\` ${String(value)}.`] : [];
  });
}

const RULES = [
  ...(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"] as const),
  ...(["minLength", "maxLength", "pattern", "format", "minItems", "maxItems"] as const),
  ...(["uniqueItems", "minProperties", "maxProperties"] as const),
];
