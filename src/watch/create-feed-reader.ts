import { setImmediate } from "node:timers/promises";

import type { BaseLogger } from "pino";

import { BadCursorError } from "../job/errors.ts";
import { notifyOfFirst } from "../runtime/loop.ts";
import type { FeedPage } from "../store/feed.ts";
import type { Feed } from "../store/job-store.ts";
import type { Queue } from "../runtime/queue.ts";

/** Reads the feed of changes; all who ask for the same at the same time share one read. */
export type FeedReader = {
  /** The cursor after everything that has changed by now. */
  readHead(): Promise<string>;
  /** The changes after a cursor, of one owner's jobs or of all, as `Feed.read` gives them; at most 200. */
  readPage(cursor: string, ownerId?: string): Promise<FeedPage | null>;
};

const CHANGES_PER_PAGE = 200;

/** Its reads reject while the database does not answer. */
export function createFeedReader(options: {
  readonly feed: Pick<Feed, "read" | "readHead">;
  readonly queue: Queue;
  readonly log: Pick<BaseLogger, "warn">;
}): FeedReader {
  const { feed, queue, log } = options;
  const attempt = notifyOfFirst(
    (err) => log.warn({ err }, UNREAD),
    (error) => error instanceof BadCursorError,
  );
  const readHead = shareReads(() => attempt(() => feed.readHead()));
  /** Those under way. */
  const pages = new Map<string, Promise<FeedPage | null>>();

  return {
    readHead,

    async readPage(cursor, ownerId) {
      // All who ask in one turn read up to one cursor, so that from then on they are at the same one.
      const until = await readHead();
      const key = JSON.stringify([ownerId ?? null, cursor, until]);
      const read = () => feed.read(cursor, { until, limit: CHANGES_PER_PAGE, ownerId });
      const page = pages.get(key) ?? attempt(() => queue.run(ownerId ?? EVERYBODY, read));
      pages.set(key, page);
      try {
        return await page;
      } finally {
        pages.delete(key);
      }
    },
  };
}

const UNREAD =
  "The changes of jobs can't be read. The gateway tries again. Check that the database runs.";

/** Who waits where changes of all owners are read; no owner's id is empty. */
const EVERYBODY = "";

/**
 * All who ask in one turn of the event loop share a read. Whoever asks while it is under way shares the one after it: a
 * read that has begun may miss the very change that its asker was woken for.
 */
function shareReads<Value>(read: () => Promise<Value>): () => Promise<Value> {
  let last: Promise<unknown> = Promise.resolve();
  /** The read that has not begun; null where nobody waits for one. */
  let next: Promise<Value> | null = null;

  async function readAfter(before: Promise<unknown>): Promise<Value> {
    await Promise.allSettled([before, setImmediate()]);
    next = null;
    return await read();
  }

  return () => {
    next ??= readAfter(last);
    last = next;
    return next;
  };
}
