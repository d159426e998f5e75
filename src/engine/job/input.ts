import { chance } from "../../runtime/environment.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import { isJsonArray, isJsonObject } from "./json.ts";

/** Where in an input: names of members, numbers of list items; empty for all of it. */
export type InputPath = readonly (string | number)[];

/** One thing that is wrong with an input, or worth knowing about it. */
export type InputIssue = { readonly path: InputPath; readonly message: string };

/** Turns the upstream's spelling of a path into the caller's: `["ctrl_img_1"]` into `["ctrlImg1"]`. */
export type Spelling = (path: InputPath) => InputPath;

/** Writes a path as clients see it: `images[0].url`; keys that are no identifiers are quoted. */
export function toPathText(path: InputPath): string {
  return path.map((segment, index) => toSegmentText(segment, index === 0)).join("");
}

/** One segment of such a path. */
export function toSegmentText(segment: string | number, isFirst: boolean): string {
  if (typeof segment === "number") return `[${segment}]`;
  if (!/^[A-Za-z_$][\w$-]*$/.test(segment)) return `[${JSON.stringify(segment)}]`;
  return isFirst ? segment : `.${segment}`;
}

const DEEPEST = 64;
const MAX_ISSUES = 20;

/** As JSON. To check and compare this much takes some milliseconds, which everybody else waits. */
const MAX_INPUT_BYTES = 262_144;

/**
 * What could not be stored or sent unchanged: more than 256 KiB, U+0000, lone surrogates, inexact numbers, deep nesting. At
 * most 20 issues. `bytes` is what the value takes as JSON, where it has none.
 */
export function checkJson(value: JsonValue): { issues: InputIssue[]; bytes: number } {
  const issues: InputIssue[] = [];
  const path: (string | number)[] = [];
  let bytes = 0;

  function visit(value: JsonValue): void {
    if (issues.length >= MAX_ISSUES || bytes > MAX_INPUT_BYTES) return;
    const problem =
      path.length > DEEPEST ? "is nested deeper than 64 levels; flatten it" : scalarProblem(value);
    if (problem !== null) {
      issues.push({ path: [...path], message: problem });
    } else if (isJsonArray(value)) {
      bytes += Math.max(2, value.length + 1);
      value.forEach((member, index) => visitMember(member, index));
    } else if (isJsonObject(value)) {
      const keys = Object.keys(value);
      bytes += Math.max(2, 2 * keys.length + 1);
      for (const key of keys) {
        const keyProblem = textProblem(key);
        if (keyProblem !== null)
          issues.push({ path: [...path, key], message: `this key ${keyProblem}` });
        bytes += sizeOf(key);
        visitMember(value[key] ?? null, key);
      }
    } else {
      bytes += sizeOf(value);
    }
  }

  function visitMember(member: JsonValue, segment: string | number): void {
    path.push(segment);
    visit(member);
    path.pop();
  }

  visit(value);
  return { issues: bytes > MAX_INPUT_BYTES ? [TOO_LARGE] : issues, bytes };
}

const TOO_LARGE: InputIssue = {
  path: [],
  message:
    "takes more than 256 KiB as JSON, the most allowed; shorten it, and give files as URLs or uploads",
};

/** Of one scalar; what is too long by far is not made into JSON. */
function sizeOf(value: string | number | boolean | null): number {
  const isLong = typeof value === "string" && value.length > MAX_INPUT_BYTES;
  return isLong ? value.length : Buffer.byteLength(JSON.stringify(value));
}

function scalarProblem(value: JsonValue): string | null {
  if (typeof value === "string") return textProblem(value);
  if (typeof value !== "number") return null;
  if (!Number.isFinite(value)) return "is too large; choose a smaller number";
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    const most = Number.MAX_SAFE_INTEGER;
    return `is too large to be exact; choose a whole number from -${most} to ${most}`;
  }
  return null;
}

/** Why a text would not survive every database unchanged; null where it does. */
export function textProblem(text: string): string | null {
  if (text.includes("\0"))
    return "holds an invisible character that can't be stored (U+0000); type it again";
  if (!text.isWellFormed())
    return "holds half a character, as a cut emoji leaves it; type it again";
  return null;
}

const MAX_TAGS = 10;
const MAX_TAG_LENGTH = 64;

/** Why a text can't be a tag, to be read after its name; null where it can. */
export function tagProblem(tag: string): string | null {
  if (tag.length === 0 || tag.length > MAX_TAG_LENGTH)
    return `has to be 1 to ${MAX_TAG_LENGTH} characters long; a word or two serve well`;
  if (/\p{Cc}/u.test(tag)) return "holds a control character; type it again";
  return textProblem(tag);
}

