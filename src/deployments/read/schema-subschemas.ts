import { isJsonArray, isJsonObject } from "../../job/json.ts";
import type { JsonSchema, SchemaDraft } from "../json-schema.ts";
import { LIST_KEYWORDS, MAP_KEYWORDS, SINGLE_KEYWORDS } from "../subschemas.ts";
import type { Report } from "./schema-keywords.ts";
import { readPattern } from "./schema-pattern.ts";
import type { SchemaPlace } from "./schema-references.ts";
import { stepInto } from "./schema-references.ts";

/** Reads a schema inside another; `isSameValue` tells that both are about the same value, and not one about its parts. */
export type MemberReader = (member: SchemaPlace, isSameValue: boolean) => JsonSchema;

/** Reads the keywords that hold schemas, and what properties tell their parent, into a draft. */
export function readSubschemas(
  place: SchemaPlace,
  draft: SchemaDraft,
  readMember: MemberReader,
  report: Report,
): void {
  for (const keyword of SCHEMAS) {
    const member = memberOf(place, keyword);
    if (member !== null) draft[keyword] = readMember(member, SAME_VALUE.has(keyword));
  }
  for (const keyword of LIST_KEYWORDS) {
    const list = memberOf(place, keyword);
    if (list === null) continue;
    const schemas = readList(list, SAME_VALUE.has(keyword), readMember);
    if (schemas === null) report([keyword], "must be a list of schemas");
    else if (schemas.length > 0) draft[keyword] = schemas;
    else if (CHOICES.has(keyword)) report([keyword], "offers no schema; list one or leave it out");
  }
  readItems(place, draft, readMember, report);
  for (const keyword of MAPS) readMap(place, keyword, draft, readMember, report);
  readRequiredFlags(place, draft);
}

/** `items` may be a list, too, and is read apart. */
const SCHEMAS = SINGLE_KEYWORDS.filter((keyword) => keyword !== "items");
/** Up to draft 7, `dependencies` also holds schemas. */
const MAPS = [...MAP_KEYWORDS, "dependencies"] as const;
const CHOICES = new Set(["anyOf", "oneOf"]);
const SAME_VALUE = new Set(["allOf", "anyOf", "oneOf", "not", "if", "then", "else"]);

/** Null stands for a keyword that was left out. */
function memberOf(place: SchemaPlace, keyword: string): SchemaPlace | null {
  const member = stepInto(place, keyword);
  return member?.value === null ? null : member;
}

function readList(
  list: SchemaPlace,
  isSameValue: boolean,
  readMember: MemberReader,
): JsonSchema[] | null {
  if (!isJsonArray(list.value)) return null;
  return list.value.flatMap((_, index) => {
    const member = stepInto(list, index);
    return member === null ? [] : [readMember(member, isSameValue)];
  });
}

/** Up to 2019-09 `items` may be a list, and `additionalItems` is about the rest. */
function readItems(
  place: SchemaPlace,
  draft: SchemaDraft,
  readMember: MemberReader,
  report: Report,
): void {
  const items = memberOf(place, "items");
  if (items === null) return;
  const tuple = readList(items, false, readMember);
  if (tuple === null) {
    draft.items = readMember(items, false);
    return;
  }
  if (draft.prefixItems !== undefined) report(["items"], "must be a schema where prefixItems is");
  if (tuple.length > 0) draft.prefixItems = tuple;
  const rest = memberOf(place, "additionalItems");
  if (rest !== null) draft.items = readMember(rest, false);
}

function readMap(
  place: SchemaPlace,
  keyword: (typeof MAPS)[number],
  draft: SchemaDraft,
  readMember: MemberReader,
  report: Report,
): void {
  const map = memberOf(place, keyword);
  if (map === null) return;
  if (!isJsonObject(map.value)) {
    // Who reads the names in `dependencies` has told it already.
    if (keyword !== "dependencies") report([keyword], "must be an object of schemas");
    return;
  }
  const isSameValue = keyword === "dependentSchemas" || keyword === "dependencies";
  const target = keyword === "dependencies" ? "dependentSchemas" : keyword;
  const schemas = new Map(Object.entries(draft[target] ?? {}));
  for (const written of Object.keys(map.value)) {
    const member = stepInto(map, written);
    if (member === null) continue;
    if (keyword === "dependencies" && holdsNames(member)) continue;
    let key = written;
    if (keyword === "patternProperties") {
      const pattern = readPattern(written);
      if ("problem" in pattern) report([keyword, written], pattern.problem);
      else key = pattern.pattern;
    }
    const schema = readMember(member, isSameValue);
    const other = schemas.get(key);
    schemas.set(key, other === undefined ? schema : { allOf: [other, schema] });
  }
  if (schemas.size > 0 || target === "properties") draft[target] = Object.fromEntries(schemas);
}

function holdsNames({ value }: SchemaPlace): boolean {
  return isJsonArray(value) || typeof value === "string";
}

/** In draft 3 each property tells itself whether it is required. */
function readRequiredFlags(place: SchemaPlace, draft: SchemaDraft): void {
  const properties = memberOf(place, "properties")?.value;
  if (!isJsonObject(properties)) return;
  const flagged = Object.entries(properties)
    .filter(([, property]) => isJsonObject(property) && property["required"] === true)
    .map(([name]) => name);
  if (flagged.length === 0) return;
  draft.required = [...new Set([...(draft.required ?? []), ...flagged])];
}
