import { z } from "zod";
import { type BodyObject, type BodyProblem, createBodyChecks } from "./body-check.ts";
import file from "./deployments.json" with { type: "json" };
import lora from "./lora-input.json" with { type: "json" };
import { RUN_INPUT, type RunInput } from "./schedule.ts";

const FILM_FRAMES = 41;

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
  const models = new Map(Object.entries(MODELS.parse(lora.models)));

  function toDeployment({ id, name, model, inputSchema, outputSchema }: Entry): SandboxDeployment {
    const traits = models.get(model ?? "") ?? USUAL;
    const { divisor } = traits;
    const media = toMedia(traits, outputSchema?.properties ?? {});
    const frames = media === "videos" ? FILM_FRAMES : 1;
    const ofSchema = readDefaults(inputSchema ?? {});
    const defaults = { num_frames: frames, ...traits.defaults, ...ofSchema };
    const findProblems = createCheck(inputSchema ?? (model === null ? {} : toInputSchema(traits)));
    return {
      id,
      name: name ?? id,
      media,
      check(body) {
        if (!isObject(body)) return { isValid: false, problems: [NO_OBJECT] };
        const problems = findProblems(body);
        if (problems.length > 0) return { isValid: false, problems };
        const input = RUN_INPUT.parse({ ...defaults, ...body });
        const width = input.width - (input.width % divisor);
        const height = input.height - (input.height % divisor);
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

/** What a model takes. */
function toInputSchema({ needsControlImage, options }: Model): BodyObject {
  const more = options.map((name) => [name, { type: "boolean" }] as const);
  return {
    ...lora.schema,
    properties: { ...lora.schema.properties, ...Object.fromEntries(more) },
    ...(needsControlImage && { anyOf: lora.controlImages.map((name) => ({ required: [name] })) }),
  };
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

function toMedia({ isVideo }: Model, outputs: object): SandboxDeployment["media"] {
  if ("videos" in outputs || "video" in outputs) return "videos";
  return isVideo && !("images" in outputs) ? "videos" : "images";
}

const NO_OBJECT: BodyProblem = { loc: ["body"], msg: "Input must be object", type: "dict_type" };

type Model = z.infer<typeof MODEL>;

const MODEL = z.object({
  /** Widths and heights are floored to a multiple of it. */
  divisor: z.number().default(32),
  needsControlImage: z.boolean().default(false),
  isVideo: z.boolean().default(false),
  /** What it takes besides; true or false. */
  options: z.array(z.string()).default([]),
  /** What holds for what a body leaves out, unless `RUN_INPUT` has it. */
  defaults: z.record(z.string(), z.number()).default({}),
});
const MODELS = z.record(z.string(), MODEL);
const USUAL = MODEL.parse({});

type Entry = z.infer<typeof ENTRY>;

const ENTRY = z.object({
  id: z.string(),
  name: z.string().nullable().catch(null),
  model: z.string().nullable().catch(null),
  // Not zod's own objects: those drop keys such as `__proto__`.
  inputSchema: z.custom<BodyObject>(isObject).nullable().catch(null),
  outputSchema: z
    .object({ properties: z.custom<object>(isObject) })
    .nullable()
    .catch(null),
});

function isObject(value: unknown): value is BodyObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
