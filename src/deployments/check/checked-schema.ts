import type { JsonObject } from "../../job/json.ts";
import type { JsonSchema, JsonSchemaObject, SchemaDraft } from "../json-schema.ts";
import {
  LIST_KEYWORDS,
  MAP_KEYWORDS,
  ownMember,
  resolveReference,
  schemasBelow,
  SINGLE_KEYWORDS,
} from "../subschemas.ts";
import { createNullCheck, withoutNull } from "../schema-facts.ts";

/** The one format that is checked, for `image_uri` and all `*_uri`. */
export const PUBLIC_URL_FORMAT = "public_url";

/**
 * The schema by which Ajv checks inputs. Defaults that their own schema refuses are left to the upstream, and what they
 * stand for may be left out. Those inside of alternatives are no defaults here: Ajv would fill in those of alternatives
 * that don't hold.
 */
export function toAjvInputSchema(
  schema: JsonSchemaObject,
  findRefused: FindRefused,
): JsonSchemaObject {
  const withDefault = new Set<JsonSchemaObject>();
  const withoutDefaults = rewrite(schema, schema, (property) => {
    withDefault.add(property);
    return false;
  });
  if (withDefault.size === 0) return withoutDefaults;
  const properties = [...withDefault].map((property, index) => [`${index}`, property] as const);
  const refused = findRefused(
    rewrite(schema, { properties: Object.fromEntries(properties) }, () => false),
    Object.fromEntries(properties.map(([name, property]) => [name, property.default ?? null])),
  );
  const isFilledIn = new Map(properties.map(([name, property]) => [property, !refused.has(name)]));
  return rewrite(schema, schema, (property) => isFilledIn.get(property) === true);
}

/** Tells which members of an object its schema refuses, by their names. */
type FindRefused = (schema: JsonSchemaObject, value: JsonObject) => ReadonlySet<string>;

/** The schema by which Ajv checks outputs: nothing is filled in, and any URL will do. */
export function toAjvOutputSchema(schema: JsonSchemaObject): JsonSchemaObject {
  return rewrite(schema, schema, null);
}

/** What is in them may not hold for the value, so nothing is filled in there. */
const BRANCHES: ReadonlySet<string> = new Set([
  "anyOf",
  "oneOf",
  "not",
  "if",
  "contains",
  "propertyNames",
]);

/**
 * `entry`, whose references lead into `root`, with names of its own for their targets: a target that is used inside and
 * outside of branches becomes two. `isFilledIn` is null for outputs.
 */
