import type { ErrorObject } from "ajv";

import type { InputIssue } from "../../job/input-issue.ts";
import type { JsonObject, JsonValue } from "../../job/json.ts";
import { isJsonArray, isJsonObject } from "../../job/json.ts";
import { toAjvInputSchema } from "./checked-schema.ts";
import type { InputCheck } from "../contract.ts";
import type { createCompiler } from "./create-compiler.ts";
import { isAccepted } from "./create-compiler.ts";
import { explainErrors } from "./explain-errors.ts";
import { schemasBelow } from "../subschemas.ts";
import { findWarnings } from "./input-warnings.ts";
import type { JsonSchemaObject } from "../json-schema.ts";
import { once } from "./once.ts";

type InputCheckParts = {
  readonly schema: JsonSchemaObject;
  /** The upstream floors `width` and `height` to a multiple of it; null where nobody knows. */
  readonly divisor: number | null;
  readonly compile: { readonly forAllErrors: Compile; readonly forFirstError: Compile };
};

type Compile = ReturnType<typeof createCompiler>;

/** The check of one schema, which is compiled when it is first used; at most 50 issues and 50 warnings. */
export function createInputCheck({ schema, divisor, compile }: InputCheckParts): InputCheck {
  const inputSchema = once(() =>
    toAjvInputSchema(schema, (checked, defaults) => {
      const validate = compile.forFirstError(() => checked);
      const refused = Object.entries(defaults).filter(
        ([name, value]) => !isAccepted(validate({ [name]: value })),
      );
      return new Set(refused.map(([name]) => name));
    }),
  );
  const findErrors = compile.forAllErrors(inputSchema);
  const findFirstError = compile.forFirstError(inputSchema);
  const hasUnevaluated = once(() => speaksOfUnevaluated(schema));
  return (input, spell) => {
    const copied = copyObject(input);
    const given = countValues(copied);
    const isFirstOnly = given > MOST_VALUES_FOR_ALL_ISSUES || hasUnevaluated();
    const validate = isFirstOnly ? findFirstError : findErrors;
    const explain = (errors: readonly ErrorObject[]): InputIssue[] =>
      explainErrors(errors, { schema: inputSchema(), input: copied, spell });

    const first = validate(copied);
    if (typeof first === "string") return { input, ...UNDECIDED[first] };
    const isFilledIn = countValues(copied) > given;
    // What is filled in is looked at again: Ajv may have asked for a member before it filled that in.
    const second = isFilledIn ? validate(copied) : first;
    if (typeof second === "string") return { input, ...UNDECIDED[second] };
    const isRefused = !isAccepted(first) && !isAccepted(second);
    const found = isRefused ? explain(first) : [];
    const issues = isRefused && isFilledIn ? keepShared(found, explain(second)) : found;
    // Where the defaults spoil an input that is right without them, the upstream is left to fill them in.
    const sent = isAccepted(second) ? copied : input;
    const warnings = issues.length > 0 ? [] : findWarnings(sent, { schema, divisor, spell });
    return { input: sent, issues, warnings };
  };
}

/** What both looks found: the others came of a default that was not there yet, or that nobody gave. */
function keepShared(
  first: readonly InputIssue[],
  second: readonly InputIssue[],
): readonly InputIssue[] {
  const texts = new Set(second.map(toText));
  const shared = first.filter((issue) => texts.has(toText(issue)));
  return shared.length > 0 ? shared : first;
}

function toText({ path, message }: InputIssue): string {
  return JSON.stringify([path, message]);
}

/** When there is no telling. Where Ajv fails, it is better to leave the check to the upstream than to refuse all inputs. */
const UNDECIDED = {
  "too much work": {
    issues: [{ path: [], message: "takes too much work to check; make it smaller or less deep" }],
    warnings: [],
  },
  failed: {
    issues: [],
    warnings: [
      {
        path: [],
        message: "this input could not be checked, and is sent as it is",
      },
    ],
  },
};

/** A larger input is told its first issue only: Ajv's errors have no bound, and they take time by their square. */
const MOST_VALUES_FOR_ALL_ISSUES = 2_000;

/** Looking for all errors, Ajv takes for evaluated what a branch that failed has looked at. */
function speaksOfUnevaluated(root: JsonSchemaObject): boolean {
  return [...schemasBelow(root, [root])].some(
    (schema) =>
      typeof schema === "object" &&
      (schema.unevaluatedProperties !== undefined || schema.unevaluatedItems !== undefined),
  );
}

/** A copy that Ajv may fill in. */
function copyObject(object: JsonObject): JsonObject {
  // Without a prototype, so that Ajv takes no inherited `constructor` for a member, and `__proto__` for one.
  const copied: Record<string, JsonValue> = Object.create(null);
  for (const [key, member] of Object.entries(object)) copied[key] = copyValue(member);
  return copied;
}

function copyValue(value: JsonValue): JsonValue {
  if (isJsonArray(value)) return value.map(copyValue);
  return isJsonObject(value) ? copyObject(value) : value;
}

function countValues(value: JsonValue): number {
  if (typeof value !== "object" || value === null) return 1;
  let count = 1;
  for (const member of Object.values(value)) count += countValues(member);
  return count;
}
