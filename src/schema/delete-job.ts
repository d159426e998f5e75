import { isIdentifier } from "../job/identifier.ts";
import { JobNotFinishedError } from "../job/job-not-finished-error.ts";
import { JobNotFoundError } from "../job/job-not-found-error.ts";
import type { Builder } from "./builder.ts";

export function addDeleteJob(builder: Builder): void {
  builder.mutationField("deleteJob", (t) =>
    t.field({
      type: "ID",
      scope: "jobs:cancel",
      description:
        "Deletes a finished job of yours from the gateway, with its history, input and output. The upstream hears nothing of it, and its idempotency key stays spent for another day.",
      args: {
        id: t.arg.id({ required: true, description: "The job's `id`, which starts with `job_`." }),
      },
      errors: {
        types: [JobNotFoundError, JobNotFinishedError],
        union: {
          name: "DeleteJobResult",
          description: "What was deleted, or why nothing was.",
        },
        result: { name: "DeleteJobSuccess", description: "The job is gone." },
        dataField: { name: "deletedJobId", description: "The `id` that names no job any more." },
      },
      resolve: async (_root, { id }, { viewer, tracking, loaders }) => {
        if (!isIdentifier(id)) throw new JobNotFoundError(id);
        await tracking.deleteJob(id, viewer.ownerId);
        loaders.clear();
        return id;
      },
    }),
  );
}
