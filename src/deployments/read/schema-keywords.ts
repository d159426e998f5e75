import { z } from "zod";

import type { InputPath } from "../../job/input-issue.ts";
import type { JsonObject, JsonValue } from "../../job/json.ts";
import { isJsonArray, isJsonObject, toCanonicalJson } from "../../job/json.ts";
import type { SchemaDraft } from "../json-schema.ts";
import { readPattern } from "./schema-pattern.ts";
import { DEEPEST } from "./schema-references.ts";
import { readTypes } from "./schema-types.ts";

/** Takes a problem; the path starts at the schema. */
export type Report = (path: InputPath, message: string) => void;

/** The problem of a schema or a value in it that is nested deeper than is read. */
export const TOO_DEEP = `is nested deeper than ${DEEPEST} levels; flatten it`;

/** Reads the keywords that hold no schemas; data in them may nest `deepest` levels. `isNullable` is OpenAPI's word. */
export function readKeywords(
  node: JsonObject,
  deepest: number,
  report: Report,
): { readonly draft: SchemaDraft; readonly isNullable: boolean } {
  const draft: SchemaDraft = {};

  function read<T>(keyword: string, kind: z.ZodType<T>): T | undefined {
    const value = node[keyword] ?? undefined;
    if (value === undefined) return undefined;
    const parsed = kind.safeParse(value);
    for (const { path, message } of parsed.error?.issues ?? []) {
      report([keyword, ...toInputPath(path)], message);
    }
    return parsed.data;
  }

  for (const keyword of ["title", "description"] as const) {
    const text = node[keyword];
    if (typeof text === "string" && text.trim() !== "") draft[keyword] = text;
  }
  for (const keyword of COUNTS) {
    const count = read(keyword, COUNT);
    if (count !== undefined) draft[keyword] = count;
  }
  for (const keyword of ["minimum", "maximum"] as const) {
    const bound = read(keyword, NUMBER);
    if (bound !== undefined) draft[keyword] = bound;
  }
  const multipleOf = read("multipleOf", POSITIVE);
  if (multipleOf !== undefined) draft.multipleOf = multipleOf;
  const uniqueItems = read("uniqueItems", FLAG);
  if (uniqueItems !== undefined) draft.uniqueItems = uniqueItems;
  const pattern = read("pattern", PATTERN);
  if (pattern !== undefined) draft.pattern = pattern;
  readDependentRequired(node, draft, report);
  const required = read("required", REQUIRED);
  if (required !== undefined && required.length > 0) draft.required = required;
  const format = read("format", TEXT);
  if (format !== undefined) draft.format = toFormat(format);

  readType(node, draft, report);
  readExclusive("minimum", "exclusiveMinimum", draft, read("exclusiveMinimum", EXCLUSIVE));
  readExclusive("maximum", "exclusiveMaximum", draft, read("exclusiveMaximum", EXCLUSIVE));
  readData(node, draft, deepest, report);
  for (const [least, most] of RANGES) {
    const lower = draft[least];
    const upper = draft[most];
    if (lower !== undefined && upper !== undefined && lower > upper) {
      report(
        [least],
        `${lower} is above ${most}, ${upper}, so nothing would fit; correct one of them`,
      );
    }
  }
  return { draft, isNullable: read("nullable", FLAG) === true };
}

const COUNTS = [
  "minLength",
  "maxLength",
  "minItems",
  "maxItems",
  "minContains",
  "maxContains",
  "minProperties",
  "maxProperties",
] as const;

const RANGES = [
  ["minimum", "maximum"],
  ["minimum", "exclusiveMaximum"],
  ["exclusiveMinimum", "maximum"],
  ["exclusiveMinimum", "exclusiveMaximum"],
  ["minLength", "maxLength"],
  ["minItems", "maxItems"],
  ["minContains", "maxContains"],
  ["minProperties", "maxProperties"],
] as const;

