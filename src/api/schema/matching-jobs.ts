import { ExpectedError, JobNotFoundError } from "../../engine/job/errors.ts";
import type { JobStatus } from "../../engine/job/job.ts";
import { badUserInput } from "../../runtime/coded-error.ts";
import { clock } from "../../runtime/environment.ts";
import { Queue } from "../../runtime/queue.ts";
import type { JobFilter } from "../../engine/store/list-jobs.ts";
import type { Builder } from "./builder.ts";
import { deleteJob, forgetting, JOB_COST, MAX_AT_ONCE } from "./cancel-and-delete.ts";
import type { GatewayContext } from "./context.ts";
import type { JobFilterRef } from "./job-connection.ts";
import { fromCursor, toCursor, toJobFilter } from "./job-connection.ts";

/** How many jobs a call takes on, and for how long it begins with further ones. */
const MAX_JOBS = 100;
const MAX_MS = 10_000;

/** What can be cancelled, or will be in a moment. */
const WAITING = ["SUBMITTING", "IN_QUEUE"] as const satisfies readonly JobStatus[];

/** Adds the mutations that cancel and delete all jobs that match, a call at a time. */
export function addMatchingJobs(builder: Builder, jobFilter: JobFilterRef): void {
  const progress = builder.objectRef<Progress>("MatchingJobsProgress").implement({
    description: "What a call has done, and from where the next one goes on.",
    fields: (t) => ({
      done: t.exposeInt("done", {
        description:
          "How many jobs it cancelled or deleted. One that several calls reach at once counts in one of them, but where calls at several gateways cancel it at once, it may count in each.",
      }),
      failed: t.exposeInt("failed", {
        description:
          "How many matched but could not be cancelled or deleted. To try them again, begin again without `after`; `cancelJobs` or `deleteJobs` says why of each.",
      }),
      hasMore: t.boolean({
        description: "Whether there may be more jobs that match: call again.",
        resolve: ({ cursor }) => cursor !== null,
      }),
      cursor: t.exposeString("cursor", {
        nullable: true,
        description: "Where the call stopped, for `after`; null when all jobs were reached.",
      }),
    }),
  });

  builder.mutationFields((t) => {
    const args = {
      filter: t.arg({
        type: jobFilter,
        required: true,
        description:
          "Which of your jobs. It needs a condition other than `ownerId`: null or missing ones don't count.",
      }),
      createdBefore: t.arg({
        type: "DateTime",
        required: true,
        description:
          "Only jobs that were submitted before this moment. Give the time at which you began, so that jobs submitted meanwhile are left alone.",
      }),
      after: t.arg.string({
        description: "The `cursor` of the last call; null to begin with the newest job.",
      }),
    };
    const complexity = JOB_COST * MAX_JOBS;
    const bounds = `A call ends after ${MAX_JOBS} jobs, and begins with none after ${MAX_MS / 1_000} s; while it \`hasMore\`, call again with its \`cursor\`.`;
    return {
      cancelMatchingJobs: t.field({
        type: progress,
        scope: "jobs:cancel",
        description: `Cancels those of your jobs that match and have not started, newest first, as \`cancelJobs\` does. ${bounds}`,
        complexity,
        args,
        resolve: (_root, given, context) =>
          forgetting(context, () => forMatching(given, context, cancelOne, WAITING)),
      }),

      deleteMatchingJobs: t.field({
        type: progress,
        scope: "jobs:cancel",
        description: `Deletes your jobs that match, newest first, as \`deleteJobs\` does; those that are neither finished nor paused count as \`failed\`. ${bounds}`,
        complexity,
        args,
        resolve: (_root, given, context) =>
          forgetting(context, () => forMatching(given, context, deleteOne)),
      }),
    };
  });
}

type Progress = { readonly done: number; readonly failed: number; readonly cursor: string | null };

type Given = {
  readonly filter: JobFilterRef["$inferInput"];
  readonly createdBefore: Date;
  readonly after?: string | null | undefined;
};

/** Whether this call has cancelled it. */
async function cancelOne(id: string, { viewer, tracking }: GatewayContext): Promise<boolean> {
  let isChanged = false;
  await tracking.cancelJob(id, viewer.ownerId, () => (isChanged = true));
  return isChanged;
}

/** Whether this call has deleted it; another's leaves no job to be found. */
async function deleteOne(id: string, context: GatewayContext): Promise<boolean> {
  await deleteJob(id, context);
  return true;
}

/**
 * Takes on a page of the viewer's own jobs. One that is gone meanwhile, or changed by another call, counts as neither done
 * nor failed.
 */
async function forMatching(
  given: Given,
  context: GatewayContext,
  act: (id: string, context: GatewayContext) => Promise<boolean>,
  statuses?: readonly JobStatus[],
): Promise<Progress> {
  const { now = clock.monotonic } = context.sources;
  const endsAt = now() + MAX_MS;
  const filter = toOwnFilter(given, context, statuses);
  const { jobs, stoppedAt } = await context.reads.listJobs({
    filter,
    direction: "forward",
    limit: MAX_JOBS,
    ...(typeof given.after === "string" && { after: fromCursor(given.after, "after") }),
  });
  const queue = new Queue({ total: MAX_AT_ONCE });
  let begun = 0;
  const outcomes = await Promise.allSettled(
    jobs.map(({ id }) =>
      queue.run("", async () => {
        // The first one always begins, so that each call comes further.
        if (begun > 0 && now() >= endsAt) return false;
        begun += 1;
        return (await hasLabels(id, filter, context)) && (await act(id, context));
      }),
    ),
  );
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
  id: string,
  { tag, isStarred }: JobFilter,
  { sources, viewer }: GatewayContext,
): Promise<boolean> {
  if (tag === undefined && isStarred === undefined) return true;
  const job = await sources.store.jobs.read(id, viewer.ownerId);
  const hasTag = tag === undefined || job?.tags.includes(tag) === true;
  return hasTag && (isStarred === undefined || job?.isStarred === isStarred);
}

/** Throws BAD_USER_INPUT where all jobs would match, or another owner's were meant. */
function toOwnFilter(
  { filter, createdBefore }: Given,
  { viewer }: GatewayContext,
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
