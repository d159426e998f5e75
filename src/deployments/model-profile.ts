import type { JsonObject } from "../job/json.ts";

/** What is known of a model that LoRAs are trained on, as far as its input depends on it. */
export type ModelProfile = {
  readonly name: string;
  /** Widths and heights, in pixels, are floored to a multiple of it. */
  readonly divisor: number;
  /** Whether at least one of ctrl_img, ctrl_img_1, ctrl_img_2 and ctrl_img_3 must be given. */
  readonly needsControlImage: boolean;
  readonly isVideo: boolean;
  /** The default of sample_steps. */
  readonly sampleSteps: number;
  /** The default of guidance_scale. */
  readonly guidanceScale: number;
};

/** Finds a model by its name, spelled exactly; null when there is none. */
export function findModel(name: string): ModelProfile | null {
  return MODELS.find((model) => model.name === name) ?? null;
}

/** The input that a model takes, as a closed JSON Schema (2020-12); files have the format `image_uri`. */
export function toInputSchema(profile: ModelProfile): JsonObject {
  return {
    title: profile.name,
    description: describe(profile),
    type: "object",
    properties: {
      prompt: {
        type: "string",
        description: profile.needsControlImage
          ? "What to make of the control images."
          : "What to show.",
      },
      trigger_word: {
        type: "string",
        description: "The word the LoRA was trained on; it has to be in the prompt to take effect.",
      },
      width: toSizeSchema("Width", profile),
      height: toSizeSchema("Height", profile),
      guidance_scale: {
        type: "number",
        minimum: 0,
        maximum: 20,
        default: profile.guidanceScale,
        description: "How closely the prompt is followed.",
      },
      sample_steps: {
        type: "integer",
        minimum: 1,
        maximum: 150,
        default: profile.sampleSteps,
        description: "Denoising steps; more take longer.",
      },
      network_multiplier: {
        type: "number",
        minimum: -2,
        maximum: 2,
        default: 1,
        description: "Strength of the LoRA; 0 is without it, below 0 the opposite of it.",
      },
      neg: { type: "string", default: "", description: "What to avoid." },
      seed: {
        type: "integer",
        minimum: -1,
        default: 42,
        description: "The same seed and input give the same result; -1 takes a random seed.",
      },
      sampler: { type: "string", default: "flowmatch", description: "Name of the sampler." },
      num_frames: {
        type: "integer",
        minimum: 1,
        maximum: 1_000,
        default: profile.isVideo ? 41 : 1,
        description: profile.isVideo
          ? "Length of the video in frames."
          : "Number of frames; 1 for an image.",
      },
      fps: {
        type: "integer",
        minimum: 1,
        maximum: 120,
        default: profile.isVideo ? 16 : 1,
        description: profile.isVideo
          ? "Frames per second of the video."
          : "Frames per second; 1 for an image.",
      },
      resolution: {
        type: "string",
        enum: ["Default", "High"],
        description: "Quality of the result.",
      },
      ...Object.fromEntries(CONTROL_IMAGES.map((name) => [name, CONTROL_IMAGE])),
    },
    required: ["prompt"],
    ...(profile.needsControlImage && {
      anyOf: CONTROL_IMAGES.map((name) => ({ required: [name] })),
    }),
    additionalProperties: false,
  };
}

const CONTROL_IMAGES = ["ctrl_img", "ctrl_img_1", "ctrl_img_2", "ctrl_img_3"] as const;

const CONTROL_IMAGE = {
  type: "string",
  format: "image_uri",
  description: "A control image: a file that anyone can fetch, without a login.",
} as const;

function toSizeSchema(side: "Width" | "Height", { divisor }: ModelProfile): JsonObject {
  return {
    type: "integer",
    minimum: 64,
    maximum: 4_096,
    default: 1_024,
    description: `${side} in pixels, floored to a multiple of ${divisor}.`,
  };
}

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

const MODELS: readonly ModelProfile[] = ROWS.map(
  ([name, task, divisor, sampleSteps, guidanceScale]) => ({
    name,
    divisor,
    needsControlImage: task === "edit" || task === "animate",
    isVideo: task === "film" || task === "animate",
    sampleSteps,
    guidanceScale,
  }),
);

/** Every model that is built in. */
export const MODEL_NAMES: readonly string[] = MODELS.map(({ name }) => name);
