import { z } from "zod";

import { type BodyObject, createBodyChecks, isObject, NO_OBJECT } from "./body-check.ts";
import { shapeOutput } from "./output-shapes.ts";
import { RUN_INPUT } from "./schedule.ts";
import type { Target } from "./target.ts";

const FILM_FRAMES = 41;
const MAX_IMAGES = 4;

/** Widths and heights are floored to a multiple of it, as most models do. */
const SIZE_DIVISOR = 32;

/** Makes deployments of LoRAs of entries of a deployments file. What is odd in one is ignored: the gateway complains of it. */
export function createLoras(): (entry: unknown) => Target {
  const createCheck = createBodyChecks();
  return (value) => {
    const { id, name, inputSchema, outputSchema } = ENTRY.parse(value);
    const schemaDefaults = readDefaults(inputSchema);
    const media = toMedia(schemaDefaults, outputSchema?.properties ?? {});
    const defaults = { num_frames: media === "videos" ? FILM_FRAMES : 1, ...schemaDefaults };
    const findProblems = createCheck(inputSchema);
    return {
      id,
      kind: "lora",
      name: name ?? id,
      isVideo: media === "videos",
      check(body) {
        if (!isObject(body)) return { isValid: false, problems: [NO_OBJECT] };
        const problems = findProblems(body);
        if (problems.length > 0) return { isValid: false, problems };
        const input = RUN_INPUT.parse({ ...defaults, ...body });
        const width = input.width - (input.width % SIZE_DIVISOR);
        const height = input.height - (input.height % SIZE_DIVISOR);
        return { isValid: true, input: { ...input, width, height } };
      },
      toFileNames({ num_frames: frames }) {
        const length = media === "videos" ? 1 : Math.min(frames, MAX_IMAGES);
        return Array.from({ length }, (_, index) => `${index}.svg`);
      },
      toOutput: ({ urls, shapes }) => ({ output: shapeOutput(media, urls, shapes) }),
    };
  };
}

/** What a schema says of members that a body leaves out. */
export function readDefaults({ properties }: BodyObject): BodyObject {
  const members = Object.entries(isObject(properties) ? properties : {});
  return Object.fromEntries(
    members.flatMap(([name, member]) =>
      isObject(member) && "default" in member ? [[name, member["default"]] as const] : [],
    ),
  );
}

/** Videos where the output's schema says so, or where an input without a word about it has several frames. */
function toMedia({ num_frames: frames }: BodyObject, outputs: object): "images" | "videos" {
  if ("videos" in outputs || "video" in outputs) return "videos";
  return typeof frames === "number" && frames > 1 && !("images" in outputs) ? "videos" : "images";
}

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
