import { toLabel } from "../form/fields";
import { isObject, isText, type JsonObject } from "../form/json";
import { readMembers, resolve, typeOf } from "../form/schema";

export type FieldRow = {
  readonly name: string;
  readonly label: string;
  readonly isRequired: boolean;
  readonly type: string;
  /** The bounds or choices; empty where anything goes. */
  readonly allowed: string;
  /** As a person reads it; empty where there is none. */
  readonly fallback: string;
  readonly description: string;
};

const MAX_CHOICES = 30;
/** A list may be of lists of its own kind, without an end. */
const MAX_LISTS = 4;

/** The fields of a deployment's input in the schema's order; none where nothing is known of it. */
export function readRows(inputSchema: unknown): readonly FieldRow[] {
  if (!isObject(inputSchema)) return [];
  const { members, required } = readMembers(resolve(inputSchema, inputSchema));
  return members.map(([name, schema]) => ({
    name,
    label: toLabel(name, schema["title"]),
    isRequired: required.has(name),
    type: tellType(schema, inputSchema),
    allowed: tellAllowed(schema),
    fallback: schema["default"] === undefined ? "" : tellValue(schema["default"]),
    description: isText(schema["description"]) ? schema["description"] : "",
  }));
}

function tellType(schema: JsonObject, root: JsonObject, lists = MAX_LISTS): string {
  const { format, items } = schema;
  if (Array.isArray(schema["enum"])) return "choice";
  switch (typeOf(schema)) {
    case "string":
      return isText(format) && format.endsWith("_uri") ? tellFile(format) : "text";
    case "integer":
      return "whole number";
    case "number":
      return "number";
    case "boolean":
      return "yes or no";
    case "array":
      return isObject(items) && lists > 1
        ? `list: ${tellType(resolve(items, root), root, lists - 1)}`
        : "list";
    case "object":
      return "object";
    default:
      return "any";
  }
}

function tellFile(format: string): string {
  const kind = format.slice(0, -"_uri".length);
  return kind === "image" ? "picture" : /^(video|audio)$/.test(kind) ? kind : "file";
}

function tellAllowed(schema: JsonObject): string {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, pattern } = schema;
  if (Array.isArray(schema["enum"])) return tellChoices(schema["enum"]);
  if (schema["const"] !== undefined) return tellValue(schema["const"]);
  const parts = [
    tellRange(minimum, maximum),
    typeof exclusiveMinimum === "number" && `above ${exclusiveMinimum}`,
    typeof exclusiveMaximum === "number" && `below ${exclusiveMaximum}`,
    typeof multipleOf === "number" && `multiples of ${multipleOf}`,
    tellCounted(schema["minLength"], schema["maxLength"], "character"),
    tellCounted(schema["minItems"], schema["maxItems"], "item"),
    isText(pattern) && `fits ${pattern}`,
  ];
  return parts.filter(Boolean).join(", ");
}

function tellChoices(choices: readonly unknown[]): string {
  const shown = choices.slice(0, MAX_CHOICES).map(tellValue).join(", ");
  const rest = choices.length - MAX_CHOICES;
  return rest > 0 ? `${shown} and ${rest} more` : shown;
}

function tellRange(least: unknown, most: unknown): string {
  const hasLeast = typeof least === "number";
  const hasMost = typeof most === "number";
  if (hasLeast && hasMost) return `${tellNumber(least)} to ${tellNumber(most)}`;
  if (hasLeast) return `at least ${tellNumber(least)}`;
  return hasMost ? `at most ${tellNumber(most)}` : "";
}

function tellCounted(least: unknown, most: unknown, unit: string): string {
  // That something has to be there is what "required" says.
  const range = tellRange(typeof least === "number" && least > 1 ? least : null, most);
  return range === "" ? "" : `${range} ${unit}s`;
}

function tellNumber(value: number): string {
  return value.toLocaleString("en", { maximumFractionDigits: 10 });
}

function tellValue(value: unknown): string {
  if (value === "") return "empty";
  if (isText(value)) return value;
  if (value === true) return "yes";
  if (value === false) return "no";
  return value === null ? "nothing" : JSON.stringify(value);
}
