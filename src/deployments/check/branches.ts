import type { JsonValue } from "../../job/json.ts";
import { isJsonObject, toCanonicalJson } from "../../job/json.ts";
import type { JsonSchema, JsonSchemaObject, JsonType } from "../json-schema.ts";
import { andList, orList, toShortJson, TYPE_NAMES, typeOf } from "./plain-words.ts";
import { ownMember, withTargets } from "../subschemas.ts";

/** Whether a value could mean a branch: it has one of its types, and is or has the constants that tell it apart. */
export function isBranchOpen(
  root: JsonSchemaObject,
  branch: JsonSchema,
  value: JsonValue,
): boolean {
  return withTargets(root, branch).every((schema) => {
    if (typeof schema === "boolean") return schema;
    if (schema.type !== undefined && !hasType(value, schema.type)) return false;
    if (!isAmong(value, toChoices(schema))) return false;
    return (
      !isJsonObject(value) ||
      Object.entries(schema.properties ?? {}).every(([name, property]) => {
        const member = ownMember(value, name);
        return member === undefined || isAmong(member, toConstants(property));
      })
    );
  });
}

/** What a value must be that fits too few or too many of the branches, in plain words that follow its path. */
export function describeBranches(
  branches: readonly JsonSchema[],
  { root, value, fit, isExclusive, spellMember }: BranchContext,
): string {
  const schemas = branches.map((branch) => withTargets(root, branch));
  const required = schemas.map(([first]) => toRequired(first));
  if (isJsonObject(value) && required.every((names) => names !== null)) {
    const members = orList(required.map((names) => andList(names.map(spellMember))));
    if (fit === "too many") return `may have only one of ${members}; leave the others out`;
    return `needs ${isExclusive ? "exactly" : "at least"} one of ${members}`;
  }
  const forms = `of the ${branches.length} forms it may have`;
  if (fit === "too many") {
    return `fits more than one ${forms}; change it so that it fits only one`;
  }
  const tags = findTags(schemas);
  if (isJsonObject(value) && tags !== null) {
    return `fits none ${forms}: its ${spellMember(tags.name)} must be ${orList(tags.values.map(toShortJson))}`;
  }
  const choices = schemas.map((targets) => targets.map(toChoices).find((list) => list !== null));
  if (choices.every((list) => list !== undefined)) {
    return `must be ${orList(choices.flat().map(toShortJson))}`;
  }
  const types = schemas.map((targets) => targets.flatMap(toTypes));
  if (types.every((list) => list.length > 0 && !hasType(value, list))) {
    return describeType(value, types.flat());
  }
  return `fits none ${forms}; try another value`;
}

/** The member whose constant tells all branches apart; null where there is none. */
function findTags(
  branches: readonly (readonly JsonSchema[])[],
): { readonly name: string; readonly values: readonly JsonValue[] } | null {
  const constants = branches.map(
    (targets) =>
      new Map(
        targets.flatMap((schema) =>
          Object.entries(typeof schema === "boolean" ? {} : (schema.properties ?? {})).flatMap(
            ([name, property]) =>
              (toConstants(property) ?? []).map((value) => [name, value] as const),
          ),
        ),
      ),
  );
  const [first, ...others] = constants;
  const name = [...(first?.keys() ?? [])].find((key) => others.every((map) => map.has(key)));
  if (name === undefined) return null;
  return { name, values: constants.map((map) => map.get(name) ?? null) };
}

type BranchContext = {
  readonly root: JsonSchemaObject;
  readonly value: JsonValue;
  readonly fit: "too few" | "too many";
  /** Whether it must fit no more than one. */
  readonly isExclusive: boolean;
  /** Spells the name of one of the value's members. */
  readonly spellMember: (name: string) => string;
};

/** `is a string, but must be an integer`. */
export function describeType(value: JsonValue, types: readonly JsonType[]): string {
  // "Is a number, but must be an integer" would leave open why.
  const actual =
    typeof value === "number" && types.includes("integer")
      ? toShortJson(value)
      : TYPE_NAMES[typeOf(value)];
  return `is ${actual}, but must be ${orList([...new Set(types)].map((type) => TYPE_NAMES[type]))}`;
}

function hasType(value: JsonValue, types: readonly JsonType[]): boolean {
  return types.includes(typeOf(value)) || (types.includes("integer") && Number.isInteger(value));
}

function toTypes(schema: JsonSchema): readonly JsonType[] {
  return typeof schema === "boolean" ? [] : (schema.type ?? []);
}

/** The only values that there are, null where there are others. */
function toChoices(schema: JsonSchema): readonly JsonValue[] | null {
  if (typeof schema === "boolean") return null;
  return schema.const === undefined ? (schema.enum ?? null) : [schema.const];
}

/** One that is listed with others is rather a choice than a mark of the form. */
function toConstants(schema: JsonSchema): readonly JsonValue[] | null {
  const values = toChoices(schema);
  return values?.length === 1 ? values : null;
}

function isAmong(value: JsonValue, values: readonly JsonValue[] | null): boolean {
  if (values === null) return true;
  const text = toCanonicalJson(value);
  return values.some((each) => toCanonicalJson(each) === text);
}

/** What a schema requires where it says nothing else. */
function toRequired(schema: JsonSchema | undefined): readonly string[] | null {
  if (typeof schema !== "object" || schema.required === undefined) return null;
  const others = Object.keys(schema).filter((keyword) => !MERE_WORDS.has(keyword));
  return others.length === 0 && schema.required.length > 0 ? schema.required : null;
}

const MERE_WORDS: ReadonlySet<string> = new Set(["required", "type", "title", "description"]);
