import type { Asset } from "../job/asset.ts";
import { toUrls } from "../job/asset.ts";
import { JobNotFinishedError, JobNotFoundError } from "../job/errors.ts";
import type { Job } from "../job/job.ts";
import { isFinished } from "../job/job.ts";
import type { JobStore } from "../store/job-store.ts";

export type KeepOutputs = ReturnType<typeof createKeepOutputs>;

/**
 * Makes what lets the files of a finished job be kept that are not, or could not be. Resolves with the job as it then is;
 * rejects with a `JobNotFoundError` or a `JobNotFinishedError`.
 */
export function createKeepOutputs({
  store,
  onKeep,
}: {
  readonly store: Pick<JobStore, "jobs" | "files">;
  /** Hears that there are files to keep. */
  readonly onKeep: () => void;
}) {
  return async (
    jobId: string,
    ownerId: string,
    readAssets: (job: Job) => Promise<readonly Asset[]>,
  ): Promise<Job> => {
    const job = await store.jobs.read(jobId, ownerId);
    if (job === null) throw new JobNotFoundError(jobId);
    if (!isFinished(job)) throw new JobNotFinishedError(job);
    const urls = toUrls(await readAssets(job));
    if (!(await store.files.request(job, urls))) return job;
    onKeep();
    return (await store.jobs.read(jobId, ownerId)) ?? job;
  };
}
