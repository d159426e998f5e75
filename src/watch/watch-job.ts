import { JobNotFoundError } from "../job/errors.ts";
import type { Job } from "../job/job.ts";
import { isFinished } from "../job/job.ts";
import type { Feed } from "../store/job-store.ts";
import { openMailbox } from "./create-watch.ts";
import type { ReadJob } from "./shared-readers.ts";

/**
 * The job as it is now, then its newest state after each change: versions strictly increase, and the stream ends after a
 * final one. A slow reader skips states, but never the last. Fails with a `JobNotFoundError` when there is no such job,
 * no longer, or it is not this owner's. Nothing is listened to before the first `next()`.
 */
export type WatchJob = (jobId: string, ownerId?: string) => JobWatch;

type JobWatch = AsyncIterableIterator<Job> & { return(): Promise<IteratorResult<Job>> };

type Mailbox = ReturnType<typeof openMailbox>;
type Watched = { newest: Job | null; watchers: number };

/** All who watch a job are told of the same objects, so that what is made of one can be shared. */
export function createJobWatch(options: {
  readonly feed: Pick<Feed, "subscribeToJob">;
  readonly readJob: ReadJob;
}): WatchJob {
  const { feed, readJob } = options;
  const watched = new Map<string, Watched>();

  function enter(jobId: string): Watched {
    const entered = watched.get(jobId) ?? { newest: null, watchers: 0 };
    entered.watchers += 1;
    watched.set(jobId, entered);
    return entered;
  }

  return (jobId, ownerId) => {
    let version = 0;
    let isOver = false;
    let own: { readonly shared: Watched; readonly mailbox: Mailbox } | undefined;

    function end(): void {
      if (isOver) return;
      isOver = true;
      if (own === undefined) return;
      own.mailbox.close();
      own.shared.watchers -= 1;
      if (own.shared.watchers === 0) watched.delete(jobId);
    }

    /** The job as it is now; undefined when the database is away, which the next look makes up for. */
    async function look(shared: Watched): Promise<Job | undefined> {
      const job = await readJob(jobId, ownerId).catch((error: unknown) => {
        if (version === 0) throw error;
        return undefined;
      });
      if (job === null) throw new JobNotFoundError(jobId);
      if (job === undefined) return undefined;
      if (shared.newest?.version !== job.version) shared.newest = job;
      return shared.newest;
    }

    const jobs: JobWatch = {
      async next() {
        if (isOver) return { value: undefined, done: true };
        // It listens before it reads, so that no change falls in between.
        own ??= {
          shared: enter(jobId),
          mailbox: openMailbox((wake) => feed.subscribeToJob(jobId, wake)),
        };
        try {
          while (await own.mailbox.isWoken()) {
            const job = await look(own.shared);
            if (own.mailbox.isClosed() || job === undefined || job.version <= version) continue;
            version = job.version;
            if (isFinished(job)) end();
            return { value: job, done: false };
          }
        } catch (error) {
          end();
          throw error;
        }
        return { value: undefined, done: true };
      },
      async return() {
        end();
        return { value: undefined, done: true };
      },
      [Symbol.asyncIterator]: () => jobs,
    };
    return jobs;
  };
}
