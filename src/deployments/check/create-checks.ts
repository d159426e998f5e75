import type { JsonValue } from "../../job/json.ts";
import { toAjvOutputSchema } from "./checked-schema.ts";
import type { InputCheck } from "../contract.ts";
import { createCompiler, isAccepted } from "./create-compiler.ts";
import { createInputCheck } from "./create-input-check.ts";
import type { JsonSchemaObject } from "../json-schema.ts";

/** Makes the checks of one catalogue. */
export type Checks = {
  /** `divisor`: the upstream floors `width` and `height` to a multiple of it; null where nobody knows. */
  inputCheck(schema: JsonSchemaObject, options: { readonly divisor: number | null }): InputCheck;
  outputCheck(schema: JsonSchemaObject): (output: JsonValue) => boolean;
};

/** Checks that share their compilers; each schema is compiled when it is first used, so that making them costs nothing. */
export function createChecks(): Checks {
  const compile = {
    forAllErrors: createCompiler({ allErrors: true }),
    forFirstError: createCompiler({ allErrors: false }),
  };
  return {
    inputCheck: (schema, { divisor }) => createInputCheck({ schema, divisor, compile }),
    outputCheck: (schema) => {
      const validate = compile.forFirstError(() => toAjvOutputSchema(schema));
      return (output) => isAccepted(validate(output));
    },
  };
}
