import type { ErrorObject } from "ajv/dist/2020.js";

import type { InputIssue, InputPath, Spelling } from "../../job/input-issue.ts";
import { toPathText } from "../../job/input-issue.ts";
import type { JsonObject, JsonValue } from "../../job/json.ts";
import { isJsonArray, isJsonObject } from "../../job/json.ts";
import { isBranchOpen } from "./branches.ts";
import type { Finding } from "./explain-error.ts";
import { explainError } from "./explain-error.ts";
import type { JsonSchema, JsonSchemaObject } from "../json-schema.ts";
import { schemasBelow, schemasInPlace } from "../subschemas.ts";

/** At most so many issues, so that a hostile input can't ask for a hostile answer. */
const MOST_ISSUES = 50;

/** What an input's errors mean to its sender, each once; `schema` is the one that Ajv compiled, verbosely. */
export function explainErrors(
  errors: readonly ErrorObject[],
  {
    schema,
    input,
    spell,
  }: {
    readonly schema: JsonSchemaObject;
    readonly input: JsonObject;
    readonly spell: Spelling;
  },
): InputIssue[] {
  const issues = new Map<string, InputIssue>();
  for (const finding of toFindings(errors, schema)) {
    if (issues.size >= MOST_ISSUES) break;
    const at = toPath(finding.error.instancePath, input);
    const { member, message } = explainError(finding, { root: schema, at, spell });
    const path = spell(member === null ? at : [...at, member]);
    issues.set(`${toPathText(path)} ${message}`, { path, message });
  }
  return [...issues.values()];
}

function toFindings(errors: readonly ErrorObject[], root: JsonSchemaObject): Finding[] {
  // Each is asked for as often as there are errors.
  const below = new Map<unknown, ReadonlySet<JsonSchema>>();
  function allBelow(schemas: readonly JsonSchema[], key: unknown): ReadonlySet<JsonSchema> {
    const known = below.get(key) ?? schemasBelow(root, schemas);
    below.set(key, known);
    return known;
  }

  const findings: Finding[] = [];
  for (const error of errors) {
    // It only says that the errors before it are those of `then` or `else`.
    if (error.keyword === "if") continue;
    const finding = toFinding(error);
    const last = findings.at(-1);
    const held = toHeld(finding);
    if (held !== null) {
      const inside = takeInside(findings, error, allBelow(held, error.schema));
      // One by one: there may be more than a call takes.
      for (const one of settle({ ...finding, inside }, held)) findings.push(one);
      continue;
    }
    // The values that are possible tell the type as well.
    const isChoice = error.keyword === "enum" || error.keyword === "const";
    if (isChoice && last?.error.keyword === "type" && last.schema === finding.schema) {
      findings.pop();
    }
    findings.push(finding);
  }
  return findings;

  /** Of alternatives of which the value can only mean one, that one's errors say more. */
  function settle(finding: Finding, branches: readonly JsonSchema[]): readonly Finding[] {
    const { keyword, params } = finding.error;
    const isUnion =
      keyword === "anyOf" || (keyword === "oneOf" && params["passingSchemas"] === null);
    if (!isUnion) return [finding];
    const [only, ...others] = branches.filter((branch) =>
      isBranchOpen(root, branch, finding.value),
    );
    if (only === undefined || others.length > 0) return [finding];
    const inPlace = new Set<JsonSchema>(schemasInPlace(root, [only]));
    const below = allBelow([only], only);
    // The other alternatives may lie somewhere below this one, where the schema refers to itself.
    const inside = finding.inside.filter(({ error, schema }) =>
      (error.instancePath === finding.error.instancePath ? inPlace : below).has(schema),
    );
    return inside.length === 0 ? [finding] : inside;
  }
}

function toFinding(error: ErrorObject): Finding {
  const schema: unknown = error.parentSchema;
  return {
    error,
    value: isJson(error.data) ? error.data : null,
    schema: isSchema(schema) ? schema : true,
    inside: [],
  };
}

/** What a keyword holds whose error follows the errors of that; null for other keywords. */
function toHeld({ error: { keyword }, schema }: Finding): readonly JsonSchema[] | null {
  if (typeof schema === "boolean") return null;
  if (keyword === "anyOf" || keyword === "oneOf") return schema[keyword] ?? null;
  if (keyword !== "contains" && keyword !== "propertyNames") return null;
  return schema[keyword] === undefined ? null : [schema[keyword]];
}

/** Ajv tells the errors of one value in a row. */
function takeInside(
  findings: Finding[],
  { instancePath }: ErrorObject,
  below: ReadonlySet<JsonSchema>,
): Finding[] {
  const start = findings.findLastIndex(
    ({ error, schema }) =>
      !below.has(schema) || !`${error.instancePath}/`.startsWith(`${instancePath}/`),
  );
  return findings.splice(start + 1);
}

/** What Ajv was given as a schema. */
function isSchema(schema: unknown): schema is JsonSchema {
  return typeof schema === "boolean" || (typeof schema === "object" && schema !== null);
}

/** What Ajv was given as data. */
function isJson(data: unknown): data is JsonValue {
  return data !== undefined;
}

/** A JSON pointer as a path; only the data tells an index from a name. */
function toPath(pointer: string, input: JsonObject): InputPath {
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
      value = isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
      return name;
    });
}
