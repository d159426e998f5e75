import type { Ajv2020 } from "ajv/dist/2020.js";

import type { InputIssue } from "../../job/input-issue.ts";
import type { JsonObject, JsonValue } from "../../job/json.ts";
import { isJsonArray, isJsonObject } from "../../job/json.ts";
import { toInputSchema } from "./checked-schema.ts";
import type { InputCheck } from "../contract.ts";
import { explainErrors } from "./explain-errors.ts";
import { schemasBelow } from "../subschemas.ts";
import { findWarnings } from "./input-warnings.ts";
import type { JsonSchemaObject } from "../json-schema.ts";
import { once } from "./once.ts";
import { runValidator } from "./run-validator.ts";

/** What a check is made of: the two Ajvs are alike but for how many mistakes they look for. */
type InputCheckParts = {
  readonly schema: JsonSchemaObject;
  /** The upstream floors `width` and `height` to a multiple of it; null where nobody knows. */
  readonly divisor: number | null;
  readonly ajv: { readonly allErrors: () => Ajv2020; readonly firstError: () => Ajv2020 };
};

/** The check of one schema, which is compiled when it is first used; at most 50 issues and 50 warnings. */
export function createInputCheck({ schema, divisor, ajv }: InputCheckParts): InputCheck {
  const inputSchema = once(() =>
    toInputSchema(schema, (checked, value) => findRefused(ajv.allErrors(), checked, value)),
  );
  const validateAll = once(() => ajv.allErrors().compile(inputSchema()));
  const validateFirst = once(() => ajv.firstError().compile(inputSchema()));
  const hasUnevaluated = once(() => speaksOfUnevaluated(schema));
  return (input, spell) => {
    const copied = copyObject(input);
    const isFirstOnly = copied.values > MOST_VALUES_FOR_ALL_ISSUES || hasUnevaluated();
    const errors = runValidator(isFirstOnly ? validateFirst : validateAll, copied.object);
    // Better to leave the check to the upstream than to refuse every input.
    if (errors === null) return { input, issues: [], warnings: [UNCHECKED] };
    return {
      input: copied.object,
      issues: explainErrors(errors, { schema: inputSchema(), input, spell }),
      warnings: findWarnings(input, { schema, divisor, spell }),
    };
  };
}

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

function findRefused(
  ajv: Ajv2020,
  schema: JsonSchemaObject,
  value: JsonObject,
): ReadonlySet<string> {
  const validate = ajv.compile(schema);
  const errors = validate(value) ? [] : (validate.errors ?? []);
  return new Set(errors.map(({ instancePath }) => instancePath.split("/")[1] ?? ""));
}

/** A copy that Ajv may fill in, and how many values it holds. */
function copyObject(object: JsonObject): { object: JsonObject; values: number } {
  let values = 0;
  function copyMembers(object: JsonObject): JsonObject {
    // `fromEntries` makes even `__proto__` a member like any other.
    return Object.fromEntries(Object.entries(object).map(([key, member]) => [key, copy(member)]));
  }
  function copy(value: JsonValue): JsonValue {
    values += 1;
    if (isJsonArray(value)) return value.map(copy);
    return isJsonObject(value) ? copyMembers(value) : value;
  }
  return { object: copyMembers(object), values };
}
