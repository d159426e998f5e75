import { z } from "zod";
import { type BodyObject, type BodyProblem, createBodyChecks } from "./body-check.ts";
import file from "./deployments.json" with { type: "json" };
import { RUN_INPUT, type RunInput } from "./schedule.ts";

const FILM_FRAMES = 41;

/** Widths and heights are floored to a multiple of it, as most models do. */
const SIZE_DIVISOR = 32;

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
