import {
  JobNotCancellableError,
  JobNotFinishedError,
  JobNotFoundError,
  UpstreamError,
} from "../../engine/job/errors.ts";
import { isIdentifier } from "../../engine/job/job.ts";
import type { Job } from "../../engine/job/job.ts";
import { Queue } from "../../runtime/queue.ts";
import { badUserInput } from "../../runtime/coded-error.ts";
import type { Builder } from "./builder.ts";
import type { GatewayContext } from "./context.ts";

export const MAX_IDS = 100;
/** How many jobs of a call are changed at once. */
export const MAX_AT_ONCE = 10;
/** What each job costs, beside what is asked of it. */
export const JOB_COST = 20;

/** Adds the mutations that cancel and delete jobs, one or many. */
export function addCancelAndDelete(builder: Builder): void {
  builder.mutationFields((t) => {
    const id = t.arg.id({ required: true, description: "The job's `id`." });
    const ids = t.arg.idList({
      required: true,
      description: `The jobs' ids, at most ${MAX_IDS}; duplicates count once.`,
    });
    return {
      cancelJob: t.field({
        type: "Job",
        scope: "jobs:cancel",
        description:
          "Cancels one of your jobs that has not started. Answers within a few seconds, once the outcome is certain.",
        args: { id },
        errors: CANCEL_RESULT,
        resolve: (_root, given, context) => forgetting(context, () => cancelJob(given.id, context)),
      }),

      cancelJobs: t.field({
        type: ["Job"],
        scope: "jobs:cancel",
        description: `Cancels jobs as \`cancelJob\` does, ${MAX_AT_ONCE} at a time, and answers when all are done.`,
        complexity: toCost,
        args: { ids },
        itemErrors: CANCEL_RESULT,
        resolve: (_root, given, context) =>
          forgetting(context, () => forEach(given.ids, (one) => cancelJob(one, context))),
      }),

      deleteJob: t.field({
        type: "ID",
        scope: "jobs:cancel",
        description:
          "Deletes a finished or paused job of yours from the gateway, with its history, input, output and kept files: the gateway's URLs of those return 404 from then on. RunComfy is not told, and the job's idempotency key can't be used for another day.",
        args: { id },
        errors: DELETE_RESULT,
        resolve: (_root, given, context) => forgetting(context, () => deleteJob(given.id, context)),
      }),

      deleteJobs: t.field({
        type: ["ID"],
        scope: "jobs:cancel",
        description:
          "Deletes finished or paused jobs as `deleteJob` does, and answers when all are done.",
        complexity: toCost,
        args: { ids },
        itemErrors: DELETE_RESULT,
        resolve: (_root, given, context) =>
          forgetting(context, () => forEach(given.ids, (one) => deleteJob(one, context))),
      }),
    };
  });
}

const CANCEL_RESULT = {
  types: [JobNotFoundError, JobNotCancellableError, UpstreamError],
  union: {
    name: "CancelJobResult",
    description: "The cancelled job, or why it was not cancelled.",
  },
  result: { name: "CancelJobSuccess", description: "The job will not run." },
  dataField: { name: "job", description: "The job as it is now; its `status` is CANCELLED." },
};

const DELETE_RESULT = {
  types: [JobNotFoundError, JobNotFinishedError],
  union: { name: "DeleteJobResult", description: "What was deleted, or why nothing was." },
  result: { name: "DeleteJobSuccess", description: "The job is gone." },
  dataField: { name: "deletedJobId", description: "The `id` that the job had." },
};

/** Cancels one of the viewer's. */
export async function cancelJob(id: string, { viewer, tracking }: GatewayContext): Promise<Job> {
  if (!isIdentifier(id)) throw new JobNotFoundError(id);
  return await tracking.cancelJob(id, viewer.ownerId);
}

/** Deletes one of the viewer's. */
export async function deleteJob(id: string, { viewer, tracking }: GatewayContext): Promise<string> {
  if (!isIdentifier(id)) throw new JobNotFoundError(id);
  await tracking.deleteJob(id, viewer.ownerId);
  return id;
}

/** Forgets what the operation has read of jobs once the act has changed some, or failed. */
export async function forgetting<Value>(
  { reads }: GatewayContext,
  act: () => Promise<Value>,
): Promise<Value> {
  return await act().finally(() => reads.clear());
}

/** What became of each id, in their order, once all are done. Throws BAD_USER_INPUT for too many. */
export async function forEach<Value>(
  ids: readonly string[],
  act: (id: string) => Promise<Value>,
): Promise<Promise<Value>[]> {
  if (ids.length > MAX_IDS) {
    throw badUserInput(
      `\`ids\` has ${ids.length} ids, and may have ${MAX_IDS}. Send the others in further calls.`,
    );
  }
  const queue = new Queue({ total: MAX_AT_ONCE });
  const acts = new Map<string, Promise<Value>>();
  const all = ids.map((id) => {
    const known = acts.get(id) ?? queue.run("", () => act(id));
    acts.set(id, known);
    return known;
  });
  await Promise.allSettled(all);
  return all;
}

/** What is refused later for its length costs as much as the most. */
export function toCost({ ids }: { readonly ids: { readonly length: number } }) {
  const count = Math.min(ids.length, MAX_IDS);
  return { field: JOB_COST * count, multiplier: count };
}
