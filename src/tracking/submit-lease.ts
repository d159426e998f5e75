import type { Jobs } from "../store/job-store.ts";

/** How long a SUBMITTING row is its gateway's, and nobody else settles it. */
export type SubmitLease = {
  /** From the insert on; covers the POST's time-out and recording its outcome. */
  readonly durationMs: number;
  /**
   * Whether a POST that leaves now will be over before another gateway may settle the row, whose insert was sent at
   * `insertedAt` (by `monotonic`). A gateway that was frozen in between renews the lease here, or learns that it can't.
   */
  mayLeave(jobId: string, insertedAt: number): Promise<boolean>;
};

/** How often to renew the lease when a slow database makes it old by the time it comes. */
const MOST_EXTENSIONS = 3;

/** The part of the margin that may pass between lease and POST; the rest is for the outcome. */
const UNSENT_PART = 0.4;

export function createSubmitLease(dependencies: {
  readonly jobs: Jobs;
  readonly timeoutMs: number;
  readonly marginMs: number;
  /** Whether this gateway's own lease still runs. */
  readonly isOwner: () => boolean;
  readonly monotonic: () => number;
}): SubmitLease {
  const { jobs, timeoutMs, marginMs, isOwner, monotonic } = dependencies;
  const durationMs = timeoutMs + marginMs;
  const isFresh = (since: number): boolean => monotonic() - since <= marginMs * UNSENT_PART;

  return {
    durationMs,
    async mayLeave(jobId, insertedAt) {
      if (isOwner() && isFresh(insertedAt)) return true;
      for (let extensions = 0; extensions < MOST_EXTENSIONS; extensions++) {
        const since = monotonic();
        if (!(await jobs.extendSubmit(jobId, durationMs))) return false;
        if (isFresh(since)) return true;
      }
      return false;
    },
  };
}
