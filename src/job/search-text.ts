import { textProblem } from "./input-issue.ts";
import type { JsonValue } from "./json.ts";
import { isJsonArray, isJsonObject } from "./json.ts";

const MIN_LENGTH = 3;
const MAX_LENGTH = 200;
/** Of an input; prompts are shorter, and each character takes room and time in an index. */
const MAX_FOUND = 4_000;

/**
 * What a job is found by: the texts of its input, folded, each in a line of its own. Pictures that are written as text are
 * left out.
 */
export function toSearchText(input: JsonValue): string {
  const lines = findTexts(input)
    .filter((text) => !text.startsWith("data:"))
    .slice(0, MAX_FOUND)
    .map((text) => foldText(text.slice(0, MAX_FOUND)));
  return lines.join("\n").slice(0, MAX_FOUND).toWellFormed();
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
  const length = Array.from(foldText(text.slice(0, MAX_LENGTH + 1))).length;
  if (text.length > MAX_LENGTH || length < MIN_LENGTH)
    return `has to be ${MIN_LENGTH} to ${MAX_LENGTH} characters long`;
  return textProblem(text);
}

function findTexts(value: JsonValue): string[] {
  if (typeof value === "string") return [value];
  if (isJsonArray(value)) return value.flatMap(findTexts);
  return isJsonObject(value) ? Object.values(value).flatMap(findTexts) : [];
}
