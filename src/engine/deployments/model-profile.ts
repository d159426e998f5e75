import type { JsonObject } from "../job/json.ts";
import type { SchemaObject } from "./json-schema.ts";

/** What is known of a model that LoRAs are trained on, as far as its input depends on it. */
export type ModelProfile = Traits & {
  readonly name: string;
  /** Widths and heights, in pixels, are floored to a multiple of it. */
  readonly divisor: number;
  /** The defaults of sample_steps and guidance_scale. */
  readonly sampleSteps: number;
  readonly guidanceScale: number;
};

type Traits = {
  /** Whether at least one of ctrl_img, ctrl_img_1, ctrl_img_2 and ctrl_img_3 must be given. */
  readonly needsControlImage: boolean;
  /** The default of width and height. */
  readonly size: number;
  /** Null where it makes images. */
  readonly video: Video | null;
  /** What it takes, but makes nothing of. */
  readonly ignored: readonly string[];
  /** At any other resolution it fails. */
  readonly resolutions: readonly string[];
  /** What it takes besides; true or false. */
  readonly options: readonly string[];
};

type Video = {
  /** The default of num_frames. */
  readonly frames: number;
  /** Its videos have `step` × n + `first` frames. */
  readonly step: number;
  readonly first: number;
  /** It fails at fewer. */
  readonly leastFrames: number;
  /** The default of fps. */
  readonly fps: number;
  /** Whether it fails at any other. */
  readonly hasFixedFps: boolean;
};

/** Finds a model by its name, spelled exactly; null when there is none. */
export function findModel(name: string): ModelProfile | null {
  return MODELS.find((model) => model.name === name) ?? null;
}

/** The input that a model takes, as a closed JSON Schema (2020-12); files have the format `image_uri`. */
export function toInputSchema(profile: ModelProfile): JsonObject & SchemaObject {
  const { name, divisor, size, video, needsControlImage } = profile;
  const ifUsed = (member: string, description: string): string =>
    profile.ignored.includes(member) ? `Has no effect with ${name}.` : description;
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
      width: integer(64, 4_096, size, `Width in pixels, floored to a multiple of ${divisor}.`),
      height: integer(64, 4_096, size, `Height in pixels, floored to a multiple of ${divisor}.`),
      guidance_scale: {
        ...integer(0, 20, profile.guidanceScale, ifUsed("guidance_scale", FOLLOWED)),
        type: "number",
      },
      sample_steps: integer(1, 150, profile.sampleSteps, "Denoising steps; more take longer."),
      network_multiplier: { ...integer(-2, 2, 1, STRENGTH), type: "number" },
      neg: { type: "string", default: "", description: ifUsed("neg", "What to avoid.") },
      seed: {
        type: "integer",
        minimum: -1,
        default: 42,
        description: "The same seed and input give the same result; -1 takes a random seed.",
      },
      sampler: { type: "string", default: "flowmatch", description: "Name of the sampler." },
      num_frames: toFrames(video),
      fps: toFps(video),
      resolution: {
        type: "string",
        enum: profile.resolutions,
        description: profile.resolutions.includes("High")
          ? "High makes a video twice as wide and high."
          : `Nothing else works with ${name}.`,
      },
      ...ofEach(CONTROL_IMAGES, { type: "string", format: "image_uri", description: IMAGE }),
      ...ofEach(profile.options, { type: "boolean", default: true, description: AS_TRAINED }),
    },
    required: ["prompt"],
    ...(needsControlImage && { anyOf: CONTROL_IMAGES.map((field) => ({ required: [field] })) }),
    additionalProperties: false,
  };
}

const FOLLOWED = "How closely the prompt is followed.";
const STRENGTH = "Strength of the LoRA; 0 is without it, below 0 the opposite of it.";
const IMAGE = "A control image: a file that anyone can fetch, without a login.";
const AS_TRAINED =
  "Must be as in the LoRA's training; otherwise the pictures are wrong, and nothing says so.";

function toFrames(video: Video | null) {
  if (video === null) return integer(1, 1_000, 1, "Number of frames; 1 for an image.");
  const description = `Length of the video in frames, of the form ${toGridText(video)}.`;
  return integer(video.leastFrames, 1_000, video.frames, description);
}

function toFps(video: Video | null) {
  if (video === null) {
    const description = "Frames per second; without effect on an image.";
    return { type: "integer", minimum: 1, maximum: 120, description };
  }
  return video.hasFixedFps
    ? integer(video.fps, video.fps, video.fps, "Frames per second; nothing else works.")
    : integer(1, 120, video.fps, "Frames per second of the video.");
}

function integer(minimum: number, maximum: number, initial: number, description: string) {
  return { type: "integer", minimum, maximum, default: initial, description };
}

