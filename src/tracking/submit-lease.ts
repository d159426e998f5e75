import type { Jobs } from "../store/job-store.ts";

/** The part of the margin that may pass between lease and POST; the rest is for the outcome. */
const UNSENT_PART = 0.4;

/** How long a SUBMITTING row is its gateway's, and nobody else settles it. */
export function createSubmitLease(dependencies: {
  readonly jobs: Pick<Jobs, "extendSubmit">;
  readonly timeoutMs: number;
  readonly marginMs: number;
  /** Whether this gateway's own lease still runs. */
  readonly isOwner: () => boolean;
  readonly monotonic: () => number;
}) {
  const { jobs, timeoutMs, marginMs, isOwner, monotonic } = dependencies;
  const durationMs = timeoutMs + marginMs;
  const isFresh = (since: number): boolean => monotonic() - since <= marginMs * UNSENT_PART;

  return {
    /** From the insert on; covers the POST's time-out and recording its outcome. */
    durationMs,
    /**
     * Whether a POST that leaves now will be over before another gateway may settle the row, whose insert was sent at
     * `insertedAt` (by `monotonic`). A gateway that was frozen in between renews the lease here, or learns that it can't.
     */
    async mayLeave(jobId: string, insertedAt: number): Promise<boolean> {
      if (isOwner() && isFresh(insertedAt)) return true;
      const since = monotonic();
      return (await jobs.extendSubmit(jobId, durationMs)) && isFresh(since);
    },
  };
}
