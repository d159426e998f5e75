import {
  cancelMatchingJobs,
  deleteMatchingJobs,
  MAX_JOBS,
  MAX_MS,
  type Progress,
} from "../../engine/use-cases/matching-jobs.ts";
import type { Builder } from "./builder.ts";
import { JOB_COST } from "./cancel-and-delete.ts";
import type { JobFilterRef } from "./job-connection.ts";

/** Adds the mutations that cancel and delete all jobs that match, a call at a time. */
export function addMatchingJobs(builder: Builder, jobFilter: JobFilterRef): void {
  const progress = builder.objectRef<Progress>("MatchingJobsProgress").implement({
    description: "What a call has done, and where the next one continues.",
    fields: (t) => ({
      done: t.exposeInt("done", {
        description:
          "How many jobs it cancelled or deleted. A job that several calls reach at once counts in one of them; if they go to several gateways, a cancelled job may count in each.",
      }),
      failed: t.exposeInt("failed", {
        description:
          "How many matched but could not be cancelled or deleted. To retry them, start again without `after`; `cancelJobs` or `deleteJobs` gives the reason for each.",
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
          "Which of your jobs. At least one condition other than `ownerId` must be given, and not be null.",
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
    const bounds = `A call ends after ${MAX_JOBS} jobs, and starts on none after ${MAX_MS / 1_000} s. While \`hasMore\` is true, call again with its \`cursor\`.`;
    return {
      cancelMatchingJobs: t.field({
        type: progress,
        description: `Cancels those of your jobs that match and have not started, newest first, as \`cancelJobs\` does. ${bounds}`,
        complexity,
        args,
        resolve: (_root, given, context) => cancelMatchingJobs(context, given),
      }),

      deleteMatchingJobs: t.field({
        type: progress,
        description: `Deletes your jobs that match, newest first, as \`deleteJobs\` does; those that are neither finished nor paused count as \`failed\`. ${bounds}`,
        complexity,
        args,
        resolve: (_root, given, context) => deleteMatchingJobs(context, given),
      }),
    };
  });
}
