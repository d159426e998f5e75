import { requireScopes } from "../../auth/viewer.ts";
import type { Caller } from "../caller.ts";
import { forEach } from "../for-each.ts";
import { JobNotFoundError } from "../job/errors.ts";
import { isIdentifier } from "../job/job.ts";

/** Deletes one of the viewer's jobs; resolves with its id. Rejects with JobNotFoundError or JobNotFinishedError. */
export async function deleteJob({ engine, viewer, reads }: Caller, id: string): Promise<string> {
  requireScopes(viewer, "jobs:cancel");
  if (!isIdentifier(id)) throw new JobNotFoundError(id);
  await engine.deleter.deleteJob(id, viewer.ownerId).finally(() => reads.clear());
  return id;
}

/** Deletes several; resolves with the result of each, once all are done. Throws BAD_USER_INPUT for too many. */
export async function deleteJobs(
  caller: Caller,
  ids: readonly string[],
): Promise<Promise<string>[]> {
  requireScopes(caller.viewer, "jobs:cancel");
  return await forEach(ids, (id) => deleteJob(caller, id));
}
