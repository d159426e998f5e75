import type { Job } from "./job.ts";
import type { Looks } from "./looks.ts";

/**
 * When to look at a job again: a pure function of the job, its past looks, the time and a random number in [0, 1).
 * This is the seam behind which a schedule that learns can take the place of {@link lookByAge}.
 */
export type PollSchedule = (job: Job, looks: Looks, now: Date, random: number) => Date;

const SHORTEST_MS = 500;
const LONGEST_MS = 15_000;

/** The share of the time that a job has stood still which may pass until the next look. */
const STALENESS = 0.1;

/**
 * Looks in proportion to how long the job's status has not changed, so that a job of 8 s is seen within a second of its
 * end and one of an hour is not asked after every second; after a failed look it backs off with full jitter.
 */
export const lookByAge: PollSchedule = (job, looks, now, random) => {
  const stillMs = now.getTime() - statusSince(job).getTime();
  const delayMs = clamp(stillMs * STALENESS * (0.75 + 0.5 * random));
  const backOffMs =
    looks.failures === 0 ? 0 : clamp(SHORTEST_MS * 2 ** Math.min(looks.failures, 10)) * random;
  return new Date(now.getTime() + Math.max(delayMs, backOffMs));
};

/** Queue positions move without saying anything about the end, so only a new status starts the quick looks anew. */
function statusSince(job: Job): Date {
  return job.startedAt ?? job.createdAt;
}

function clamp(delayMs: number): number {
  return Math.min(LONGEST_MS, Math.max(SHORTEST_MS, delayMs));
}
