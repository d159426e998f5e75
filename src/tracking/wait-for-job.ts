import type { Job } from "../job/job.ts";
import type { JobStore } from "../store/job-store.ts";
import { sleepFor } from "../store/sleep.ts";

/** How often the row is read without a wake-up, since one may be lost. */
const REREAD_MS = 500;

/** Resolves with the job (null: gone, or not this owner's) once it is ready, and at the latest after `timeoutMs`. */
export async function waitForJob(
  { jobs, feed }: Pick<JobStore, "jobs" | "feed">,
  jobId: string,
  isReady: (job: Job) => boolean,
  timeoutMs: number,
  ownerId?: string,
): Promise<Job | null> {
  const timeout = AbortSignal.timeout(timeoutMs);
  for (;;) {
    const woken = new AbortController();
    // Before the row is read, so that a write between the two is not slept through.
    const unsubscribe = feed.subscribeToJob(jobId, () => woken.abort());
    try {
      const job = await jobs.read(jobId, ownerId);
      if (job === null || isReady(job) || timeout.aborted) return job;
      await sleepFor(REREAD_MS, AbortSignal.any([timeout, woken.signal]));
    } finally {
      unsubscribe();
    }
  }
}
