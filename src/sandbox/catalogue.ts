import { z } from "zod";
import { type BodyObject, type BodyProblem, createBodyChecks } from "./body-check.ts";
import file from "./deployments.json" with { type: "json" };
import lora from "./lora-input.json" with { type: "json" };
import { RUN_INPUT, type RunInput } from "./schedule.ts";

const FILM_FRAMES = 41;
/** Models floor widths and heights to a multiple of a number, most of them of this one. */
const USUAL_DIVISOR = 32;

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
  const divisors: ReadonlyMap<string, number> = new Map(Object.entries(lora.divisors));

  function toDeployment({ id, name, model, inputSchema, outputSchema }: Entry): SandboxDeployment {
    const media = toMedia(model, outputSchema?.properties ?? {});
    const frames = media === "videos" ? FILM_FRAMES : 1;
    const defaults = { num_frames: frames, ...readDefaults(inputSchema ?? {}) };
    const divisor = divisors.get(model ?? "") ?? USUAL_DIVISOR;
    const findProblems = createCheck(inputSchema ?? toInputSchema(model));
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

/** What a model takes; anything where it is not known. */
function toInputSchema(model: string | null): BodyObject {
  if (model === null) return {};
  if (!lora.modelsWithControlImage.includes(model)) return lora.schema;
  return { ...lora.schema, anyOf: lora.controlImages.map((name) => ({ required: [name] })) };
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

function toMedia(model: string | null, outputs: object): SandboxDeployment["media"] {
  if ("videos" in outputs || "video" in outputs) return "videos";
  if ("images" in outputs || model === null) return "images";
  return lora.videoModels.includes(model) ? "videos" : "images";
}

const NO_OBJECT: BodyProblem = { loc: ["body"], msg: "Input must be object", type: "dict_type" };

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
