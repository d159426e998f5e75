import { requireScopes } from "../../auth/viewer.ts";
import type { Caller } from "../caller.ts";
import { toUrls } from "../job/asset.ts";
import { JobNotFinishedError, JobNotFoundError } from "../job/errors.ts";
import { isFinished, isIdentifier, type Job } from "../job/job.ts";

/**
 * Has the files of one of the viewer's finished jobs kept that are not, or could not be. Resolves with the job as it then is;
 * rejects with a `JobNotFoundError` or a `JobNotFinishedError`.
 */
export async function keepOutputs({ engine, viewer, reads }: Caller, id: string): Promise<Job> {
  requireScopes(viewer, "jobs:submit");
  if (!isIdentifier(id)) throw new JobNotFoundError(id);
  const { jobs, files } = engine.store;
  const job = await jobs.read(id, viewer.ownerId);
  if (job === null) throw new JobNotFoundError(id);
  if (!isFinished(job)) throw new JobNotFinishedError(job);
  const urls = toUrls(await reads.readAssets(job));
  const isRequested = await files.request(job, urls);
  reads.clear();
  if (!isRequested) return job;
  engine.files.keeper.wake();
  return (await jobs.read(id, viewer.ownerId)) ?? job;
}
