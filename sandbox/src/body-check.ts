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

/** Everything that is wrong with a body, up to 100 problems. */
export type BodyCheck = (body: BodyObject) => readonly BodyProblem[];

/** Makes checks from JSON Schemas, each compiled on first use; one that can't be compiled takes any JSON object. */
export function createBodyChecks(): (schema: BodyObject) => BodyCheck {
  const ajv = new Ajv2020({
    allErrors: true,
    strict: false,
    // Schemas name all kinds of dialects.
    validateSchema: false,
    logger: false,
    // Without it, 0.3 is no multiple of 0.1.
    multipleOfPrecision: 9,
  });
  for (const format of ["image_uri", "video_uri", "audio_uri"]) ajv.addFormat(format, isFileUrl);

  return (schema) => {
    let validate: ValidateFunction | undefined;
    // With `$async`, a word of Ajv's own, it would answer with a promise.
    const compilable = { ...schema, $async: false };
    return (body) => {
      try {
        if (validate === undefined) {
          validate = ajv.compile(compilable);
          // Another deployment may have the same `$id`.
          ajv.removeSchema(compilable);
        }
        validate(body);
      } catch {
        // No schema, or one without an end, or a body too deep: reporting that is up to the gateway.
        return [];
      }
      // That of an `if` only says that others are those of its `then` or `else`.
      const errors = (validate.errors ?? []).filter(({ keyword }) => keyword !== "if");
      return errors.slice(0, MAX_PROBLEMS).map(toProblem);
    };
  };
}

/** As the vendor has it, but a gateway that is being tried out on a private network may have no https. */
function isFileUrl(text: string): boolean {
  const { protocol, hostname } = URL.parse(text) ?? { protocol: "", hostname: "" };
  const isPrivate = !hostname.includes(".") || /^[\d.]+$/.test(hostname);
  return protocol === "https:" || (protocol === "http:" && isPrivate);
}

/** Of the type that the vendor's server names, which checks with pydantic. */
function toProblem({ instancePath, keyword, params, message }: ErrorObject): BodyProblem {
  const path = instancePath
    .split("/")
    .slice(1)
    .map((part) =>
      /^\d+$/.test(part) ? Number(part) : part.replaceAll("~1", "/").replaceAll("~0", "~"),
    );
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

export const NO_OBJECT: BodyProblem = {
  loc: ["body"],
  msg: "Input must be object",
  type: "dict_type",
};

export function isObject(value: unknown): value is BodyObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
