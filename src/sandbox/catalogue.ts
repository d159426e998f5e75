import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import { z } from "zod";
import file from "./deployments.json" with { type: "json" };

/** Widths and heights are floored to a multiple of this, as the three deployments' models do. */
const DIVISOR = 32;
const MAX_PROBLEMS = 100;

export type SandboxDeployment = {
  readonly id: string;
  readonly name: string;
  readonly media: "images" | "videos";
  /** Fills in defaults, and returns what is to be run or everything that is wrong with the body. */
  check(body: unknown): CheckedBody;
};

type CheckedBody =
  | { readonly isValid: true; readonly input: RunInput }
  | { readonly isValid: false; readonly problems: readonly BodyProblem[] };

/** What of a body decides how long a run takes and what it gives; sizes in pixels, after flooring. */
export type RunInput = z.infer<typeof RUN_INPUT>;

/** One entry of a 422's `detail`. */
type BodyProblem = {
  readonly loc: readonly string[];
  readonly msg: string;
  readonly type: string;
};

const DIMENSION = z.number().transform((pixels) => Math.floor(pixels / DIVISOR) * DIVISOR);

/** Reads a checked body, and what was stored of one. */
export const RUN_INPUT = z.object({
  prompt: z.string(),
  seed: z.number(),
  width: DIMENSION,
  height: DIMENSION,
  sample_steps: z.number(),
  num_frames: z.number(),
  fps: z.number(),
  resolution: z.string().optional(),
});

/** The deployments of `deployments.json` by id, in the file's order. */
export function loadCatalogue(): ReadonlyMap<string, SandboxDeployment> {
  const ajv = new Ajv({ allErrors: true, useDefaults: true });
  ajv.addFormat("image_uri", (text: string) => URL.parse(text)?.protocol === "https:");
  return new Map(
    file.deployments.map(({ id, name, inputSchema, outputSchema }) => {
      const validate = ajv.compile(inputSchema);
      const media = "videos" in outputSchema.properties ? "videos" : "images";
      return [id, { id, name, media, check: (body) => check(validate, body) }];
    }),
  );
}

function check(validate: ValidateFunction, body: unknown): CheckedBody {
  if (validate(body)) return { isValid: true, input: RUN_INPUT.parse(body) };
  return {
    isValid: false,
    problems: (validate.errors ?? []).slice(0, MAX_PROBLEMS).map(toProblem),
  };
}

/** In the words of the vendor's server, which checks with pydantic. */
function toProblem(error: ErrorObject): BodyProblem {
  const loc = ["body", ...error.instancePath.split("/").slice(1)];
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
};

function otherProblem(error: ErrorObject): { readonly msg: string; readonly type: string } {
  const allowed: unknown = error.params["allowedValues"];
  if (!Array.isArray(allowed))
    return { msg: error.message ?? "Invalid input", type: "value_error" };
  return { msg: `Input should be one of: ${allowed.join(", ")}`, type: "literal_error" };
}
