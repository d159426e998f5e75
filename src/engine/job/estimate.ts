import { nearestRank, quantile, secondsSince } from "./duration.ts";
import type { Job } from "./job.ts";
import { isAccepted, sentAtOf } from "./job.ts";
import type { Times } from "./run-times.ts";
import { isColdStart, toStart } from "./run-times.ts";

/** When a job will probably start and end, in milliseconds since 1970; never in the past. */
export type Estimate = {
  /** Null once it has started. */
  readonly startsAt: number | null;
  /** As likely before as after. */
  readonly finishesAt: number;
  /** By then 9 of 10 such jobs have ended. */
  readonly finishesBy: number;
  /** The part of the whole time that is over, from 0 to below 1. */
  readonly progress: number;
  readonly isColdStart: boolean;
  /** How many past runs it is learned from. */
  readonly basedOn: number;
};

const MIN_RUNS = 5;
const SAFE_PART = 0.9;
const MAX_PROGRESS = 0.99;

/** Null where fewer than five runs have taught anything, and for a job that is not accepted yet or has ended. */
export function estimate(job: Job, times: Times, nowMs: number): Estimate | null {
  const { basedOn } = times.run;
  if (basedOn < MIN_RUNS || !isAccepted(job)) return null;
  const { startsAt, finishesAt, finishesBy } =
    job.startedAt === null
      ? estimateQueued(job, times, nowMs)
      : estimateRunning(job, job.startedAt.getTime(), times, nowMs);
  const whole = Math.max(1, finishesAt - sentAtOf(job).getTime());
  return {
    startsAt,
    finishesAt,
    finishesBy,
    progress: Math.min(MAX_PROGRESS, Math.max(0, 1 - (finishesAt - nowMs) / whole)),
    isColdStart: job.startedAt === null && isColdStart(job, times),
    basedOn,
  };
}

type Ends = Pick<Estimate, "startsAt" | "finishesAt" | "finishesBy">;

function estimateRunning(job: Job, startedAtMs: number, times: Times, nowMs: number): Ends {
  const run = times.run.of(job.work);
  const after = secondsSince(startedAtMs, nowMs);
  const at = (part: number): number => nowMs + (quantile(run, part, after) - after) * 1_000;
  return { startsAt: null, finishesAt: at(0.5), finishesBy: at(SAFE_PART) };
}

/** So many equally likely times stand for each of the two durations. */
const STEPS = 24;
const PARTS = Array.from({ length: STEPS }, (_, step) => (step + 0.5) / STEPS);

/** The wait and the run one after the other, each as long as it may be. */
function estimateQueued(job: Job, times: Times, nowMs: number): Ends {
  const { duration, sinceMs } = toStart(job, times);
  const after = secondsSince(sinceMs, nowMs);
  const run = times.run.of(job.work);
  const waits = PARTS.map((part) => quantile(duration, part, after) - after);
  const runs = PARTS.map((part) => quantile(run, part));
  const sums = Float64Array.from(waits.flatMap((wait) => runs.map((one) => wait + one))).toSorted();
  const at = (part: number): number => nowMs + nearestRank(sums, part) * 1_000;
  const startsAt = nowMs + (quantile(duration, 0.5, after) - after) * 1_000;
  return { startsAt, finishesAt: at(0.5), finishesBy: at(SAFE_PART) };
}
