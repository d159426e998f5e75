import {
  JobNotCancellableError,
  JobNotFinishedError,
  JobNotFoundError,
  UpstreamError,
} from "../../engine/job/errors.ts";
import { MAX_AT_ONCE, MAX_IDS } from "../../engine/for-each.ts";
import { cancelJob, cancelJobs } from "../../engine/use-cases/cancel-jobs.ts";
import { deleteJob, deleteJobs } from "../../engine/use-cases/delete-jobs.ts";
import type { Builder } from "./builder.ts";

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
        description:
          "Cancels one of your jobs that has not started. Answers within a few seconds, once the outcome is certain.",
        args: { id },
        errors: CANCEL_RESULT,
        resolve: (_root, given, context) => cancelJob(context, given.id),
      }),

      cancelJobs: t.field({
        type: ["Job"],
        description: `Cancels jobs as \`cancelJob\` does, ${MAX_AT_ONCE} at a time, and answers when all are done.`,
        complexity: toCost,
        args: { ids },
        itemErrors: CANCEL_RESULT,
        resolve: (_root, given, context) => cancelJobs(context, given.ids),
      }),

      deleteJob: t.field({
        type: "ID",
        description:
          "Deletes a finished or paused job of yours from the gateway, with its history, input, output and kept files: the gateway's URLs of those return 404 from then on. RunComfy is not notified, and the job's idempotency key can't be used for another day.",
        args: { id },
        errors: DELETE_RESULT,
        resolve: (_root, given, context) => deleteJob(context, given.id),
      }),

      deleteJobs: t.field({
        type: ["ID"],
        description:
          "Deletes finished or paused jobs as `deleteJob` does, and answers when all are done.",
        complexity: toCost,
        args: { ids },
        itemErrors: DELETE_RESULT,
        resolve: (_root, given, context) => deleteJobs(context, given.ids),
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
  result: { name: "DeleteJobSuccess", description: "The job was deleted." },
  dataField: { name: "deletedJobId", description: "The `id` that the job had." },
};

/** What is refused later for its length costs as much as the most. */
export function toCost({ ids }: { readonly ids: { readonly length: number } }) {
  const count = Math.min(ids.length, MAX_IDS);
  return { field: JOB_COST * count, multiplier: count };
}
