import { createHash } from "node:crypto";
import { z } from "zod";

/**
 * A deployment's queue is first in, first out, with a few runners. When a request is accepted its start and finish are
 * stored for good, unless it is cancelled. So the state of everything follows from the rows and the clock: no timer
 * runs, and a restart changes nothing. What varies is drawn from the request's id.
 */
export const RUNNERS = 2;

/** How long a deployment stays warm without work; at speed 1. */
export const KEEP_WARM_MS = 60_000;
/** RunComfy's takes minutes. This one is short because a newcomer's first picture waits for it. */
const COLD_START_MS = 6_000;
const COLD_START_SIGMA = 0.2;

/** How long a request waits at least, and how long it runs; at speed 1. */
const DISPATCH_MS = 500;
const RUN_BASE_MS = 500;
const STEP_MS = 200;
const STEP_PIXELS = 1_024 * 1_024;
const RUN_SIGMA = 0.25;

/** How long a request that asks to be slow waits and runs at least, at speed 1, as if behind so many others. */
const SLOW_QUEUE_MS = 15_000;
const SLOW_RUN_MS = 15_000;
const SLOW_POSITIONS = 5;

/** Whether a deployment that has been idle for so many milliseconds has to start anew. */
export function isCold(idleMs: number, speed: number): boolean {
  return idleMs >= KEEP_WARM_MS / speed;
}

/** How long a deployment takes to start for the request of this id, in milliseconds. */
export function toColdStartMs(id: string, speed: number): number {
  return Math.ceil((COLD_START_MS * drawFactor(`cold start ${id}`, COLD_START_SIGMA)) / speed);
}

/**
 * When the next request in line starts. `lastFinishes` has the latest finishes so far, at most one for each runner: each
 * request goes to the runner that is free first, so these are the last runs of different runners.
 */
export function planStart(earliestAt: number, lastFinishes: readonly number[]): number {
  return lastFinishes.length < RUNNERS
    ? earliestAt
    : Math.max(earliestAt, Math.min(...lastFinishes));
}

/** How long a request waits even where a warm runner is free, in milliseconds. */
export function toQueueMs(input: RunInput, speed: number): number {
  return Math.ceil((isSlowWanted(input) ? SLOW_QUEUE_MS : DISPATCH_MS) / speed);
}

/** The position that a slow request shows so long before its start; 0 for any other. */
export function toSlowPosition(input: RunInput, waitMs: number, speed: number): number {
  if (!isSlowWanted(input)) return 0;
  const positionMs = SLOW_QUEUE_MS / speed / SLOW_POSITIONS;
  return Math.min(SLOW_POSITIONS, Math.ceil(waitMs / positionMs)) - 1;
}

/** How long a run takes, in milliseconds: by steps, size and frames, times a factor of its id. A failure comes half-way. */
export function toRunMs(id: string, input: RunInput, speed: number): number {
  const size = (input.width * input.height) / STEP_PIXELS;
  const length = 1 + (input.num_frames - 1) / 20;
  const care = input.resolution === "High" ? 2 : 1;
  const nominalMs = RUN_BASE_MS + STEP_MS * input.sample_steps * size * length * care;
  const drawMs = nominalMs * drawFactor(`run ${id}`, RUN_SIGMA);
  const wholeMs = isSlowWanted(input) ? Math.max(drawMs, SLOW_RUN_MS) : drawMs;
  return Math.ceil((isFailureWanted(input) ? wholeMs / 2 : wholeMs) / speed);
}

/** Log-normal with median 1; always the same for the same text. */
function drawFactor(text: string, sigma: number): number {
  const dice = createHash("sha256").update(text).digest();
  // The Box–Muller transform. Adding 1 keeps it from the logarithm of 0.
  const radius = Math.sqrt(-2 * Math.log((dice.readUInt32BE(0) + 1) / 2 ** 32));
  const angle = (2 * Math.PI * dice.readUInt32BE(4)) / 2 ** 32;
  return Math.exp(sigma * radius * Math.cos(angle));
}

/** Lets a job fail that has it in its prompt. */
export const FAILURE_WORD = "[fail]";

/** Whether the prompt asks for a failure, "[fail]" or "fail please", or something in the input leads to one. */
export function isFailureWanted(input: RunInput): boolean {
  return input.errors.length > 0 || /\[fail\]|\bfail please\b/i.test(input.prompt);
}

function isSlowWanted(input: RunInput): boolean {
  return /\[slow\]/i.test(input.prompt);
}

/** The part of a body that decides how long a run takes and what it gives; sizes in pixels. */
export type RunInput = z.infer<typeof RUN_INPUT>;

/** Reads any JSON object: missing values get a default, and values out of bounds the bound. */
export const RUN_INPUT = z.object({
  prompt: z.string().catch(""),
  seed: z.number().catch(42),
  width: toBounded(64, 4_096, 1_024),
  height: toBounded(64, 4_096, 1_024),
  sample_steps: toBounded(1, 150, 25),
  num_frames: toBounded(1, 1_000, 1),
  fps: toBounded(1, 120, 16),
  resolution: z.string().optional().catch(undefined),
  /** Of a video or a sound in seconds, where an input says that instead of frames. */
  duration: toBounded(1, 240, 5),
  output_format: z.string().optional().catch(undefined),
  /** What a run only finds once it runs, which fails it. */
  errors: z.array(z.string()).catch([]),
});

function toBounded(minimum: number, maximum: number, fallback: number) {
  return z
    .number()
    .catch(fallback)
    .transform((value) => Math.floor(Math.min(Math.max(value, minimum), maximum)));
}