const NUMERIC = /^\s*[+-]?\d+(?:\.\d*)?(?:e[+-]?\d+)?\s*$/i;
const TEXT = z.string("must be a string");
const FLAG = z.boolean("must be true or false");
const NUMBER = z.preprocess(
  (value) => (typeof value === "string" && NUMERIC.test(value) ? Number(value) : value),
  z.number("must be a number"),
);
const POSITIVE = NUMBER.refine((number) => number > 0, "must be above 0");
const COUNT = NUMBER.refine(
  (number) => Number.isInteger(number) && number >= 0,
  "must be a whole number, 0 or above",
);
/** Draft 4 says by a flag whether the bound beside it is exclusive. */
const EXCLUSIVE = z.union([FLAG, NUMBER], "must be a number, or true or false beside a bound");

const PATTERN = TEXT.transform((written, context) => {
  const read = readPattern(written);
  if ("pattern" in read) return read.pattern;
  context.addIssue(read.problem);
  return z.NEVER;
});

const NAMES = z
  .array(TEXT, "must be a list of property names")
  .transform((names) => [...new Set(names)]);

/** A flag is draft 3's, and about the property itself: for its parent to read. */
const REQUIRED = z.preprocess((value) => (typeof value === "boolean" ? [] : value), NAMES);

function readType(node: JsonObject, draft: SchemaDraft, report: Report): void {
  const written = node["type"] ?? null;
  if (written === null) return;
  const { types, format, problems } = readTypes(written);
  for (const { path, message } of problems) report(["type", ...path], message);
  if (types !== undefined) draft.type = types;
  // What a type says is to be checked goes before a mere note.
  if (format?.endsWith("_uri") === true) draft.format = format;
  else if (format !== undefined) draft.format ??= format;
}

/** `IMAGE_URI` and `image-uri` mean what `image_uri` means, which is checked. */
function toFormat(written: string): string {
  const format = written.toLowerCase().replaceAll("-", "_");
  return format.endsWith("_uri") ? format : written;
}

function readExclusive(
  bound: "minimum" | "maximum",
  exclusive: "exclusiveMinimum" | "exclusiveMaximum",
  draft: SchemaDraft,
  written: number | boolean | undefined,
): void {
  if (typeof written === "number") draft[exclusive] = written;
  if (written !== true || draft[bound] === undefined) return;
  draft[exclusive] = draft[bound];
  delete draft[bound];
}

function readDependentRequired(node: JsonObject, draft: SchemaDraft, report: Report): void {
  const lists = new Map<string, readonly string[]>();
  for (const keyword of ["dependencies", "dependentRequired"]) {
    const map = node[keyword] ?? {};
    if (!isJsonObject(map)) {
      report([keyword], "must be an object with a list of property names for each property");
      continue;
    }
    for (const [name, value] of Object.entries(map)) {
      // Whoever reads the schemas reads the other half of draft 7's word.
      if (keyword === "dependencies" && !isJsonArray(value) && typeof value !== "string") continue;
      const names = NAMES.safeParse(typeof value === "string" ? [value] : value);
      for (const { path, message } of names.error?.issues ?? []) {
        report([keyword, name, ...toInputPath(path)], message);
      }
      lists.set(name, [...new Set([...(lists.get(name) ?? []), ...(names.data ?? [])])]);
    }
  }
  if (lists.size > 0) draft.dependentRequired = Object.fromEntries(lists);
}

function readData(node: JsonObject, draft: SchemaDraft, deepest: number, report: Report): void {
  for (const keyword of ["default", "const", "enum"] as const) {
    const value = node[keyword];
    if (value === undefined || (value === null && keyword === "enum")) continue;
    if (nestsDeeper(value, deepest - 1)) {
      report([keyword], TOO_DEEP);
    } else if (keyword !== "enum") {
      draft[keyword] = value;
    } else if (isJsonArray(value) && value.length > 0) {
      draft.enum = [...new Map(value.map((member) => [toCanonicalJson(member), member])).values()];
    } else {
      report([keyword], "must be a list of at least one value");
    }
  }
}

function nestsDeeper(value: JsonValue, levels: number): boolean {
  if (levels < 0) return true;
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).some((member) => nestsDeeper(member, levels - 1));
}

function toInputPath(path: readonly PropertyKey[]): InputPath {
  return path.filter((segment) => typeof segment !== "symbol");
}
