import type { JsonValue } from "../../job/json.ts";
import { toOutputSchema } from "./checked-schema.ts";
import type { InputCheck } from "../contract.ts";
import { createAjv } from "./create-ajv.ts";
import { createInputCheck } from "./create-input-check.ts";
import type { JsonSchemaObject } from "../json-schema.ts";
import { once } from "./once.ts";
import { runValidator } from "./run-validator.ts";

/** Makes the checks of one catalogue. */
export type Checks = {
  /** `divisor`: the upstream floors `width` and `height` to a multiple of it; null where nobody knows. */
  inputCheck(schema: JsonSchemaObject, options: { readonly divisor: number | null }): InputCheck;
  outputCheck(schema: JsonSchemaObject): (output: JsonValue) => boolean;
};

/** Checks that share one Ajv; each schema is compiled when it is first used, so that making them costs nothing. */
export function createChecks(): Checks {
  const allErrors = once(() => createAjv({ allErrors: true }));
  const firstError = once(() => createAjv({ allErrors: false }));
  return {
    inputCheck: (schema, { divisor }) =>
      createInputCheck({ schema, divisor, ajv: { allErrors, firstError } }),
    outputCheck: (schema) => {
      const validate = once(() => firstError().compile(toOutputSchema(schema)));
      return (output) => runValidator(validate, output)?.length === 0;
    },
  };
}
