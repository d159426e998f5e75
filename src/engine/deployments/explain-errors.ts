import type { ErrorObject } from "ajv";

import { type InputIssue, type InputPath, type Spelling, toPathText } from "../job/input.ts";
import { isJsonArray, isJsonObject, type JsonValue } from "../job/json.ts";
import { formatProblem } from "./compile-schema.ts";
import { ownMember } from "./json-schema.ts";
import { didYouMean, nearMisses, orList } from "./near-misses.ts";

/** The bound keeps a hostile input from asking for a hostile answer. */
const MAX_ISSUES = 50;

type Context = {
  /** What the errors are about. */
  readonly input: JsonValue;
  readonly spell: Spelling;
  /** Issues that come first; no others are reported at their paths. */
  readonly known?: readonly InputIssue[];
};

/** What Ajv's errors mean for the input's sender, each once and at most 50. */
export function explainErrors(
  errors: readonly ErrorObject[],
  { input, spell, known = [] }: Context,
): readonly InputIssue[] {
  const issues = new Map(known.map((issue) => [toPathText(issue.path), issue]));
  /** Of alternatives, each has its own error. */
  const types = new Map<string, { readonly path: InputPath; readonly names: Set<string> }>();
  for (const [index, error] of errors.entries()) {
    if (issues.size + types.size >= MAX_ISSUES) break;
    if (isSaidByOthers(error, errors[index - 1])) continue;
    const at = toPath(error.instancePath, input);
    const member = MEMBERS.map((name): unknown => error.params[name]).find(
      (name) => typeof name === "string",
    );
    const path = spell(member === undefined ? at : [...at, member]);
    const text = toPathText(path);
    if (issues.has(text)) continue;
    if (error.keyword === "type") {
      const { names } = types.get(text) ?? { names: new Set<string>() };
      for (const type of toList(error.params["type"])) names.add(toTypeName(type));
      types.set(text, { path, names });
    } else {
      const message = toSentence(error, (name) => String(spell([...at, name]).at(-1)));
      issues.set(`${text} ${message}`, { path, message });
    }
  }
  const found = [...issues.values()];
  for (const { path, names } of types.values())
    // What is wrong within one alternative says more.
    if (!found.some((issue) => isWithin(issue.path, path)))
      found.push({ path, message: `must be ${orList([...names])}` });
  return found;
}

/** Parameters of Ajv's errors that name a member of the value. */
const MEMBERS = ["missingProperty", "additionalProperty", "unevaluatedProperty", "propertyName"];

/** Ajv reports the errors of alternatives right before that of their keyword. */
function isSaidByOthers({ keyword, params, instancePath }: ErrorObject, before?: ErrorObject) {
  if (keyword === "if") return true;
  const isUnmet = keyword === "anyOf" || (keyword === "oneOf" && params["passingSchemas"] === null);
  return isUnmet && before?.instancePath.startsWith(instancePath) === true;
}

function isWithin(path: InputPath, outer: InputPath): boolean {
  return outer.every((step, index) => path[index] === step);
}

/** What is wrong and what to do, in plain words that follow the path. */
function toSentence(error: ErrorObject, spellName: (name: string) => string): string {
  const { keyword, schema, data, message = "is not valid" } = error;
  switch (keyword) {
    case "enum":
    case "const":
      return describeChoice(data, keyword === "enum" ? toList(schema) : [schema]);
    case "maximum":
      return `is ${toShortJson(data)}; the most is ${String(schema)}`;
    case "minimum":
      return `is ${toShortJson(data)}; the least is ${String(schema)}`;
    case "format":
      return formatProblem(String(schema), String(data)) ?? "must be a public URL";
    case "required":
    case "dependencies":
    case "dependentRequired":
      return "is missing; it is required";
    case "additionalProperties":
    case "unevaluatedProperties":
      return describeUnknown(error, spellName);
    case "false schema":
      return "is not allowed here; leave it out";
    case "uniqueItems":
      return "has an item more than once; keep one of each";
    case "propertyNames":
      return "has a name that is not allowed; choose another";
    case "not":
      return "is of a form that is not allowed; try another value";
    case "oneOf":
      return "fits more than one of the forms it may have; change it so that it fits only one";
    default:
      if (message.startsWith("must NOT have fewer than 1 ")) return "must not be empty";
      return `${message.replace("NOT", "not").replace(/( 1 \w+)s$/, "$1")}; try another value`;
  }
}

function toTypeName(type: unknown): string {
  return TYPE_NAMES.get(type) ?? `a ${String(type)}`;
}

const TYPE_NAMES = new Map<unknown, string>([
  ["null", "null"],
  ["array", "a list"],
  ["object", "an object"],
  ["integer", "an integer"],
]);

function describeChoice(value: unknown, choices: readonly unknown[]): string {
  const texts = choices.filter((choice) => typeof choice === "string");
  const near = typeof value === "string" ? nearMisses(value, texts) : [];
  // Where there are two, either is plain to see.
  const suggestion = choices.length > 2 ? didYouMean(near.map(toShortJson)) : "";
  return `must be ${orList(choices.map(toShortJson))}${suggestion}`;
}

function describeUnknown(
  { params, parentSchema }: ErrorObject,
  spellName: (name: string) => string,
): string {
  const name = String(params["additionalProperty"] ?? params["unevaluatedProperty"]);
  const known = Object.keys(Object(parentSchema?.["properties"])).map(spellName);
  const suggestion = didYouMean(nearMisses(spellName(name), known));
  const others = known.length === 0 ? "" : `, or use ${orList(known)}`;
  return `is not known here${suggestion || `; leave it out${others}`}`;
}

function toList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

/** A JSON pointer as a path; only the data shows whether a part is an index or a name. */
function toPath(pointer: string, input: JsonValue): InputPath {
  let value: JsonValue | undefined = input;
  return pointer
    .split("/")
    .slice(1)
    .map((segment) => {
      const name = segment.replaceAll("~1", "/").replaceAll("~0", "~");
      if (value !== undefined && isJsonArray(value)) {
        value = value[Number(name)];
        return Number(name);
      }
      value = isJsonObject(value) ? ownMember(value, name) : undefined;
      return name;
    });
}

/** A value as JSON of at most 60 characters. */
function toShortJson(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length <= 60 ? text : `${text.slice(0, 59).toWellFormed()}…`;
}
