import type { Job } from "../job/job.ts";
import type { Feed, JobStore } from "../store/job-store.ts";

/** How often the row is read without a wake-up, for writers whose wake-ups do not reach this process. */
const REREAD_MS = 500;

/**
 * Resolves with the job (null: gone, or not this owner's) once `isReady` says so of it, and at the latest after
 * `timeoutMs`.
 */
export async function waitForJob(
  store: JobStore,
  jobId: string,
  isReady: (job: Job) => boolean,
  timeoutMs: number,
  ownerId?: string,
): Promise<Job | null> {
  const timeout = AbortSignal.timeout(timeoutMs);
  for (;;) {
    const wakeUp = nextWakeUp(store.feed, jobId, timeout);
    try {
      const job = await store.jobs.read(jobId, ownerId);
      if (job === null || isReady(job) || timeout.aborted) return job;
      await wakeUp.promise;
    } finally {
      wakeUp.cancel();
    }
  }
}

/** Listens before the row is read, so that a write between the two is not slept through. */
function nextWakeUp(
  feed: Feed,
  jobId: string,
  timeout: AbortSignal,
): { readonly promise: Promise<void>; cancel(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const wake = (): void => resolve();
  const unsubscribe = feed.subscribeToJob(jobId, wake);
  const timer = setTimeout(wake, REREAD_MS);
  timeout.addEventListener("abort", wake, { once: true });
  return {
    promise,
    cancel() {
      unsubscribe();
      clearTimeout(timer);
      timeout.removeEventListener("abort", wake);
    },
  };
}
