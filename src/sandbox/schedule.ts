import type { RunInput } from "./run-input.ts";

/**
 * A deployment's queue is first in, first out, with a few runners. When a request is accepted its start and finish are
 * written down at once; a cancelled request only makes those behind it start earlier. So the state of everything
 * follows from the rows and the clock: no timer runs, and a restart changes nothing.
 */
export const RUNNERS = 2;

/** How long a deployment's runners stay up with nothing to do, at speed 1. */
export const KEEP_WARM_MS = 60_000;
const COLD_START_MS = 2_500;
const RUN_BASE_MS = 500;
const STEP_MS = 200;
const STEP_PIXELS = 1_024 * 1_024;

/** All times are milliseconds since 1970. */
type Slot = { readonly startAt: number; readonly finishAt: number };

/**
 * When a deployment's runners are up for a request that arrives `now`. `before` has the newest request's own such time
 * and the moment since when nothing was left to do; null for a deployment that never did anything.
 */
export function planReady(
  before: { readonly readyAt: number; readonly idleSince: number } | null,
  now: number,
  speed: number,
): number {
  if (before !== null && now <= before.idleSince + KEEP_WARM_MS / speed) {
    return Math.max(before.readyAt, now);
  }
  return now + Math.ceil(COLD_START_MS / speed);
}

/**
 * The slot of the next request in line. `lastFinishes` has the latest finishes so far, at most one for each runner:
 * the runner that is free first takes each request, so these are the last runs of different runners.
 */
export function planSlot(readyAt: number, runMs: number, lastFinishes: readonly number[]): Slot {
  const freeAt = lastFinishes.length < RUNNERS ? readyAt : Math.min(...lastFinishes);
  const startAt = Math.max(readyAt, freeAt);
  return { startAt, finishAt: startAt + runMs };
}

/** How long a run takes, in milliseconds: by steps, size and frames. One that fails does so half-way. */
export function toRunMs(input: RunInput, speed: number): number {
  const size = (input.width * input.height) / STEP_PIXELS;
  const length = 1 + (input.num_frames - 1) / 20;
  const care = input.resolution === "High" ? 2 : 1;
  const wholeMs = RUN_BASE_MS + STEP_MS * input.sample_steps * size * length * care;
  return Math.ceil((isFailureWanted(input) ? wholeMs / 2 : wholeMs) / speed);
}

/** Whether the prompt asks for a failure: "[fail]" or "fail please". */
export function isFailureWanted(input: RunInput): boolean {
  return /\[fail\]|\bfail please\b/i.test(input.prompt);
}
