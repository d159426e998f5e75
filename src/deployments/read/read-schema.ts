import type { JsonObject } from "../../job/json.ts";
import { isJsonObject } from "../../job/json.ts";
import type { JsonSchema, JsonSchemaObject, SchemaDraft, SchemaProblem } from "../json-schema.ts";
import type { Report } from "./schema-keywords.ts";
import { readKeywords, TOO_DEEP } from "./schema-keywords.ts";
import type { SchemaStep } from "./schema-loops.ts";
import { findLoops } from "./schema-loops.ts";
import { doubtKeywords, doubtRequired, doubtSchema } from "./schema-doubts.ts";
import { allowNull } from "./schema-nullable.ts";
import type { SchemaPlace, SchemaReferences } from "./schema-references.ts";
import { DEEPEST, indexReferences, toPlaceKey } from "./schema-references.ts";
import type { MemberReader } from "./schema-subschemas.ts";
import { readSubschemas } from "./schema-subschemas.ts";
import type { SchemaTargets } from "./schema-targets.ts";
import { createTargets } from "./schema-targets.ts";

/**
 * Reads drafts 4 to 2020-12 and OpenAPI's variants. Only what can be reached from the root is read: a definition that
 * nothing refers to may be anything.
 */
export function readSchema(document: JsonObject): ReadSchema {
  const reading: Reading = {
    references: indexReferences(document),
    targets: createTargets(),
    problems: [],
    doubts: [],
    steps: [],
    done: new Map(),
  };
  const root = readPlace(reading.references.root, reading);
  const definitions = moveTargets(reading);
  for (const { path } of findLoops(reading.steps)) {
    if (path !== null) {
      const message = "leads to itself with nothing between; put a property or an item between";
      reading.problems.push({ path, message });
    }
  }
  return {
    schema: {
      ...(typeof root === "object" && root),
      ...(definitions.length > 0 && { $defs: Object.fromEntries(definitions) }),
    },
    problems: reading.problems,
    doubts: reading.doubts,
  };
}

/** What reading a document gave; `schema` is only meant to be used where there are no problems. */
type ReadSchema = {
  readonly schema: JsonSchemaObject;
  readonly problems: readonly SchemaProblem[];
  /** What can be used as it is, and is hardly meant so. */
  readonly doubts: readonly SchemaProblem[];
};

type Reading = {
  readonly references: SchemaReferences;
  readonly targets: SchemaTargets;
  readonly problems: SchemaProblem[];
  readonly doubts: SchemaProblem[];
  readonly steps: SchemaStep[];
  /** What was read, by place: one may be reached from its parent and through references. */
  readonly done: Map<string, boolean | SchemaDraft>;
};

/** Reads what is referred to, and leaves a reference to it where it stood. */
function moveTargets(reading: Reading): [name: string, schema: JsonSchema][] {
  const { targets, done } = reading;
  // Reading one may find more; they join those that are still to come.
  for (const { place } of targets.all()) readPlace(place, reading);
  return [...targets.all()].map(({ name, place }) => {
    const schema = done.get(toPlaceKey(place)) ?? true;
    if (typeof schema === "boolean") return [name, schema];
    const moved = { ...schema };
    for (const keyword of Object.keys(schema)) Reflect.deleteProperty(schema, keyword);
    schema.$ref = targets.referTo(place);
    // Whoever fills in defaults looks for them right where the property is.
    if (moved.default !== undefined) schema.default = moved.default;
    return [name, moved];
  });
}

function readPlace(place: SchemaPlace, reading: Reading): JsonSchema {
  const key = toPlaceKey(place);
  const schema = reading.done.get(key) ?? readValue(place, key, reading);
  reading.done.set(key, schema);
  return schema;
}

function readValue(place: SchemaPlace, key: string, reading: Reading): boolean | SchemaDraft {
  const { value, path } = place;
  const report: Report = (tail, message) => {
    reading.problems.push({ path: [...path, ...tail], message });
  };
  if (path.length > DEEPEST) {
    report([], TOO_DEEP);
    return true;
  }
  if (typeof value === "boolean") return value;
  if (!isJsonObject(value)) {
    report([], "must be a schema: an object, true or false");
    return true;
  }
  const { draft, isNullable } = readKeywords(value, DEEPEST - path.length, report);
  const readMember: MemberReader = (member, isSameValue) => {
    if (isSameValue) reading.steps.push({ from: key, to: toPlaceKey(member), path: null });
    return readPlace(member, reading);
  };
  readSubschemas(place, draft, readMember, report);
  const doubt: Report = (tail, message) => {
    reading.doubts.push({ path: [...path, ...tail], message });
  };
  doubtKeywords(value, doubt);
  doubtRequired(draft, doubt);
  if (path.length === 0) doubtSchema(value, doubt);
  for (const $ref of readReferences(place, key, reading, report)) {
    if (draft.$ref === undefined) draft.$ref = $ref;
    else draft.allOf = [...(draft.allOf ?? []), { $ref }];
  }
  return isNullable ? allowNull(draft) : draft;
}

function readReferences(
  { value, path, base }: SchemaPlace,
  from: string,
  { references, steps, targets }: Reading,
  report: Report,
): Set<string> {
  const found = new Set<string>();
  for (const keyword of ["$ref", "$dynamicRef", "$recursiveRef"]) {
    const reference = (isJsonObject(value) ? value[keyword] : null) ?? null;
    if (reference === null) continue;
    const target =
      typeof reference === "string"
        ? references.resolve(reference, base)
        : "must be a string such as #/$defs/name";
    if (typeof target === "string") {
      report([keyword], target);
      continue;
    }
    steps.push({ from, to: toPlaceKey(target), path: [...path, keyword] });
    found.add(targets.referTo(target));
  }
  return found;
}
