import { isFinished } from "../job/job.ts";
import { JobNotFinishedError, JobNotFoundError } from "../job/errors.ts";
import type { JobStore } from "../store/job-store.ts";

/**
 * Deletes a finished job of this owner with all that is kept of it. Rejects with JobNotFoundError or
 * JobNotFinishedError.
 */
export type DeleteJob = (jobId: string, ownerId: string) => Promise<void>;

export function createDeleteJob(store: Pick<JobStore, "readJob" | "deleteFinishedJob">): DeleteJob {
  return async (jobId, ownerId) => {
    const job = await store.readJob(jobId, ownerId);
    if (job !== null && !isFinished(job)) throw new JobNotFinishedError(job);
    // Nothing brings a finished job back to life: one that is not deleted now is gone already.
    const isDeleted = job !== null && (await store.deleteFinishedJob(jobId));
    if (!isDeleted) throw new JobNotFoundError(jobId);
  };
}
