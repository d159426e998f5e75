import type { ErrorObject, ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { z } from "zod";
import file from "./deployments.json" with { type: "json" };
import { RUN_INPUT, type RunInput } from "./schedule.ts";

const FILM_FRAMES = 41;

/** Widths and heights are floored to a multiple of it, as most models do. */
const SIZE_DIVISOR = 32;

const MAX_PROBLEMS = 100;

type BodyObject = Readonly<Record<string, unknown>>;

/** One entry of a 422's `detail`. */
type BodyProblem = {
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly type: string;
};

export type SandboxDeployment = {
  readonly id: string;
  readonly name: string;
  readonly media: "images" | "videos";
  /** What is to be run, or everything that is wrong with the body. */
  check(
    body: unknown,
  ):
    | { readonly isValid: true; readonly input: RunInput }
    | { readonly isValid: false; readonly problems: readonly BodyProblem[] };
};

/**
 * Deployments by id, in the order of `entries`, those of `deployments.json` by default. Leaves out entries without an id,
 * and ignores what is odd in others, since it is the gateway that complains of it.
 */
export function loadCatalogue(
  entries: readonly unknown[] = file.deployments,
): ReadonlyMap<string, SandboxDeployment> {
  const createCheck = createBodyChecks();

  function toDeployment({ id, name, inputSchema, outputSchema }: Entry): SandboxDeployment {
    const schemaDefaults = readDefaults(inputSchema);
    const media = toMedia(schemaDefaults, outputSchema?.properties ?? {});
    const defaults = { num_frames: media === "videos" ? FILM_FRAMES : 1, ...schemaDefaults };
    const findProblems = createCheck(inputSchema);
    return {
      id,
      name: name ?? id,
      media,
      check(body) {
        if (!isObject(body)) return { isValid: false, problems: [NO_OBJECT] };
        const problems = findProblems(body);
        if (problems.length > 0) return { isValid: false, problems };
        const input = RUN_INPUT.parse({ ...defaults, ...body });
        const width = input.width - (input.width % SIZE_DIVISOR);
        const height = input.height - (input.height % SIZE_DIVISOR);
        return { isValid: true, input: { ...input, width, height } };
      },
    };
  }

  return new Map(
    entries
      .flatMap((entry) => ENTRY.safeParse(entry).data ?? [])
      .map((entry) => [entry.id, toDeployment(entry)]),
  );
}

/** What a schema says of members that a body leaves out. */
function readDefaults({ properties }: BodyObject): BodyObject {
  const members = Object.entries(isObject(properties) ? properties : {});
  return Object.fromEntries(
    members.flatMap(([name, member]) =>
      isObject(member) && "default" in member ? [[name, member["default"]] as const] : [],
    ),
  );
}

/** Videos where the output's schema says so, or where an input without a word about it has several frames. */
function toMedia({ num_frames: frames }: BodyObject, outputs: object): SandboxDeployment["media"] {
  if ("videos" in outputs || "video" in outputs) return "videos";
  return typeof frames === "number" && frames > 1 && !("images" in outputs) ? "videos" : "images";
}

const NO_OBJECT: BodyProblem = { loc: ["body"], msg: "Input must be object", type: "dict_type" };

type Entry = z.infer<typeof ENTRY>;

const ENTRY = z.object({
  id: z.string(),
  name: z.string().nullable().catch(null),
  // Not zod's own objects: those drop keys such as `__proto__`.
  inputSchema: z.custom<BodyObject>(isObject).catch({}),
  outputSchema: z
    .object({ properties: z.custom<object>(isObject) })
    .nullable()
    .catch(null),
});

function isObject(value: unknown): value is BodyObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Everything that is wrong with a body, up to 100 problems. */
type BodyCheck = (body: BodyObject) => readonly BodyProblem[];

/** Makes checks from JSON Schemas, each compiled on first use; one that can't be compiled takes any JSON object. */
function createBodyChecks(): (schema: BodyObject) => BodyCheck {
  const ajv = new Ajv2020({
    allErrors: true,
    strict: false,
    // Schemas name all kinds of dialects.
    validateSchema: false,
    logger: false,
    // Without it, 0.3 is no multiple of 0.1.
    multipleOfPrecision: 9,
  });
  ajv.addFormat("image_uri", isFileUrl);

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
        // No schema, or one without an end, or a body too deep: what to tell of that is the gateway's business.
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
