import { requireScopes } from "../../auth/viewer.ts";
import type { Caller } from "../caller.ts";
import { forEach } from "../for-each.ts";
import { JobNotFoundError } from "../job/errors.ts";
import { isIdentifier, type Job } from "../job/job.ts";

/** Cancels one of the viewer's jobs. Rejects with JobNotFoundError, JobNotCancellableError or UpstreamError. */
export async function cancelJob({ engine, viewer, reads }: Caller, id: string): Promise<Job> {
  requireScopes(viewer, "jobs:cancel");
  if (!isIdentifier(id)) throw new JobNotFoundError(id);
  return await engine.canceller.cancelJob(id, viewer.ownerId).finally(() => reads.clear());
}

/** Cancels several; resolves with the result of each, once all are done. Throws BAD_USER_INPUT for too many. */
export async function cancelJobs(caller: Caller, ids: readonly string[]): Promise<Promise<Job>[]> {
  requireScopes(caller.viewer, "jobs:cancel");
  return await forEach(ids, (id) => cancelJob(caller, id));
}
