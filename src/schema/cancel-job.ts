import { JobNotCancellableError } from "../job/job-not-cancellable-error.ts";
import { JobNotFoundError } from "../job/job-not-found-error.ts";
import { UpstreamError } from "../job/upstream-error.ts";
import { isIdentifier } from "../job/identifier.ts";
import type { Builder } from "./builder.ts";

export function addCancelJob(builder: Builder): void {
  builder.mutationField("cancelJob", (t) =>
    t.field({
      type: "Job",
      scope: "jobs:cancel",
      description:
        "Cancels a job of yours that has not started yet, and answers once that is certain: a few seconds at most.",
      args: {
        id: t.arg.id({ required: true, description: "The job's `id`, which starts with `job_`." }),
      },
      errors: {
        types: [JobNotFoundError, JobNotCancellableError, UpstreamError],
        union: {
          name: "CancelJobResult",
          description: "The cancelled job, or why it is not cancelled.",
        },
        result: { name: "CancelJobSuccess", description: "The job will not be run." },
        dataField: { name: "job", description: "The job as it is now; its `status` is CANCELLED." },
      },
      resolve: async (_root, { id }, { viewer, tracking, loaders }) => {
        if (!isIdentifier(id)) throw new JobNotFoundError(id);
        const job = await tracking.cancelJob(id, viewer.ownerId);
        loaders.clear();
        return job;
      },
    }),
  );
}
