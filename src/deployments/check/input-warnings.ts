import type { InputIssue, InputPath, Spelling } from "../../job/input-issue.ts";
import type { JsonObject, JsonValue } from "../../job/json.ts";
import { isJsonArray } from "../../job/json.ts";
import { toRegExp } from "./to-reg-exp.ts";
import { isWithinLimit } from "./within-limit.ts";
import type { JsonSchema, JsonSchemaObject } from "../json-schema.ts";
import { didYouMean, nearMisses } from "../near-misses.ts";
import { ownMember, schemasInPlace } from "../subschemas.ts";

const MOST_WARNINGS = 50;

type Context = {
  readonly schema: JsonSchemaObject;
  /** What the upstream floors `width` and `height` to a multiple of; null where nobody knows. */
  readonly divisor: number | null;
  readonly spell: Spelling;
};

/** What will happen to an input silently: sizes are floored, unknown members of open objects are sent. At most 50. */
export function findWarnings(input: JsonObject, context: Context): InputIssue[] {
  const warnings = findFloored(input, context);
  // When time runs out, those that were found are better than none.
  isWithinLimit(() => {
    const unknown = findUnknown(input, [], [context.schema], createLookup(context.schema));
    for (const { path, known } of unknown.take(MOST_WARNINGS - warnings.length)) {
      warnings.push(toWarning(path, known, context.spell));
    }
  });
  return warnings;
}

function findFloored(input: JsonObject, { divisor, spell }: Context): InputIssue[] {
  if (divisor === null) return [];
  return ["width", "height"].flatMap((name) => {
    const size = ownMember(input, name);
    if (typeof size !== "number" || !Number.isInteger(size) || size % divisor === 0) return [];
    const path = spell([name]);
    const floored = Math.floor(size / divisor) * divisor;
    const message = `${path.at(-1)} ${size} is rounded down to ${floored}, a multiple of ${divisor}`;
    return [{ path, message }];
  });
}

function toWarning(path: InputPath, known: Iterable<string>, spell: Spelling): InputIssue {
  const parent = path.slice(0, -1);
  const names = Array.from(known, (name) => String(spell([...parent, name]).at(-1)));
  const name = String(spell(path).at(-1));
  const suggestion = didYouMean(nearMisses(name, names));
  return {
    path: spell(path),
    message: `${name} is not known here and is sent as it is${suggestion}`,
  };
}

/** What the schemas of one value say of its members and items, taken together. */
type Place = {
  /** Null where nothing is unknown: a map, or an object whose schema refuses or describes all others. */
  readonly known: ReadonlySet<string> | null;
  inside(key: string | number): readonly JsonSchema[];
};

/** A member that no schema knows, and what they know. */
type Unknown = { readonly path: InputPath; readonly known: ReadonlySet<string> };

type Lookup = (schemas: readonly JsonSchema[]) => Place;

/** Deeper with each call, as the input is, so that it ends whatever the schema refers to. */
function* findUnknown(
  value: JsonValue,
  path: InputPath,
  schemas: readonly JsonSchema[],
  lookUp: Lookup,
): Generator<Unknown, void> {
  if (typeof value !== "object" || value === null || schemas.length === 0) return;
  const place = lookUp(schemas);
  if (isJsonArray(value)) {
    for (const [index, item] of value.entries()) {
      if (typeof item !== "object") continue;
      yield* findUnknown(item, [...path, index], place.inside(index), lookUp);
    }
    return;
  }
  for (const [name, member] of Object.entries(value)) {
    const inside = place.inside(name);
    if (place.known !== null && inside.length === 0 && !place.known.has(name)) {
      yield { path: [...path, name], known: place.known };
    } else {
      yield* findUnknown(member, [...path, name], inside, lookUp);
    }
  }
}

function createLookup(root: JsonSchemaObject): Lookup {
  const patterns = new Map<string, RegExp>();
  // The items of a list have one schema, and may be many.
  const places = new Map<JsonSchema, Place>();

  function matches(pattern: string, name: string): boolean {
    const known = patterns.get(pattern) ?? toRegExp(pattern);
    patterns.set(pattern, known);
    return known.test(name);
  }

  function insideObject(parts: readonly JsonSchemaObject[], name: string): JsonSchema[] {
    return parts.flatMap((part) => {
      const property = ownMember(part.properties, name);
      const named = Object.entries(part.patternProperties ?? {}).flatMap(([pattern, schema]) =>
        matches(pattern, name) ? [schema] : [],
      );
      if (property !== undefined) named.push(property);
      const { additionalProperties: others } = part;
      return named.length > 0 || others === undefined || others === true ? named : others;
    });
  }

  return (schemas) => {
    const [only = true, ...others] = schemas;
    const cached = others.length === 0 ? places.get(only) : undefined;
    if (cached !== undefined) return cached;
    const parts = schemasInPlace(root, schemas);
    const place: Place = {
      known: toKnown(parts),
      inside: (key) =>
        typeof key === "string"
          ? insideObject(parts, key)
          : parts.flatMap((part) => part.prefixItems?.[key] ?? part.items ?? []),
    };
    if (others.length === 0) places.set(only, place);
    return place;
  };
}

function toKnown(parts: readonly JsonSchemaObject[]): ReadonlySet<string> | null {
  const isMap = parts.every(({ properties }) => properties === undefined);
  return isMap || parts.some(describesOthers)
    ? null
    : new Set(
        parts.flatMap(({ properties = {}, required = [], dependentRequired = {} }) => [
          ...Object.keys(properties),
          ...required,
          ...Object.values(dependentRequired).flat(),
        ]),
      );
}

/** Whether it refuses members that it does not know, or says of what kind they are. */
function describesOthers(schema: JsonSchemaObject): boolean {
  return [schema.additionalProperties, schema.unevaluatedProperties].some(
    (others) => others !== undefined && others !== true,
  );
}
