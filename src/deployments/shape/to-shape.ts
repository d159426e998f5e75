import { describeRules } from "./describe-rules.ts";
import { createNamePicker } from "../name-picker.ts";
import { isGraphqlName, toEnumNames, toFieldNames, toMemberTypeName } from "./graphql-names.ts";
import type { JsonSchema, JsonSchemaObject, JsonType } from "../json-schema.ts";
import type { ObjectMember } from "./object-members.ts";
import { combine, isAboutMembers, isOpen, toMembers } from "./object-members.ts";
import {
  allowsObject,
  createNullCheck,
  fitsInt,
  toBounds,
  toParts,
  toTypes,
} from "../schema-facts.ts";
import type { EnumShape, FieldShape, ObjectShape, ScalarName, Shape } from "./shape.ts";

/** What a body may be, its type named as told; null where GraphQL can name nothing of it. */
export function toInputShape(schema: JsonSchemaObject, typeName: string): ObjectShape | null {
  return toRootShape(schema, typeName, (member) => member.isRequired && !member.isFilledIn);
}

/** As `toInputShape`, of what comes back: a required field is one that is always there. */
export function toOutputShape(schema: JsonSchemaObject, typeName: string): ObjectShape | null {
  return toRootShape(schema, typeName, (member) => member.isRequired);
}

type IsRequired = (member: ObjectMember) => boolean;

/** Where a value stands: what its type is named if it needs one, in how many objects, in how many lists of the last. */
type Place = { readonly typeName: string; readonly objects: number; readonly lists: number };

/** No document goes deeper. */
const MOST_NESTED_OBJECTS = 12;
/** The usual introspection query sees no deeper into a type. */
const MOST_NESTED_LISTS = 3;
/** Parts that meet in ever new combinations would give types without end. */
const MOST_OBJECT_TYPES = 250;

function toRootShape(
  root: JsonSchemaObject,
  typeName: string,
  isRequired: IsRequired,
): ObjectShape | null {
  if (!allowsObject(root)) return null;
  const parts = toParts(root, root);
  const maker = new ShapeMaker(root, isRequired);
  const object = maker.toObject(parts, { typeName, objects: 0, lists: 0 });
  return object && { ...object, description: toDescription(parts), isOpen: parts.some(isOpen) };
}

class ShapeMaker {
  readonly #root: JsonSchemaObject;
  readonly #isRequired: IsRequired;
  readonly #allowsNull: (schema: JsonSchema) => boolean;
  readonly #pickTypeName = createNamePicker();
  readonly #enums = new Map<JsonSchemaObject, EnumShape>();
  /** By the numbers of the parts that they are made of. */
  readonly #objects = new Map<string, ObjectShape>();
  readonly #numbers = new Map<JsonSchemaObject, number>();
  /** What is being made is made of these: who comes back to one goes in a circle. */
  readonly #underWay = new Set<JsonSchemaObject>();

  constructor(root: JsonSchemaObject, isRequired: IsRequired) {
    this.#root = root;
    this.#isRequired = isRequired;
    this.#allowsNull = createNullCheck(root);
  }

