import type { JsonValue } from "./json.ts";
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
const MOST_ISSUES = 20;

/** What could not be stored or sent unchanged: U+0000, lone surrogates, inexact numbers, deep nesting. At most 20 issues. */
export function checkJson(value: JsonValue): InputIssue[] {
  const issues: InputIssue[] = [];
  visit(value, [], issues);
  return issues;
}

function visit(value: JsonValue, path: InputPath, issues: InputIssue[]): void {
  if (issues.length >= MOST_ISSUES) return;
  const problem =
    path.length > DEEPEST ? "is nested deeper than 64 levels; flatten it" : scalarProblem(value);
  if (problem !== null) {
    issues.push({ path, message: problem });
    return;
  }
  if (isJsonArray(value)) {
    value.forEach((member, index) => visit(member, [...path, index], issues));
  } else if (isJsonObject(value)) {
    for (const [key, member] of Object.entries(value)) {
      const keyProblem = textProblem(key);
      if (keyProblem !== null)
        issues.push({ path: [...path, key], message: `this key ${keyProblem}` });
      visit(member, [...path, key], issues);
    }
  }
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
