import type { JsonValue } from "../../job/json.ts";
import { isJsonArray, isJsonObject } from "../../job/json.ts";
import type { JsonType } from "../json-schema.ts";

/** A value as JSON of at most 60 characters. */
export function toShortJson(value: JsonValue): string {
  const text = JSON.stringify(value);
  return text.length <= 60 ? text : `${text.slice(0, 59).toWellFormed()}…`;
}

/** `a, b or c`; of many, the first ten and how many others there are. */
export function orList(words: readonly string[]): string {
  return toList(words, "disjunction");
}

/** `a, b and c`; of many, the first ten and how many others there are. */
export function andList(words: readonly string[]): string {
  return toList(words, "conjunction");
}

/** `1 item`, `2 items`. */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** How long a value is: `2 items` of a list, `1 member` of an object, `5 characters` of a text. */
export function countIn(value: JsonValue): string {
  if (isJsonArray(value)) return countOf(value.length, "item");
  if (isJsonObject(value)) return countOf(Object.keys(value).length, "member");
  // As JSON Schema counts, a character outside of Unicode's first plane is one.
  return countOf([...String(value)].length, "character");
}

/** `a string`, as a client's words go. */
export const TYPE_NAMES: Readonly<Record<JsonType, string>> = {
  string: "a string",
  integer: "an integer",
  number: "a number",
  boolean: "a boolean",
  object: "an object",
  array: "a list",
  null: "null",
};

/** The JSON type of a value; `number` for every number. */
export function typeOf(value: JsonValue): Exclude<JsonType, "integer"> {
  if (value === null) return "null";
  if (typeof value === "object") return Array.isArray(value) ? "array" : "object";
  if (typeof value === "string") return "string";
  return typeof value === "number" ? "number" : "boolean";
}

const MOST_WORDS = 10;

function toList(words: readonly string[], type: Intl.ListFormatType): string {
  const rest = words.length - MOST_WORDS;
  const shown = rest > 1 ? [...words.slice(0, MOST_WORDS), `${rest} others`] : words;
  // British English has no comma before the last word.
  return new Intl.ListFormat("en-GB", { type }).format(shown);
}
