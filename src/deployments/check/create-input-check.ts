import type { ErrorObject } from "ajv";

import type { InputIssue } from "../../job/input-issue.ts";
import type { JsonObject, JsonValue } from "../../job/json.ts";
import { isJsonArray, isJsonObject } from "../../job/json.ts";
import { toInputSchema } from "./checked-schema.ts";
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
    toInputSchema(schema, (checked, value) => {
      const verdict = compile.forAllErrors(() => checked)(value);
      return typeof verdict === "string" ? new Set() : toNames(verdict);
    }),
  );
  const findErrors = compile.forAllErrors(inputSchema);
  const findFirstError = compile.forFirstError(inputSchema);
  const hasUnevaluated = once(() => speaksOfUnevaluated(schema));
  return (input, spell) => {
    const copied = copyObject(input);
    const isFirstOnly = copied.values > MOST_VALUES_FOR_ALL_ISSUES || hasUnevaluated();
    const validate = isFirstOnly ? findFirstError : findErrors;
    let verdict = validate(copied.object);
    // Ajv may have asked for a member before it filled that in, so what is filled in now gets another look.
    if (typeof verdict !== "string" && !isAccepted(verdict)) verdict = validate(copied.object);
    if (verdict === "too much work") return { input, issues: [TOO_MUCH_WORK], warnings: [] };
    // Better to leave the check to the upstream than to refuse every input.
    if (verdict === "failed") return { input, issues: [], warnings: [UNCHECKED] };
    return {
      input: copied.object,
      issues: explainErrors(verdict, { schema: inputSchema(), input, spell }),
      warnings: findWarnings(copied.object, { schema, divisor, spell }),
    };
  };
}

const TOO_MUCH_WORK: InputIssue = {
  path: [],
  message: "takes too much work to check; make it smaller or less deep",
};
const UNCHECKED: InputIssue = {
  path: [],
  message: "the gateway could not check this input against its schema; it is sent as it is",
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

/** The members of an object that have errors. */
function toNames(errors: readonly ErrorObject[]): ReadonlySet<string> {
  return new Set(errors.map(({ instancePath }) => instancePath.split("/")[1] ?? ""));
}

/** A copy that Ajv may fill in, and how many values it holds. */
function copyObject(object: JsonObject): { object: JsonObject; values: number } {
  let values = 0;
  function copyMembers(object: JsonObject): JsonObject {
    // Without a prototype, so that Ajv takes no inherited `constructor` for a member, and `__proto__` for one.
    const copied: Record<string, JsonValue> = Object.create(null);
    for (const [key, member] of Object.entries(object)) copied[key] = copy(member);
    return copied;
  }
  function copy(value: JsonValue): JsonValue {
    values += 1;
    if (isJsonArray(value)) return value.map(copy);
    return isJsonObject(value) ? copyMembers(value) : value;
  }
  return { object: copyMembers(object), values };
}
