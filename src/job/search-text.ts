import { textProblem } from "./input-issue.ts";
import type { JsonValue } from "./json.ts";
import { isJsonArray, isJsonObject } from "./json.ts";

const SHORTEST = 3;
const LONGEST = 200;
/** Of an input; prompts are shorter, and each character takes room and time in an index. */
const MOST_FOUND = 4_000;

/**
 * What a job is found by: the texts of its input, folded, each in a line of its own. Pictures that are written as text are
 * left out.
 */
export function toSearchText(input: JsonValue): string {
  const lines = findTexts(input)
    .filter((text) => !text.startsWith("data:"))
    .slice(0, MOST_FOUND)
    .map((text) => foldText(text.slice(0, MOST_FOUND)));
  return lines.join("\n").slice(0, MOST_FOUND).toWellFormed();
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
  const length = Array.from(foldText(text.slice(0, LONGEST + 1))).length;
  if (text.length > LONGEST || length < SHORTEST)
    return `has to be ${SHORTEST} to ${LONGEST} characters long`;
  return textProblem(text);
}

function findTexts(value: JsonValue): string[] {
  if (typeof value === "string") return [value];
  if (isJsonArray(value)) return value.flatMap(findTexts);
  return isJsonObject(value) ? Object.values(value).flatMap(findTexts) : [];
}
