import type { Repeater } from "graphql-yoga";

import { JobNotFoundError } from "../job/errors.ts";
import type { Job } from "../job/job.ts";
import { isFinished } from "../job/job.ts";
import type { Feed } from "../store/job-store.ts";
import { createWatch } from "./create-watch.ts";
import type { ReadJob } from "./shared-readers.ts";

/**
 * The job as it is now, then its newest state after each change: versions strictly increase, and the stream ends after a
 * final one. A slow reader skips states, but never the last. Fails with a `JobNotFoundError` when there is no such job,
 * no longer, or it is not this owner's.
 */
export function watchJob(options: {
  readonly feed: Pick<Feed, "subscribeToJob">;
  readonly jobId: string;
  /** Anybody's job where it is not given. */
  readonly ownerId?: string | undefined;
  readonly readJob: ReadJob;
}): Repeater<Job> {
  const { feed, jobId, ownerId, readJob } = options;
  let version = 0;
  return createWatch<Job>({
    subscribe: (wake) => feed.subscribeToJob(jobId, wake),
    async look(push) {
      const job = await readJob(jobId, ownerId).catch((error: unknown) => {
        // A database that is away for a moment must not end a stream that has begun; the next look makes up for it.
        if (version === 0) throw error;
        return undefined;
      });
      if (job === null) throw new JobNotFoundError(jobId);
      if (job === undefined || job.version <= version) return true;
      version = job.version;
      const isAskedForMore = push(job);
      if (isFinished(job)) return false;
      await isAskedForMore;
      return true;
    },
  });
}
