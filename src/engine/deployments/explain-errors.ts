import type { ErrorObject } from "ajv";

import { type InputIssue, type InputPath, type Spelling, toPathText } from "../job/input.ts";
import { isJsonArray, isJsonObject, type JsonValue } from "../job/json.ts";
import { formatProblem } from "./compile-schema.ts";
import { ownMember, type SchemaDocument } from "./json-schema.ts";
import { didYouMean, nearMisses, orList } from "./near-misses.ts";

/** The bound keeps a hostile input from asking for a hostile answer. */
const MAX_ISSUES = 50;

type Context = {
  readonly targets: SchemaDocument["targets"];
  /** What the errors are about. */
  readonly input: JsonValue;
  readonly spell: Spelling;
  /** Issues that come first; no others are reported at their paths. */
  readonly known?: readonly InputIssue[];
};

/** What Ajv's errors mean for the input's sender, each once and at most 50. */
export function explainErrors(
  errors: readonly ErrorObject[],
  { targets, input, spell, known = [] }: Context,
): InputIssue[] {
  const issues = new Map(known.map((issue) => [toPathText(issue.path), issue]));
  for (const finding of toFindings(errors, targets)) {
    if (issues.size >= MAX_ISSUES) break;
    const at = toPath(finding.error.instancePath, input);
    const member = MEMBERS.map((name): unknown => finding.error.params[name]).find(
      (name) => typeof name === "string",
    );
    const path = spell(member === undefined ? at : [...at, member]);
    if (issues.has(toPathText(path))) continue;
    const message = toSentence(finding, (name) => String(spell([...at, name]).at(-1)));
    issues.set(`${toPathText(path)} ${message}`, { path, message });
  }
  return [...issues.values()];
}

/** Parameters of Ajv's errors that name a member of the value. */
const MEMBERS = ["missingProperty", "additionalProperty", "unevaluatedProperty", "propertyName"];

/** An error, and what the branches have against the value where its keyword has branches. */
type Finding = { readonly error: ErrorObject; readonly inside: readonly ErrorObject[] };

/** Ajv reports the errors of branches right before that of their keyword. */
function toFindings(errors: readonly ErrorObject[], targets: Context["targets"]): Finding[] {
  const findings: Finding[] = [];
  const known = new Map<unknown, ReadonlySet<unknown>>();
  const below = (schema: unknown): ReadonlySet<unknown> => {
    const found = known.get(schema) ?? reachBelow(schema, targets);
    known.set(schema, found);
    return found;
  };
  for (const error of errors) {
    const last = findings.at(-1)?.error;
    // The possible values show the type as well.
    if (isChoice(error) && last?.keyword === "type" && last.parentSchema === error.parentSchema) {
      findings.pop();
    }
    const { keyword, instancePath } = error;
    // An error of `if` only says that those before it are of `then` or `else`.
    if (keyword === "if") continue;
    const isUnion = keyword === "anyOf" || keyword === "oneOf";
    if (!isUnion && keyword !== "contains" && keyword !== "propertyNames") {
      findings.push({ error, inside: [] });
      continue;
    }
    const held = below(error.schema);
    const outside = findings.findLastIndex(
      (one) =>
        !held.has(one.error.parentSchema) || !one.error.instancePath.startsWith(instancePath),
    );
    const inside = findings.splice(outside + 1);
    const meant = isUnion && !isTooMany(error) ? findMeant(error, inside, below) : [];
    // They are pushed one by one: there may be more than a call takes.
    for (const one of meant) findings.push(one);
    if (meant.length === 0) findings.push({ error, inside: inside.map((one) => one.error) });
  }
  return findings;
}

/** All that lies in a schema or is referred to from there, by identity. */
function reachBelow(schema: unknown, targets: Context["targets"]): ReadonlySet<unknown> {
  const found = new Set([schema]);
  for (const one of found) {
    if (typeof one !== "object" || one === null) continue;
    for (const member of Object.values(one)) found.add(member);
    if ("$ref" in one && typeof one.$ref === "string") found.add(targets.get(one.$ref));
  }
  return found;
}

