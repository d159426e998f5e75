import type { ErrorObject, ValidateFunction } from "ajv";

import type { JsonValue } from "../../job/json.ts";

/**
 * What Ajv has against a value. Null when Ajv itself fails, as it does on some schemas that have `unevaluatedProperties`
 * beside `patternProperties`.
 */
export function runValidator(
  validator: () => ValidateFunction,
  value: JsonValue,
): readonly ErrorObject[] | null {
  try {
    const validate = validator();
    return validate(value) ? [] : (validate.errors ?? []);
  } catch {
    return null;
  }
}
