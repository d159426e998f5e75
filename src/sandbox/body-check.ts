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
  const problems = errors.flatMap((error) => {
    const path = findPath(given, error.instancePath);
    // That of an `if` only says that others are those of its `then` or `else`.
    return path === null || error.keyword === "if" ? [] : [toProblem(error, path)];
  });
  return problems.slice(0, MAX_PROBLEMS);
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

/** Of the type that the vendor's server names, which checks with pydantic. */
function toProblem(
  { keyword, params, message }: ErrorObject,
  path: readonly (string | number)[],
): BodyProblem {
  const field: unknown = params["missingProperty"] ?? params["additionalProperty"];
  const loc = ["body", ...path, ...(typeof field === "string" ? [field] : [])];
  const type = TYPES[keyword === "type" ? String(params["type"]) : keyword] ?? "value_error";
  return { loc, msg: `Input ${message ?? "is invalid"}`, type };
}

/** By the name of a type, or by the keyword that was not kept. */
const TYPES: Readonly<Record<string, string>> = {
  object: "dict_type",
  string: "string_type",
  integer: "int_type",
  number: "float_type",
  boolean: "bool_type",
  array: "list_type",
  required: "missing",
  additionalProperties: "extra_forbidden",
  minimum: "greater_than_equal",
  maximum: "less_than_equal",
  minLength: "string_too_short",
  maxLength: "string_too_long",
  format: "url_scheme",
  enum: "literal_error",
};
