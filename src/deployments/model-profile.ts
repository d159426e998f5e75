import type { JsonObject } from "../job/json.ts";
import type { SchemaObject } from "./json-schema.ts";

/** What is known of a model that LoRAs are trained on, as far as its input depends on it. */
export type ModelProfile = (typeof MODELS)[number];

/** Finds a model by its name, spelled exactly; null when there is none. */
export function findModel(name: string): ModelProfile | null {
  return MODELS.find((model) => model.name === name) ?? null;
}

/** The input that a model takes, as a closed JSON Schema (2020-12); files have the format `image_uri`. */
export function toInputSchema(profile: ModelProfile): JsonObject & SchemaObject {
  const { name, divisor, needsControlImage, isVideo } = profile;
  const image = "A control image: a file that anyone can fetch, without a login.";
  return {
    title: name,
    description: describe(profile),
    type: "object",
    properties: {
      prompt: {
        type: "string",
        description: needsControlImage ? "What to make of the control images." : "What to show.",
      },
      trigger_word: {
        type: "string",
        description: "The word the LoRA was trained on; it has to be in the prompt to take effect.",
      },
      width: integer(64, 4_096, 1_024, `Width in pixels, floored to a multiple of ${divisor}.`),
      height: integer(64, 4_096, 1_024, `Height in pixels, floored to a multiple of ${divisor}.`),
      guidance_scale: number(0, 20, profile.guidanceScale, "How closely the prompt is followed."),
      sample_steps: integer(1, 150, profile.sampleSteps, "Denoising steps; more take longer."),
      network_multiplier: number(
        -2,
        2,
        1,
        "Strength of the LoRA; 0 is without it, below 0 the opposite of it.",
      ),
      neg: { type: "string", default: "", description: "What to avoid." },
      seed: {
        type: "integer",
        minimum: -1,
        default: 42,
        description: "The same seed and input give the same result; -1 takes a random seed.",
      },
      sampler: { type: "string", default: "flowmatch", description: "Name of the sampler." },
      num_frames: isVideo
        ? integer(1, 1_000, 41, "Length of the video in frames.")
        : integer(1, 1_000, 1, "Number of frames; 1 for an image."),
      fps: isVideo
        ? integer(1, 120, 16, "Frames per second of the video.")
        : integer(1, 120, 1, "Frames per second; 1 for an image."),
      resolution: {
        type: "string",
        enum: ["Default", "High"],
        description: "Quality of the result.",
      },
      ...Object.fromEntries(
        CONTROL_IMAGES.map((field) => [
          field,
          { type: "string", format: "image_uri", description: image },
        ]),
      ),
    },
    required: ["prompt"],
    ...(needsControlImage && { anyOf: CONTROL_IMAGES.map((field) => ({ required: [field] })) }),
    additionalProperties: false,
  };
}

function integer(minimum: number, maximum: number, initial: number, description: string) {
  return { type: "integer", minimum, maximum, default: initial, description };
}

function number(minimum: number, maximum: number, initial: number, description: string) {
  return { type: "number", minimum, maximum, default: initial, description };
}

const CONTROL_IMAGES = ["ctrl_img", "ctrl_img_1", "ctrl_img_2", "ctrl_img_3"] as const;

function describe({ name, needsControlImage, isVideo }: ModelProfile): string {
  const result = isVideo ? "videos" : "images";
  const source = needsControlImage
    ? `a prompt and control images; at least one of ${CONTROL_IMAGES.join(", ")} must be given`
    : "a prompt";
  return `Input of a LoRA for ${name}, which makes ${result} from ${source}.`;
}

/** `edit` and `animate` need a control image; `film` and `animate` make videos. */
type Task = "paint" | "edit" | "film" | "animate";

/** Name, task, divisor, sample steps, guidance scale; from the schema of the vendor's open-source server. */
const ROWS: readonly (readonly [string, Task, number, number, number])[] = [
  ["flux", "paint", 16, 25, 4],
  ["flux_kontext", "edit", 16, 25, 4],
  ["flux2", "paint", 16, 25, 4],
  ["flux2_klein_4b", "paint", 16, 25, 4],
  ["flux2_klein_9b", "paint", 16, 25, 4],
  ["flex1", "paint", 16, 25, 4],
  ["flex2", "paint", 32, 25, 4],
  ["sd15", "paint", 8, 25, 6],
  ["sdxl", "paint", 8, 30, 5],
  ["qwen_image", "paint", 16, 25, 4],
  ["qwen_image_2512", "paint", 16, 25, 4],
  ["qwen_image_edit", "edit", 32, 25, 4],
  ["qwen_image_edit_plus", "edit", 32, 25, 4],
  ["qwen_image_edit_plus_2511", "edit", 32, 25, 4],
  ["zimage", "paint", 32, 30, 4],
  ["zimage_turbo", "paint", 32, 8, 1],
  ["zimage_deturbo", "paint", 32, 25, 3],
  ["wan21_14b", "film", 16, 25, 4],
  ["wan21_1b", "film", 16, 25, 4],
  ["wan21_i2v_14b", "animate", 16, 25, 4],
  ["wan21_i2v_14b480p", "animate", 16, 25, 4],
  ["wan22_14b_t2v", "film", 32, 25, 4],
  ["wan22_14b_i2v", "animate", 16, 25, 4],
  ["wan22_5b", "film", 32, 25, 4],
  ["chroma", "paint", 32, 25, 4],
  ["hidream", "paint", 16, 50, 5],
  ["hidream_e1", "edit", 16, 28, 5],
  ["lumina2", "paint", 32, 25, 4],
  ["omnigen2", "paint", 16, 25, 4],
  ["ltx2", "film", 32, 25, 4],
  ["ltx2.3", "film", 32, 25, 4],
  ["krea2", "paint", 16, 30, 4],
  ["krea2_turbo", "paint", 16, 9, 1],
  ["krea2_o_edit", "edit", 16, 30, 4],
  ["krea2_o_edit_turbo", "edit", 16, 8, 1],
  ["minimax_h3", "film", 32, 28, 1],
];

const MODELS = ROWS.map(([name, task, divisor, sampleSteps, guidanceScale]) => ({
  name,
  /** Widths and heights, in pixels, are floored to a multiple of it. */
  divisor,
  /** Whether at least one of ctrl_img, ctrl_img_1, ctrl_img_2 and ctrl_img_3 must be given. */
  needsControlImage: task === "edit" || task === "animate",
  isVideo: task === "film" || task === "animate",
  /** The defaults of sample_steps and guidance_scale. */
  sampleSteps,
  guidanceScale,
}));

/** Every model that is built in. */
export const MODEL_NAMES: readonly string[] = MODELS.map(({ name }) => name);
