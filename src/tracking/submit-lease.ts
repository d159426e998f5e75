import type { Jobs } from "../store/job-store.ts";

/** For how long a SUBMITTING row is its gateway's: until then nobody else settles it. */
export type SubmitLease = {
  /** From the insert of the row on; covers the POST's time-out and the writing down of its outcome. */
  readonly durationMs: number;
  /**
   * Whether a POST that leaves now will be over before another gateway may settle the row, whose insert was sent at
   * `insertedAt` (by `monotonic`). A gateway that was frozen in between finds out here: it begins the lease anew, or
   * learns that it can't.
   */
  mayLeave(jobId: string, insertedAt: number): Promise<boolean>;
};

/** How often the lease is begun anew, when the database takes so long that it is old when it comes. */
const MOST_EXTENSIONS = 3;

/** The part of the margin that may pass between the lease and the POST; the rest is for its outcome. */
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
