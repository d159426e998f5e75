import { clock } from "../../runtime/environment.ts";
import type { Job, JobChangeReason } from "../job/job.ts";
import { Stream } from "../../runtime/stream.ts";
import type { Feed } from "../store/job-store.ts";
import { type JobFilter, matches } from "../store/list-jobs.ts";
import type { FeedReader } from "./shared-readers.ts";

/** A job as it is after a change, or the news that changes may have been missed. */
export type JobChange = {
  /** The position in the feed after this. */
  readonly cursor: string;
  /** Null where changes may have been missed. */
  readonly job: Job | null;
  /** Null if there is no job. */
  readonly reason: JobChangeReason | null;
};

/** Which changes to deliver, and after which cursor; null for from now on. */
export type JobsWatch = {
  readonly filter: JobFilter;
  readonly after: string | null;
  /** Whether the job that changed still exists. */
  readonly isThere?: (job: Job) => Promise<boolean>;
};

type Page = {
  readonly changes: readonly JobChange[];
  /** The position in the feed after it. */
  readonly cursor: string;
  readonly isLast: boolean;
};

export type WatchJobs = ReturnType<typeof createFeedWatch>;

/** Watches the feed, one reader for all. */
export function createFeedWatch(options: {
  readonly subscribe: Feed["subscribe"];
  readonly feed: FeedReader;
  /** At least this long passes between two polls. */
  readonly restMs?: number;
}) {
  const { subscribe, feed, restMs = 200 } = options;

  async function readAfter(after: string, ownerId: string | undefined): Promise<Page> {
    const found = await feed.readPage(after, ownerId);
    if (found !== null) return found;
    const cursor = await feed.readHead();
    return { changes: [{ cursor, job: null, reason: null }], cursor, isLast: true };
  }

  /**
   * Every matching job that changes after a cursor, in its newest state, without an end. Rejects with a `BadCursorError`
   * when `after` is no cursor; one that can't be served any more begins with a reset.
   *
   * It holds one page and no queue: it reads on from where the reader is, so changes merge while the reader is slow, and a
   * read that fails costs time but no change. It listens from the first `next()` on, and before it reads.
   */
  return async (watch: JobsWatch): Promise<Stream<JobChange>> => {
    const { filter, after, isThere = async () => true } = watch;
    // Read here, so that a bad cursor is an answer to the subscription itself.
    let page =
      after === null ? toEmpty(await feed.readHead()) : await readAfter(after, filter.ownerId);
    // What was read before anybody listened may be out of date by now.
    let isWoken = true;
    let stopRest: (() => void) | undefined;
    let goOn = (): void => undefined;
    let unsubscribe: (() => void) | undefined;

    const followed = follow();
    const changes = new Stream<JobChange>(
      () => followed.next(),
      () => {
        unsubscribe?.();
        stopRest?.();
        goOn();
      },
    );
    return changes;

    async function* follow(): AsyncGenerator<JobChange, undefined> {
      unsubscribe = subscribe(filter.ownerId, () => {
        isWoken = true;
        goOn();
      });
      while (!changes.isOver) {
        // The page's own objects, for all who read it: what is made of one can be shared.
        for (const change of page.changes)
          if (change.job === null || (matches(change.job, filter) && (await isThere(change.job))))
            yield change;
        if (page.isLast) await untilWoken();
        const { cursor } = page;
        // While the database is unreachable, the next poll makes up for it.
        if (!changes.isOver)
          page = await readAfter(cursor, filter.ownerId).catch(() => toEmpty(cursor));
      }
    }

    async function untilWoken(): Promise<void> {
      const mustWait = () => !changes.isOver && (!isWoken || stopRest !== undefined);
      while (mustWait()) await new Promise<void>((resolve) => (goOn = resolve));
      if (changes.isOver) return;
      isWoken = false;
      stopRest = clock.setTimer(() => {
        stopRest = undefined;
        goOn();
      }, restMs);
    }
  };
}

function toEmpty(cursor: string): Page {
  return { changes: [], cursor, isLast: true };
}
