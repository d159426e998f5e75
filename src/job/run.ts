import type { JsonObject } from "./json.ts";

/** One past run of a deployment, whoever submitted it. */
export type Run = {
  readonly status: "SUCCEEDED" | "FAILED" | "CANCELLED";
  /** How much its input asked for, as `toWork` says. */
  readonly work: number;
  /** How many jobs were in front of it when that was first told; null where it was never told. */
  readonly place: number | null;
  /** For how long the deployment had run nothing of the gateway's when it was submitted; null: it never had. */
  readonly idleMs: number | null;
  /** From submitted to started; null when it never started. */
  readonly queueMs: number | null;
  /** From started to ended; null when it never started. */
  readonly runMs: number | null;
};

const PIXELS = 1_024 * 1_024;
/** What an input asks for, most often, where nothing says it. */
const USUAL = { num_frames: 1, sample_steps: 25, width: 1_024, height: 1_024 };
const MAX_WORK = 1e9;

/**
 * How much an input asks for: frames × steps × megapixels, with the defaults for what it leaves out. What a model's time
 * depends on, if on anything that is told.
 */
export function toWork(input: JsonObject, defaults: JsonObject = {}): number {
  const read = (name: keyof typeof USUAL): number => {
    const numbers = [input[name], defaults[name]].filter((value) => typeof value === "number");
    return numbers.find((value) => value > 0) ?? USUAL[name];
  };
  const pixels = read("width") * read("height");
  const work = (read("num_frames") * read("sample_steps") * pixels) / PIXELS;
  // Never 0, whose logarithm is none, nor NaN, which is 0 × Infinity.
  return work >= 1 / MAX_WORK ? Math.min(MAX_WORK, work) : 1 / MAX_WORK;
}
