import type { Job } from "../job/job.ts";
import { JobNotFoundError } from "../job/job-not-found-error.ts";
import { isIdentifier } from "../job/identifier.ts";
import type { Builder } from "./builder.ts";
import { notFound } from "./coded-errors.ts";
import { endWithError } from "./end-with-error.ts";
import type { Loaders } from "./loaders.ts";
import { readableOwner } from "./scope.ts";

export function addJobUpdated(builder: Builder): void {
  builder.subscriptionField("jobUpdated", (t) =>
    t.field({
      type: "Job",
      scope: "jobs:read",
      description:
        "First the job as it is now, then its newest state after each change; ends after the final one. States may be skipped, the last never; `version` always grows. An unknown id is a NOT_FOUND error.",
      args: {
        id: t.arg.id({ required: true, description: "The job's `id`, which starts with `job_`." }),
      },
      subscribe: async (_root, { id }, { viewer, watchJob, loaders }) => {
        if (!isIdentifier(id)) throw notFound(new JobNotFoundError(id));
        return await startEvents(watchJob(id, readableOwner(viewer)), loaders);
      },
      resolve: (event) => {
        if (event instanceof Error) throw event;
        return event;
      },
    }),
  );
}

/** Waits for the first state, so that an unknown job is an answer to the subscription itself. */
async function startEvents(
  jobs: AsyncIterableIterator<Job>,
  loaders: Loaders,
): Promise<AsyncIterableIterator<Job | Error>> {
  try {
    return endWithError(jobs, { forget: loaders.startAnew, first: await jobs.next(), translate });
  } catch (error) {
    throw translate(error);
  }
}

function translate(error: unknown): unknown {
  return error instanceof JobNotFoundError ? notFound(error) : error;
}
