import { clock } from "../../runtime/environment.ts";
import type { Job, JobChangeReason } from "../job/job.ts";
import { OVER, Stream } from "../../runtime/stream.ts";
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

/** Watches the feed, one reader for all. */
export class FeedWatch {
  readonly #given: FeedOptions;

  constructor(options: FeedOptions) {
    this.#given = options;
  }

  /** Rejects with a `BadCursorError`. */
  watchJobs(watch: JobsWatch): Promise<Stream<JobChange>> {
    return watchJobs({ ...watch, ...this.#given });
  }
}

type FeedOptions = {
  readonly subscribe: Feed["subscribe"];
  readonly feed: FeedReader;
  /** At least this long passes between two polls. */
  readonly restMs?: number;
};

/**
 * Every matching job that changes after a cursor, in its newest state, without an end. Rejects with a `BadCursorError`
 * when `after` is no cursor; one that can't be served any more begins with a reset.
 *
 * It holds one page and no queue: it reads on from where the reader is, so changes merge while the reader is slow, and a
 * read that fails costs time but no change. It listens from the first `next()` on, and before it reads.
 */
export async function watchJobs(options: JobsWatch & FeedOptions): Promise<Stream<JobChange>> {
  const { feed, filter, after, isThere = async () => true, restMs = 200 } = options;
  let cursor = after ?? (await feed.readHead());
  // Read here, so that a bad cursor is an answer to the subscription itself.
  let ahead = after === null ? undefined : await feed.readPage(after, filter.ownerId);
  let page: Iterator<JobChange> = [].values();
  let hasMore = false;
  let isWoken = true;
  let stopRest: (() => void) | undefined;
  let goOn = (): void => undefined;
  let unsubscribe: (() => void) | null = null;

  const changes = new Stream(findNext, () => {
    unsubscribe?.();
    stopRest?.();
    goOn();
  });
  return changes;

  async function findNext(): Promise<IteratorResult<JobChange, undefined>> {
    unsubscribe ??= options.subscribe(filter.ownerId, () => {
      isWoken = true;
      goOn();
    });
    while (!changes.isOver) {
      const { value } = page.next();
      if (value === undefined) hasMore = hasMore ? await readOn() : await untilWoken();
      else if (value.job === null || (await isThere(value.job))) return { value, done: false };
    }
    return OVER;
  }

  /** Resolves with whether there may be more to read: the stream may be over. */
  async function untilWoken(): Promise<boolean> {
    while (mustWait()) await new Promise<void>((resolve) => (goOn = resolve));
    if (changes.isOver) return false;
    isWoken = false;
    stopRest = clock.setTimer(() => {
      stopRest = undefined;
      goOn();
    }, restMs);
    return true;
  }

  function mustWait(): boolean {
    return !changes.isOver && (!isWoken || stopRest !== undefined);
  }

  /** Reads the next page; resolves with whether there is more to read at once. */
  async function readOn(): Promise<boolean> {
    const wasAhead = ahead !== undefined;
    try {
      const found = ahead === undefined ? await feed.readPage(cursor, filter.ownerId) : ahead;
      ahead = undefined;
      cursor = found?.cursor ?? (await feed.readHead());
      // The page's own objects, for all who read it: what is made of one can be shared.
      const all: readonly JobChange[] = found?.changes ?? [{ cursor, job: null, reason: null }];
      // Only that owner's changes were read.
      page = all.values().filter(({ job }) => job === null || matches(job, filter));
      // A page that was read before anybody listened may be out of date by now.
      return wasAhead || found?.isLast !== true;
    } catch {
      return false; // While the database is unreachable, the next poll makes up for it.
    }
  }
}
