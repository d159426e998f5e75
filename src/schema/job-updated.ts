import type { Job } from "../job/job.ts";
import { JobNotFoundError } from "../job/job-not-found-error.ts";
import { isIdentifier } from "../job/identifier.ts";
import type { Builder } from "./builder.ts";
import { notFound } from "./coded-errors.ts";

export function addJobUpdated(builder: Builder): void {
  builder.subscriptionField("jobUpdated", (t) =>
    t.field({
      type: "Job",
      description:
        "First the job as it is now, then its newest state after each change; ends after the final one. States may be skipped, the last never; `version` always grows. An unknown id is a NOT_FOUND error.",
      args: {
        id: t.arg.id({ required: true, description: "The job's `id`, which starts with `job_`." }),
      },
      subscribe: async (_root, { id }, { watchJob }) => {
        if (!isIdentifier(id)) throw notFound(new JobNotFoundError(id));
        return await startEvents(watchJob(id));
      },
      resolve: (event, _arguments, { loaders }) => {
        if (event instanceof Error) throw event;
        // The context lives as long as the stream: what it has read for the last event is old now.
        loaders.clear();
        return event;
      },
    }),
  );
}

/**
 * Waits for the first state, so that an unknown job is an answer to the subscription itself. An error after that is the
 * last event: were it thrown between two events, the whole socket would close with it.
 */
async function startEvents(
  jobs: AsyncIterableIterator<Job>,
): Promise<AsyncIterableIterator<Job | Error>> {
  let first: Promise<IteratorResult<Job>> | null = jobs.next();
  try {
    await first;
  } catch (error) {
    throw toClientError(error);
  }
  const events: AsyncIterableIterator<Job | Error> = {
    async next() {
      const event = first ?? jobs.next();
      first = null;
      try {
        return await event;
      } catch (error) {
        return { value: toClientError(error), done: false };
      }
    },
    async return() {
      return (await jobs.return?.()) ?? { value: undefined, done: true };
    },
    [Symbol.asyncIterator]: () => events,
  };
  return events;
}

function toClientError(error: unknown): Error {
  if (error instanceof JobNotFoundError) return notFound(error);
  return error instanceof Error ? error : new Error("a job could not be watched", { cause: error });
}
