import { Repeater } from "graphql-yoga";

import type { Job } from "../job/job.ts";
import { isFinished } from "../job/job.ts";
import { JobNotFoundError } from "../job/job-not-found-error.ts";
import type { Feed } from "../store/job-store.ts";
import type { ReadJob } from "./create-job-reader.ts";
import { openMailbox } from "./mailbox.ts";

/**
 * The job as it is now, then its newest state after each change, versions strictly increasing, and the end after a final
 * one. Fails with a `JobNotFoundError` when there is no such job, none any more, or it is not this owner's.
 *
 * It listens before it reads, and a wake-up only says "look again": nothing falls between the first state and the first
 * change, and a slow reader skips states but never the last one, without a queue. A reading that fails once the stream
 * has begun is made good by the next wake-up. It starts with the first `next()`; `return()` frees the listener at once.
 */
export function watchJob(options: {
  readonly feed: Pick<Feed, "subscribeToJob">;
  readonly jobId: string;
  /** Anybody's where it is not given. */
  readonly ownerId?: string | undefined;
  readonly readJob: ReadJob;
}): Repeater<Job> {
  const { feed, jobId, ownerId, readJob } = options;
  return new Repeater<Job>(async (push, stop) => {
    const subscribe = (wake: () => void) => feed.subscribeToJob(jobId, wake);
    const mailbox = openMailbox({ subscribe });
    const isLeft = stop.then(mailbox.close);
    try {
      let version = 0;
      while (await mailbox.isWoken()) {
        const job = await readJob(jobId, ownerId).catch((error: unknown) => {
          // A database that is away for a moment must not end a stream that has begun; the next reading heals it.
          if (version === 0) throw error;
          return undefined;
        });
        if (job === undefined) continue;
        if (job === null) throw new JobNotFoundError(jobId);
        if (job.version <= version) continue;
        version = job.version;
        const isAskedForMore = push(job);
        if (isFinished(job)) return;
        await isAskedForMore;
      }
    } finally {
      stop();
      await isLeft;
    }
  });
}
