import { isFinished } from "../job/job.ts";
import { JobNotFinishedError, JobNotFoundError } from "../job/errors.ts";
import type { Jobs } from "../store/job-store.ts";

/**
 * Deletes a finished job of this owner with all that is kept of it. Rejects with JobNotFoundError or
 * JobNotFinishedError.
 */
export function createDeleteJob(jobs: Pick<Jobs, "read" | "delete">) {
  return async (jobId: string, ownerId: string): Promise<void> => {
    const job = await jobs.read(jobId, ownerId);
    if (job !== null && !isFinished(job)) throw new JobNotFinishedError(job);
    // Nothing brings a finished job back to life: one that is not deleted now is gone already.
    const isDeleted = job !== null && (await jobs.delete(jobId));
    if (!isDeleted) throw new JobNotFoundError(jobId);
  };
}