/** What is wrong with a job's tags in an argument, where a tag may be repeated: at most 10 issues. */
export function checkTags(tags: readonly string[], argument = "tags"): InputIssue[] {
  const distinct = new Set(tags);
  if (distinct.size > MAX_TAGS) {
    const message = `has ${distinct.size} different tags; leave some out, as a job has at most ${MAX_TAGS}`;
    return [{ path: [argument], message }];
  }
  return [...distinct].flatMap((tag) => {
    const message = tagProblem(tag);
    return message === null ? [] : [{ path: [argument, tags.indexOf(tag)], message }];
  });
}

/** Of ids that were never given out too, as where one was cut on the way: it names no upload, and is no URL either. */
const REFERENCE = /^upload:(upl_\w*)$/;

/** An upload that an input names as `upload:ID`, and where. */
export type UploadReference = { readonly id: string; readonly path: InputPath };

export function createUploadId(): string {
  return `upl_${chance.bytes(16).toString("hex")}`;
}

export function isUploadReference(text: string): boolean {
  return REFERENCE.test(text);
}

/** Every upload that an input names, wherever it does: not every deployment says which of its inputs are files. */
export function findUploads(input: JsonValue, path: InputPath = []): readonly UploadReference[] {
  if (isJsonArray(input))
    return input.flatMap((item, index) => findUploads(item, [...path, index]));
  if (isJsonObject(input))
    return Object.entries(input).flatMap(([key, value]) => findUploads(value, [...path, key]));
  const id = typeof input === "string" ? REFERENCE.exec(input)?.[1] : undefined;
  return id === undefined ? [] : [{ id, path }];
}

/** A copy with URLs, by upload, in place of the uploads. */
export function replaceUploads(input: JsonObject, urls: ReadonlyMap<string, string>): JsonObject {
  const replace = (value: JsonValue): JsonValue => {
    if (isJsonArray(value)) return value.map(replace);
    if (isJsonObject(value)) return replaceUploads(value, urls);
    const id = typeof value === "string" ? REFERENCE.exec(value)?.[1] : undefined;
    return (id === undefined ? undefined : urls.get(id)) ?? value;
  };
  return Object.fromEntries(Object.entries(input).map(([key, value]) => [key, replace(value)]));
}

/** Empty where it has none that says which result was made. */
export function findSeed(input: JsonValue): { readonly seed?: JsonValue } {
  const seed = isJsonObject(input) && Object.hasOwn(input, "seed") ? input["seed"] : undefined;
  return typeof seed === "number" || typeof seed === "string" ? { seed } : {};
}

const MIN_SEARCH_LENGTH = 3;
const MAX_SEARCH_LENGTH = 200;
/** Of an input; prompts are shorter, and each character takes room and time in an index. */
const MAX_TEXT_LENGTH = 4_000;

/**
 * What a job is found by: the texts of its input, folded, each in a line of its own. Pictures that are written as text are
 * left out.
 */
export function toSearchText(input: JsonValue): string {
  const lines = findTexts(input)
    .filter((text) => !text.startsWith("data:"))
    .slice(0, MAX_TEXT_LENGTH)
    .map((text) => foldText(text.slice(0, MAX_TEXT_LENGTH)));
  return lines.join("\n").slice(0, MAX_TEXT_LENGTH).toWellFormed();
}

/** Neither case nor the kind of white space counts, nor how an accent is encoded. */
export function foldText(text: string): string {
  return text
    .normalize("NFC")
    .toLowerCase()
    .replaceAll("ς", "σ")
    .replaceAll(/[\s\p{Cc}]+/gu, " ")
    .toWellFormed();
}

/** Why nothing can be found by a text, to be read after its name; null where something can. */
export function searchTextProblem(text: string): string | null {
  const length = Array.from(foldText(text.slice(0, MAX_SEARCH_LENGTH + 1))).length;
  if (text.length > MAX_SEARCH_LENGTH || length < MIN_SEARCH_LENGTH)
    return `has to be ${MIN_SEARCH_LENGTH} to ${MAX_SEARCH_LENGTH} characters long`;
  return textProblem(text);
}

function findTexts(value: JsonValue): string[] {
  if (typeof value === "string") return [value];
  if (isJsonArray(value)) return value.flatMap(findTexts);
  return isJsonObject(value) ? Object.values(value).flatMap(findTexts) : [];
}
