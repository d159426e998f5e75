import type { ErrorObject, ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";

const MAX_PROBLEMS = 100;

export type BodyObject = Readonly<Record<string, unknown>>;

/** One entry of a 422's `detail`. */
export type BodyProblem = {
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly type: string;
};

/** Everything that is wrong with a body, up to 100 problems; fills in the schema's defaults, in the body itself. */
export type BodyCheck = (body: BodyObject) => readonly BodyProblem[];

/** Makes checks from JSON Schemas, each compiled on first use; one that can't be compiled takes any JSON object. */
export function createBodyChecks(): (schema: BodyObject) => BodyCheck {
  const ajv = new Ajv2020({
    allErrors: true,
    useDefaults: true,
    strict: false,
    // Schemas name all kinds of dialects, and several may have the same `$id`.
    validateSchema: false,
    addUsedSchema: false,
    logger: false,
    // Without it, 0.3 is no multiple of 0.1.
    multipleOfPrecision: 9,
  });
  ajv.addFormat("image_uri", (text: string) => URL.parse(text)?.protocol === "https:");

  return (schema) => {
    let validate: ValidateFunction | null = null;
    return (body) => {
      let given = body;
      try {
        given = structuredClone(body);
        // With `$async`, a word of Ajv's own, it would answer with a promise.
        validate ??= ajv.compile({ ...schema, $async: false });
        if (validate(body)) return [];
      } catch {
        // No schema, or one without an end, or a body too deep: what to tell of that is the gateway's business.
        return [];
      }
      return toProblems(validate.errors ?? [], given);
    };
  };
}

/** Without those of values that the client didn't give: schemas have defaults that they themselves refuse. */
function toProblems(errors: readonly ErrorObject[], given: BodyObject): readonly BodyProblem[] {
  return errors
    .values()
    .flatMap((error) => {
      const path = findPath(given, error.instancePath);
      // That of an `if` only says that others are those of its `then` or `else`.
      return path === null || error.keyword === "if" ? [] : [toProblem(error, ["body", ...path])];
    })
    .take(MAX_PROBLEMS)
    .toArray();
}

/** Reads a JSON pointer; null where it leads to nothing. */
function findPath(body: BodyObject, pointer: string): (string | number)[] | null {
  const path: (string | number)[] = [];
  let value: unknown = body;
  for (const part of pointer.split("/").slice(1)) {
    const name = part.replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return null;
    path.push(Array.isArray(value) ? Number(name) : name);
    value = Reflect.get(value, name);
  }
  return path;
}

/** In the words of the vendor's server, which checks with pydantic. */
function toProblem(error: ErrorObject, loc: (string | number)[]): BodyProblem {
  const limit = String(error.params["limit"]);
  switch (error.keyword) {
    case "required":
      loc.push(String(error.params["missingProperty"]));
      return { loc, msg: "Field required", type: "missing" };
    case "additionalProperties":
      loc.push(String(error.params["additionalProperty"]));
      return { loc, msg: "Extra inputs are not permitted", type: "extra_forbidden" };
    case "type":
      return { loc, ...(TYPE_PROBLEMS[String(error.params["type"])] ?? otherProblem(error)) };
    case "minimum":
      return {
        loc,
        msg: `Input should be greater than or equal to ${limit}`,
        type: "greater_than_equal",
      };
    case "maximum":
      return {
        loc,
        msg: `Input should be less than or equal to ${limit}`,
        type: "less_than_equal",
      };
    case "minLength":
      return {
        loc,
        msg: `String should have at least ${limit} characters`,
        type: "string_too_short",
      };
    case "maxLength":
      return {
        loc,
        msg: `String should have at most ${limit} characters`,
        type: "string_too_long",
      };
    case "format":
      return { loc, msg: "Input should be a public https URL of a file", type: "url_scheme" };
    default:
      return { loc, ...otherProblem(error) };
  }
}

const TYPE_PROBLEMS: Readonly<Record<string, { readonly msg: string; readonly type: string }>> = {
  object: { msg: "Input should be a valid dictionary", type: "dict_type" },
  string: { msg: "Input should be a valid string", type: "string_type" },
  integer: { msg: "Input should be a valid integer", type: "int_type" },
  number: { msg: "Input should be a valid number", type: "float_type" },
  boolean: { msg: "Input should be a valid boolean", type: "bool_type" },
  array: { msg: "Input should be a valid list", type: "list_type" },
};

function otherProblem(error: ErrorObject): { readonly msg: string; readonly type: string } {
  const allowed: unknown = error.params["allowedValues"];
  if (!Array.isArray(allowed))
    return { msg: error.message ?? "Invalid input", type: "value_error" };
  return { msg: `Input should be one of: ${allowed.join(", ")}`, type: "literal_error" };
}
