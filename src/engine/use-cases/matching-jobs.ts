import { requireScopes, type Viewer } from "../../auth/viewer.ts";
import { badUserInput } from "../../runtime/coded-error.ts";
import { clock } from "../../runtime/environment.ts";
import type { Caller } from "../caller.ts";
import { forEach, MAX_IDS } from "../for-each.ts";
import { fromCursor, toCursor } from "../reads/job-cursor.ts";
import { type GivenFilter, toJobFilter } from "../reads/job-filter.ts";
import { ExpectedError, JobNotFoundError } from "../job/errors.ts";
import type { JobStatus } from "../job/job.ts";
import type { JobFilter } from "../store/list-jobs.ts";

/** How many jobs a call takes on, and for how long it begins with further ones. */
export const MAX_JOBS = MAX_IDS;
export const MAX_MS = 10_000;

/** What can be cancelled, or will be in a moment. */
const WAITING = ["HELD", "SUBMITTING", "IN_QUEUE"] as const satisfies readonly JobStatus[];

/** What a call has done, and from where the next one goes on; null at the end. */
export type Progress = {
  readonly done: number;
  readonly failed: number;
  readonly cursor: string | null;
};

/** Which of the viewer's jobs, and the cursor of the call before. */
export type MatchingJobs = {
  readonly filter: GivenFilter;
  readonly createdBefore: Date;
  readonly after?: string | null | undefined;
};

/** Cancels those that have not started, newest first. Throws BAD_USER_INPUT. */
export async function cancelMatchingJobs(caller: Caller, given: MatchingJobs): Promise<Progress> {
  const { engine, viewer, reads } = caller;
  requireScopes(viewer, "jobs:cancel");
  /** Whether this call has cancelled it. */
  async function cancel(id: string): Promise<boolean> {
    let isChanged = false;
    await engine.canceller.cancelJob(id, viewer.ownerId, () => (isChanged = true));
    return isChanged;
  }
  return await forMatching(caller, given, cancel, WAITING).finally(() => reads.clear());
}

/** Deletes them, newest first. Throws BAD_USER_INPUT. */
export async function deleteMatchingJobs(caller: Caller, given: MatchingJobs): Promise<Progress> {
  const { engine, viewer, reads } = caller;
  requireScopes(viewer, "jobs:cancel");
  /** Another call's deletion leaves no job to be found. */
  async function deleteOne(id: string): Promise<boolean> {
    await engine.deleter.deleteJob(id, viewer.ownerId);
    return true;
  }
  return await forMatching(caller, given, deleteOne).finally(() => reads.clear());
}

/**
 * Takes on a page of the viewer's own jobs. One that is gone meanwhile, or changed by another call, counts as neither done
 * nor failed.
 */
async function forMatching(
  caller: Caller,
  given: MatchingJobs,
  act: (id: string) => Promise<boolean>,
  statuses?: readonly JobStatus[],
): Promise<Progress> {
  const { engine, viewer, reads } = caller;
  const { now = clock.monotonic } = engine;
  const endsAt = now() + MAX_MS;
  const filter = toOwnFilter(given, viewer, statuses);
  const { jobs, stoppedAt } = await reads.listJobs({
    filter,
    direction: "forward",
    limit: MAX_JOBS,
    ...(typeof given.after === "string" && { after: fromCursor(given.after, "after") }),
  });
  const ids = jobs.map(({ id }) => id);
  let begun = 0;
  const acts = await forEach(ids, async (id) => {
    // The first one always begins, so that each call comes further.
    if (begun > 0 && now() >= endsAt) return false;
    begun += 1;
    return (await hasLabels(caller, id, filter)) && (await act(id));
  });
  const outcomes = await Promise.allSettled(acts);
  let failed = 0;
  for (const outcome of outcomes) {
    if (outcome.status === "fulfilled" || outcome.reason instanceof JobNotFoundError) continue;
    if (!(outcome.reason instanceof ExpectedError)) throw outcome.reason;
    failed += 1;
  }
  // They begin in order, so what is left comes behind the last that has begun.
  const stop = begun < jobs.length ? jobs[begun - 1] : stoppedAt;
  const done = outcomes.filter((one) => one.status === "fulfilled" && one.value).length;
  return { done, failed, cursor: stop ? toCursor(stop) : null };
}

/** Whether a job matches by its labels: its owner may have starred it, to keep it, since the page was read. */
async function hasLabels(
  { engine, viewer }: Caller,
  id: string,
  { tag, isStarred }: JobFilter,
): Promise<boolean> {
  if (tag === undefined && isStarred === undefined) return true;
  const job = await engine.store.jobs.read(id, viewer.ownerId);
  const hasTag = tag === undefined || job?.tags.includes(tag) === true;
  return hasTag && (isStarred === undefined || job?.isStarred === isStarred);
}

/** Throws BAD_USER_INPUT where all jobs would match, or another owner's were meant. */
function toOwnFilter(
  { filter, createdBefore }: MatchingJobs,
  viewer: Viewer,
  statuses: readonly JobStatus[] | undefined,
): JobFilter {
  const { ownerId = viewer.ownerId, ...conditions } = toJobFilter(filter);
  if (ownerId !== viewer.ownerId) {
    throw badUserInput(
      "`filter.ownerId` is another owner, and you can cancel and delete only your own jobs. Leave it out.",
    );
  }
  if (Object.keys(conditions).length === 0) {
    throw badUserInput(
      "`filter` has no condition, so all of your jobs would match. Give a `status`, `deploymentId`, `tag`, `isStarred`, `text`, `createdAfter` or `createdBefore` in it.",
    );
  }
  const ends = [createdBefore.getTime(), conditions.createdBefore?.getTime() ?? Infinity];
  const wanted = conditions.statuses ?? statuses;
  return {
    ...conditions,
    ownerId,
    createdBefore: new Date(Math.min(...ends)),
    ...(wanted && { statuses: wanted.filter((one) => statuses?.includes(one) ?? true) }),
  };
}