/** What was found by the one branch that has the value's type and the constants that tell it apart. */
function findMeant(
  { schema, instancePath }: ErrorObject,
  inside: readonly Finding[],
  below: (schema: unknown) => ReadonlySet<unknown>,
): readonly Finding[] {
  const isTelling = ({ error }: Finding): boolean => {
    if (error.instancePath === instancePath) return isChoice(error) || error.keyword === "type";
    return (
      error.keyword === "const" && !error.instancePath.slice(instancePath.length + 1).includes("/")
    );
  };
  const [only = [], ...others] = toList(schema)
    .map((branch) => inside.filter(({ error }) => below(branch).has(error.parentSchema)))
    .filter((findings) => !findings.some(isTelling));
  return others.length === 0 ? only : [];
}

function isChoice({ keyword }: ErrorObject): boolean {
  return keyword === "enum" || keyword === "const";
}

function isTooMany({ params }: ErrorObject): boolean {
  return (params["passingSchemas"] ?? null) !== null;
}

type SpellName = (name: string) => string;

/** What is wrong and what to do, in plain words that follow the path. */
function toSentence({ error, inside }: Finding, spellName: SpellName): string {
  const { keyword, params, schema, data, message = "is not valid" } = error;
  switch (keyword) {
    case "type":
      return describeTypes(toList(params["type"]));
    case "enum":
    case "const":
      return describeChoice(data, keyword === "enum" ? toList(schema) : [schema]);
    case "maximum":
      return `is ${toShortJson(data)}; the most is ${String(schema)}`;
    case "minimum":
      return `is ${toShortJson(data)}; the least is ${String(schema)}`;
    case "format":
      return formatProblem(String(schema), String(data)) ?? "must be a public URL";
    case "uniqueItems":
      return "has an item more than once; keep one of each";
    case "required":
    case "dependencies":
    case "dependentRequired":
      return "is missing; it is required";
    case "additionalProperties":
    case "unevaluatedProperties":
      return describeUnknown(error, spellName);
    case "propertyNames":
      return "has a name that is not allowed; choose another";
    case "false schema":
      return "is not allowed here; leave it out";
    case "not":
      return "is of a form that is not allowed; try another value";
    case "anyOf":
    case "oneOf":
      return describeUnion(error, inside, spellName);
    default:
      if (message.startsWith("must NOT have fewer than 1 ")) return "must not be empty";
      return `${message.replace("NOT", "not").replace(/( 1 \w+)s$/, "$1")}; try another value`;
  }
}

function describeTypes(types: readonly unknown[]): string {
  const names = new Set(types.map((type) => TYPE_NAMES.get(type) ?? `a ${String(type)}`));
  return `must be ${orList([...names])}`;
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

function describeUnknown({ params, parentSchema }: ErrorObject, spellName: SpellName): string {
  const name = String(params["additionalProperty"] ?? params["unevaluatedProperty"]);
  const known = Object.keys(Object(parentSchema?.["properties"])).map(spellName);
  const suggestion = didYouMean(nearMisses(spellName(name), known));
  const others = known.length === 0 ? "" : `, or use ${orList(known)}`;
  return `is not known here${suggestion || `; leave it out${others}`}`;
}

/** One sentence for all branches, if the value fits none or too many of them. */
function describeUnion(
  error: ErrorObject,
  inside: readonly ErrorObject[],
  spellName: SpellName,
): string {
  const branches = toList(error.schema);
  const names = branches.map(toOnlyRequired);
  if (names.every((name) => name !== null)) {
    const members = orList(names.map(spellName));
    if (isTooMany(error)) return `may have only one of ${members}; leave the others out`;
    return `needs ${error.keyword === "oneOf" ? "exactly" : "at least"} one of ${members}`;
  }
  const forms = `of the ${branches.length} forms it may have`;
  if (isTooMany(error)) return `fits more than one ${forms}; change it so that it fits only one`;
  const isOfOtherType = inside.every(
    ({ instancePath, keyword }) => instancePath === error.instancePath && keyword === "type",
  );
  return isOfOtherType
    ? describeTypes(inside.flatMap(({ params }): unknown => params["type"]))
    : `fits none ${forms}; try another value`;
}

/** The one member that a branch requires where it demands nothing else. */
function toOnlyRequired(branch: unknown): string | null {
  const { required, ...others } = Object(branch);
  const [name, ...more] = toList(required);
  const isOnly = more.length === 0 && Object.keys(others).every((word) => MERE_WORDS.has(word));
  return isOnly && typeof name === "string" ? name : null;
}

const MERE_WORDS: ReadonlySet<string> = new Set(["type", "title", "description"]);

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