function ofEach<Schema>(names: readonly string[], schema: Schema): Record<string, Schema> {
  return Object.fromEntries(names.map((name) => [name, schema]));
}

const CONTROL_IMAGES = ["ctrl_img", "ctrl_img_1", "ctrl_img_2", "ctrl_img_3"] as const;

function describe({ name, needsControlImage, video }: ModelProfile): string {
  const result = video !== null ? "videos" : "images";
  const source = needsControlImage
    ? `a prompt and control images; at least one of ${CONTROL_IMAGES.join(", ")} must be given`
    : "a prompt";
  return `Input of a LoRA for ${name}, which makes ${result} from ${source}.`;
}

/** The form of the numbers of frames that fit, e.g. `8n + 1`. */
export function toGridText({ step, first }: Video): string {
  return `${step}n + ${first}`;
}

/** Most models make one image of 1024 × 1024 from a prompt. */
const USUAL: Traits = {
  needsControlImage: false,
  size: 1_024,
  video: null,
  ignored: [],
  resolutions: ["Default"],
  options: [],
};
const EDIT = { needsControlImage: true };
const KREA_EDIT = { ...EDIT, options: ["kv_cache", "match_target_res"] };
const USUAL_VIDEO: Video = {
  frames: 41,
  step: 4,
  first: 1,
  leastFrames: 1,
  fps: 16,
  hasFixedFps: false,
};
const WAN = { video: USUAL_VIDEO };
const LTX = { video: { ...USUAL_VIDEO, step: 8, fps: 24 } };
const MINIMAX = {
  size: 768,
  video: { frames: 107, step: 17, first: 5, leastFrames: 2, fps: 24, hasFixedFps: true },
  ignored: ["neg", "guidance_scale"],
};

/** Name, divisor, sample steps, guidance scale, and what is not as usual; docs/models.md has the same. */
const ROWS: readonly (readonly [string, number, number, number, Partial<Traits>?])[] = [
  ["flux", 16, 25, 4],
  ["flux_kontext", 16, 25, 4, EDIT],
  ["flux2", 16, 25, 4],
  ["flux2_diffusers", 32, 25, 4, { ignored: ["neg"] }],
  ["flux2_klein_4b", 16, 25, 4],
  ["flux2_klein_9b", 16, 25, 4],
  ["flex1", 16, 25, 4],
  ["flex2", 32, 25, 4],
  ["sd15", 8, 25, 6],
  ["sdxl", 8, 30, 5],
  ["qwen_image", 16, 25, 4],
  ["qwen_image_2512", 16, 25, 4],
  ["qwen_image_edit", 32, 25, 4, EDIT],
  ["qwen_image_edit_plus", 32, 25, 4, EDIT],
  ["qwen_image_edit_plus_2511", 32, 25, 4, EDIT],
  ["zimage", 32, 30, 4],
  ["zimage_turbo", 32, 8, 1],
  ["zimage_deturbo", 32, 25, 3],
  ["wan21_14b", 16, 25, 4, WAN],
  ["wan21_1b", 16, 25, 4, WAN],
  ["wan21_i2v_14b", 16, 25, 4, { ...EDIT, ...WAN }],
  ["wan21_i2v_14b480p", 16, 25, 4, { ...EDIT, ...WAN }],
  ["wan22_14b_t2v", 32, 25, 4, WAN],
  ["wan22_14b_i2v", 16, 25, 4, { ...EDIT, ...WAN }],
  ["wan22_5b", 32, 25, 4, WAN],
  ["chroma", 32, 25, 4],
  ["hidream", 16, 50, 5],
  ["hidream_e1", 16, 28, 5, EDIT],
  ["lumina2", 32, 25, 4],
  ["omnigen2", 16, 25, 4],
  ["ltx2", 32, 25, 4, LTX],
  ["ltx2.3", 32, 25, 4, { ...LTX, resolutions: ["Default", "High"] }],
  ["krea2", 16, 30, 4],
  ["krea2_turbo", 16, 9, 1, { ignored: ["neg"] }],
  ["krea2_o_edit", 16, 30, 4, KREA_EDIT],
  ["krea2_o_edit_turbo", 16, 8, 1, { ...KREA_EDIT, ignored: ["neg"] }],
  ["anima", 32, 30, 4],
  ["minimax_h3", 32, 28, 1, MINIMAX],
];

const MODELS: readonly ModelProfile[] = ROWS.map(
  ([name, divisor, sampleSteps, guidanceScale, traits = {}]) =>
    Object.assign({ name, divisor, sampleSteps, guidanceScale }, USUAL, traits),
);

/** Every model that is built in. */
export const MODEL_NAMES: readonly string[] = MODELS.map(({ name }) => name);
