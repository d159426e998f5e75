import type { Job } from "../job/job.ts";
import type { Stream } from "../runtime/stream.ts";

/** The job as it is now and after each change; fails with a `JobNotFoundError`. All who watch a job share its reads. */
export type WatchJob = (jobId: string, ownerId?: string) => Stream<Job>;

/**
 * Resolves with the job once it is ready, or as it was last seen when `timeoutMs` is over; null if it could not be read by
 * then. Rejects as the watch does.
 */
export async function waitForJob(
  states: Stream<Job>,
  isReady: (job: Job) => boolean,
  timeoutMs: number,
): Promise<Job | null> {
  const timer = setTimeout(() => states.end(), timeoutMs).unref();
  let newest: Job | null = null;
  try {
    for await (newest of states) if (isReady(newest)) break;
    return newest;
  } finally {
    clearTimeout(timer);
  }
}
