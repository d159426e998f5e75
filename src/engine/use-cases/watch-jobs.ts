import { readableOwner, requireScopes } from "../../auth/viewer.ts";
import { badUserInput } from "../../runtime/coded-error.ts";
import type { Stream } from "../../runtime/stream.ts";
import type { Caller } from "../caller.ts";
import { type GivenFilter, scopeOf, toJobFilter } from "../reads/job-filter.ts";
import { ofReadable } from "../reads/reads.ts";
import { JobNotFoundError } from "../job/errors.ts";
import { isIdentifier, type Job } from "../job/job.ts";
import type { WatchJob } from "../watch/watch-job.ts";
import type { JobChange, JobsWatch } from "../watch/watch-jobs.ts";

/** A job that the viewer may read, as it changes. It, or its stream, rejects with a `JobNotFoundError`. */
export async function watchJob(
  { engine, viewer }: Caller,
  id: string,
  options: NonNullable<Parameters<WatchJob>[2]>,
): Promise<Stream<Job>> {
  requireScopes(viewer, "jobs:read");
  if (!isIdentifier(id)) throw new JobNotFoundError(id);
  return engine.watchJob(id, readableOwner(viewer), options);
}

/** Every change of the jobs that match and that the viewer may read. Rejects with BAD_USER_INPUT or a `BadCursorError`. */
export async function watchJobs(
  { engine, viewer }: Caller,
  { filter, ...watch }: Omit<JobsWatch, "filter"> & { readonly filter: GivenFilter },
): Promise<Stream<JobChange>> {
  requireScopes(viewer, scopeOf(filter));
  if (typeof filter?.text === "string") throw badUserInput(NO_SEARCH);
  return await engine.watchJobs({
    ...watch,
    filter: ofReadable(toJobFilter(filter), viewer),
  });
}

const NO_SEARCH =
  "`filter.text` finds jobs in a list, but can't follow their changes. Leave it out, and keep the changes of the jobs that `jobs` found; or give them a tag, and follow that.";