  /** Null where only JSON can say it. */
  toObject(parts: readonly JsonSchemaObject[], place: Place): ObjectShape | null {
    const own = parts.filter((part) => isAboutMembers(this.#root, part));
    const key = own.map((part) => this.#toNumber(part)).join();
    const known = this.#objects.get(key);
    if (known !== undefined) return known;
    if (place.objects >= MOST_NESTED_OBJECTS) return null;
    if (this.#objects.size >= MOST_OBJECT_TYPES) return null;
    return this.#outsideCircles(own, () => {
      const members = toMembers(this.#root, own);
      if (members.length === 0) return null;
      const typeName = this.#pickTypeName([], place.typeName);
      const names = toFieldNames(members.map(({ name }) => name));
      const fields = members.map((member) =>
        this.#toField(member, names.get(member.name) ?? member.name, {
          typeName,
          objects: place.objects + 1,
          lists: 0,
        }),
      );
      const object = { typeName, description: toDescription(own), fields, isOpen: false };
      this.#objects.set(key, object);
      return object;
    });
  }

  #toField(member: ObjectMember, graphqlName: string, parent: Place): FieldShape {
    const { name, schema } = member;
    const isSayable = isGraphqlName(name);
    const parts = toParts(this.#root, schema);
    const shape = isSayable
      ? this.#toShape(schema, {
          ...parent,
          typeName: toMemberTypeName(parent.typeName, graphqlName),
        })
      : toScalar("JSON", this.#allowsNull(schema));
    return {
      name,
      graphqlName,
      shape,
      isRequired: this.#isRequired(member),
      default: member.default,
      ...toBounds(parts),
      description: toDescription(parts),
      rules: [
        ...(isSayable ? [] : [`Its real name is \`${name}\`.`]),
        ...new Set(parts.flatMap(describeRules)),
        ...(shape.kind === "list" ? this.#describeItems(parts) : []),
      ],
    };
  }

  #toShape(schema: JsonSchema, place: Place): Shape {
    const isNullable = this.#allowsNull(schema);
    const parts = toParts(this.#root, schema);
    const listing = parts.find((part) => part.enum !== undefined || part.const !== undefined);
    if (listing !== undefined) return this.#toListed(listing, isNullable, place);
    switch (toOnlyType(parts)) {
      case "string":
        return toScalar("String", isNullable);
      case "boolean":
        return toScalar("Boolean", isNullable);
      case "number":
        return toScalar("Float", isNullable);
      case "integer":
        return toScalar(fitsInt(parts) ? "Int" : "SafeInt", isNullable);
      case "array": {
        const item = this.#toItem(parts, place);
        return item === null ? toScalar("JSON", isNullable) : { kind: "list", item, isNullable };
      }
      case "object": {
        // What it does not name would have no place in a type.
        const object = parts.some(isOpen) ? null : this.toObject(parts, place);
        return object === null
          ? toScalar("JSON", isNullable)
          : { kind: "object", object, isNullable };
      }
      case "null":
      case null:
        return toScalar("JSON", isNullable);
    }
  }

  #toListed(schema: JsonSchemaObject, isNullable: boolean, place: Place): Shape {
    const listed = (schema.enum ?? [schema.const]).filter((value) => value !== null);
    const values = listed.filter((value) => typeof value === "string" || typeof value === "number");
    if (listed.length > 0 && listed.every((value) => typeof value === "boolean")) {
      return toScalar("Boolean", isNullable);
    }
    if (values.length === 0 || values.length < listed.length) return toScalar("JSON", isNullable);
    let enumeration = this.#enums.get(schema);
    if (enumeration === undefined) {
      enumeration = {
        typeName: this.#pickTypeName([], place.typeName),
        description: toDescription([schema]),
        values: Array.from(toEnumNames(values), ([value, graphqlName]) => ({ graphqlName, value })),
      };
      this.#enums.set(schema, enumeration);
    }
    return { kind: "enum", enumeration, isNullable };
  }

  /** Null where only JSON can say the list. */
  #toItem(parts: readonly JsonSchemaObject[], place: Place): Shape | null {
    if (place.lists >= MOST_NESTED_LISTS) return null;
    if (parts.some(({ prefixItems }) => prefixItems !== undefined)) return null;
    const own = parts.filter(({ items }) => items !== undefined);
    const item = combine(own.map(({ items = true }) => items));
    return this.#outsideCircles(own, () =>
      this.#toShape(item, { ...place, lists: place.lists + 1 }),
    );
  }

  #describeItems(parts: readonly JsonSchemaObject[]): readonly string[] {
    const itemParts = toParts(this.#root, combine(parts.flatMap(({ items }) => items ?? [])));
    return Array.from(
      new Set(itemParts.flatMap(describeRules)),
      (rule) => `Each item: ${rule.slice(0, 1).toLowerCase()}${rule.slice(1)}`,
    );
  }

  #outsideCircles<Made>(parts: readonly JsonSchemaObject[], make: () => Made): Made | null {
    if (parts.some((part) => this.#underWay.has(part))) return null;
    for (const part of parts) this.#underWay.add(part);
    const made = make();
    for (const part of parts) this.#underWay.delete(part);
    return made;
  }

  #toNumber(part: JsonSchemaObject): number {
    const number = this.#numbers.get(part) ?? this.#numbers.size;
    this.#numbers.set(part, number);
    return number;
  }
}

function toScalar(scalar: ScalarName, isNullable: boolean): Shape {
  return { kind: "scalar", scalar, isNullable };
}

/** Null where it is none or one of several. */
function toOnlyType(parts: readonly JsonSchemaObject[]): JsonType | null {
  const [type = null, ...others] = toTypes(parts) ?? [];
  return others.length === 0 ? type : null;
}

function toDescription(parts: readonly JsonSchemaObject[]): string | null {
  return parts.find(({ description }) => description !== undefined)?.description ?? null;
}
