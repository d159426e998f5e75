import type { Job } from "./job.ts";
import type { Looks } from "./looks.ts";

/** When to look at a job again; `random` is in [0, 1). */
export type PollSchedule = (job: Job, looks: Looks, now: Date, random: number) => Date;

const SHORTEST_MS = 500;
const LONGEST_MS = 15_000;

/** The next look comes after this share of the time since the status last changed. */
const STALENESS = 0.1;

/**
 * Looks less often the longer the status stands still: the end of an 8 s job is seen within a second, and a job of an
 * hour is not asked for every second. After a failed look it backs off with full jitter.
 */
export const lookByAge: PollSchedule = (job, looks, now, random) => {
  const stillMs = now.getTime() - statusSince(job).getTime();
  const delayMs = clamp(stillMs * STALENESS * (0.75 + 0.5 * random));
  const backOffMs =
    looks.failures === 0 ? 0 : clamp(SHORTEST_MS * 2 ** Math.min(looks.failures, 10)) * random;
  return new Date(now.getTime() + Math.max(delayMs, backOffMs));
};

/** A queue position that moves says nothing about the end, so only a new status starts quick looks again. */
function statusSince(job: Job): Date {
  return job.startedAt ?? job.createdAt;
}

function clamp(delayMs: number): number {
  return Math.min(LONGEST_MS, Math.max(SHORTEST_MS, delayMs));
}