function rewrite(
  root: JsonSchemaObject,
  entry: JsonSchemaObject,
  isFilledIn: ((property: JsonSchemaObject) => boolean) | null,
): JsonSchemaObject {
  const $defs: Record<string, JsonSchema> = {};
  const inBranches = new Map<JsonSchema, string>();
  const outside = new Map<JsonSchema, string>();
  if (entry === root) (isFilledIn === null ? inBranches : outside).set(root, "#");

  function toReference(reference: string, isInBranch: boolean): string {
    const target = resolveReference(root, reference);
    const references = isInBranch ? inBranches : outside;
    const known = references.get(target);
    if (known !== undefined) return known;
    const name = `${inBranches.size + outside.size}`;
    references.set(target, `#/$defs/${name}`);
    $defs[name] = typeof target === "boolean" ? target : toDraft(target, isInBranch);
    return `#/$defs/${name}`;
  }

  function toSchema(schema: JsonSchema, isInBranch: boolean): JsonSchema {
    return typeof schema === "boolean" ? schema : toDraft(schema, isInBranch);
  }

  function toDraft(schema: JsonSchemaObject, isInBranch: boolean): SchemaDraft {
    const draft: SchemaDraft = { ...schema };
    delete draft.$defs;
    delete draft.default;
    delete draft.format;
    if (isFilledIn !== null && schema.format?.endsWith("_uri") === true) {
      draft.format = PUBLIC_URL_FORMAT;
    }
    if (schema.$ref !== undefined) draft.$ref = toReference(schema.$ref, isInBranch);
    for (const keyword of SINGLE_KEYWORDS) {
      const inner = schema[keyword];
      if (inner !== undefined) {
        draft[keyword] = toSchema(inner, isInBranch || BRANCHES.has(keyword));
      }
    }
    for (const keyword of LIST_KEYWORDS) {
      const inner = schema[keyword];
      if (inner !== undefined) {
        const isBranch = isInBranch || BRANCHES.has(keyword);
        draft[keyword] = inner.map((item) => toSchema(item, isBranch));
      }
    }
    for (const keyword of MAP_KEYWORDS) {
      const inner = schema[keyword];
      if (inner !== undefined) {
        draft[keyword] = Object.fromEntries(
          Object.entries(inner).map(([name, member]) => [name, toSchema(member, isInBranch)]),
        );
      }
    }
    const proto = ownMember(draft.properties, "__proto__");
    // Ajv does not look at a property of this name.
    if (proto !== undefined) {
      draft.patternProperties = { ...draft.patternProperties, "^__proto__$": proto };
    }
    if (isFilledIn === null || isInBranch) return draft;
    for (const keyword of ["anyOf", "oneOf"] as const) {
      const only = findOnlyAlternative(root, schema, keyword);
      if (only === null) continue;
      delete draft[keyword];
      // Whatever is not null has to be that, so its defaults hold.
      const unlessNull = { if: { type: ["null"] }, else: toSchema(only, false) } as const;
      draft.allOf = [...(draft.allOf ?? []), unlessNull];
    }
    return withDefaults(draft, schema, isFilledIn);
  }

  const top = toDraft(entry, isFilledIn === null);
  return Object.keys($defs).length === 0 ? top : { ...top, $defs };
}

function withDefaults(
  draft: SchemaDraft,
  { properties = {}, required, dependentRequired }: JsonSchemaObject,
  isFilledIn: (property: JsonSchemaObject) => boolean,
): SchemaDraft {
  const leftOut = new Set<string>();
  const filled = Object.entries(draft.properties ?? {}).map(([name, member]) => {
    const property = ownMember(properties, name);
    if (typeof property !== "object" || property.default === undefined) return [name, member];
    if (typeof member === "object" && isFilledIn(property)) {
      return [name, { ...member, default: property.default }];
    }
    leftOut.add(name);
    return [name, member];
  });
  if (draft.properties !== undefined) draft.properties = Object.fromEntries(filled);
  const isNeeded = (name: string): boolean => !leftOut.has(name);
  if (required !== undefined) draft.required = required.filter(isNeeded);
  if (dependentRequired !== undefined) {
    draft.dependentRequired = Object.fromEntries(
      Object.entries(dependentRequired).map(([name, names]) => [name, names.filter(isNeeded)]),
    );
  }
  return draft;
}

/** What a value must be that is not null, where it has no choice; null when there is one, or nothing to fill in. */
function findOnlyAlternative(
  root: JsonSchemaObject,
  schema: JsonSchemaObject,
  keyword: "anyOf" | "oneOf",
): JsonSchema | null {
  const alternatives = schema[keyword] ?? [];
  const [only, ...others] = withoutNull(root, alternatives);
  if (only === undefined || others.length > 0) return null;
  const allowsNull = createNullCheck(root);
  if (!alternatives.some((alternative) => alternative !== only && allowsNull(alternative))) {
    return null;
  }
  // One of two that both take null takes it twice, which `oneOf` refuses.
  if (keyword === "oneOf" && (alternatives.length > 2 || allowsNull(only))) return null;
  const hasDefault = [...schemasBelow(root, [only])].some(
    (below) => typeof below === "object" && below.default !== undefined,
  );
  return hasDefault && alternatives.length > 1 ? only : null;
}
