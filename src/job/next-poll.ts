import { inspectionDelay, secondsSince } from "./duration.ts";
import type { Job } from "./job.ts";
import type { Times } from "./run-times.ts";
import { toStart } from "./run-times.ts";

const MIN_SECONDS = 0.1;
/** A surprise is seen within this time, or within a quarter of the usual run, but a minute at most. */
const MAX_SECONDS = 15;
const MAX_PART_LENGTH = 0.25;
const MAX_OF_ALL_SECONDS = 60;

/** A start that is told late costs a person so much less than an end. */
const START_COST = 25;

/** While nothing is known: half a second between polls of the usual cost, and from 20 s on a part of the age. */
const UNKNOWN_COST = 25;
const UNKNOWN_PART = 1 / 40;

/**
 * How many milliseconds after a poll at `nowMs`, which found the job open, the next one comes; `costSeconds` is what one
 * poll is worth in seconds of waiting.
 */
export function nextPollMs(job: Job, times: Times, nowMs: number, costSeconds: number): number {
  const seconds =
    job.startedAt === null
      ? untilStart(job, times, nowMs, costSeconds)
      : untilEnd(job, secondsSince(job.startedAt.getTime(), nowMs), times.run, costSeconds);
  return Math.round(Math.max(MIN_SECONDS, seconds) * 1_000);
}

function untilStart(job: Job, times: Times, nowMs: number, costSeconds: number): number {
  const { duration, sinceMs, basedOn } = toStart(job, times);
  const age = secondsSince(sinceMs, nowMs);
  if (basedOn === 0) return whileUnknown(age, costSeconds);
  const cost = costSeconds * START_COST;
  return inspectionDelay(duration, age, { cost, longest: MAX_SECONDS });
}

function untilEnd({ work }: Job, age: number, run: Times["run"], costSeconds: number): number {
  if (run.basedOn === 0) return whileUnknown(age, costSeconds);
  const rarely = Math.max(MAX_SECONDS, run.median(work) * MAX_PART_LENGTH);
  // At first as often as anywhere: a run that fails does so early.
  const longest = Math.min(MAX_OF_ALL_SECONDS, MAX_SECONDS + age, rarely);
  return inspectionDelay(run.of(work), age, { cost: costSeconds, longest });
}

function whileUnknown(age: number, costSeconds: number): number {
  return Math.min(MAX_SECONDS, Math.max(costSeconds * UNKNOWN_COST, age * UNKNOWN_PART));
}
