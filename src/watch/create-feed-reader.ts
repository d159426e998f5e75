import type { BaseLogger } from "pino";

import { BadCursorError } from "../job/bad-cursor-error.ts";
import type { FeedPage, JobStore } from "../store/job-store.ts";

/** Reads the feed of changes; whoever asks for the same at the same time shares one read. */
export type FeedReader = {
  /** The place behind everything that has changed by now. */
  readHead(): Promise<string>;
  /** What changed after a place, of one owner's jobs or of all, as `JobStore.readFeed` gives it; at most 200 changes. */
  readPage(cursor: string, ownerId?: string): Promise<FeedPage | null>;
};

const CHANGES_PER_PAGE = 200;

/** Its reads reject when the database does not answer, which the log says once until it does again. */
export function createFeedReader(
  store: Pick<JobStore, "readFeed" | "readFeedHead" | "toFeedPlace">,
  log: Pick<BaseLogger, "warn">,
): FeedReader {
  let hasFailed = false;

  async function attempt<Value>(read: () => Promise<Value>): Promise<Value> {
    try {
      const value = await read();
      hasFailed = false;
      return value;
    } catch (error) {
      if (error instanceof BadCursorError) throw error;
      if (!hasFailed) {
        log.warn(
          { err: error },
          "The changes of jobs can't be read; they are read again. Check that the database runs.",
        );
      }
      hasFailed = true;
      throw error;
    }
  }

  const readHead = shareReads<string>();
  const readPage = shareReads<FeedPage | null>();
  return {
    readHead: () => readHead("", () => attempt(() => store.readFeedHead())),
    async readPage(cursor, ownerId) {
      // Readers who heard the same may have different cursors of one place.
      const key = JSON.stringify([ownerId ?? null, store.toFeedPlace(cursor)]);
      return await readPage(key, () =>
        attempt(() => store.readFeed(cursor, CHANGES_PER_PAGE, ownerId)),
      );
    },
  };
}

/**
 * Lets all who ask for one key in one turn of the event loop share a read, and those who ask while it is under way the
 * one that follows it: a read that has begun may miss the very change that its asker was woken for.
 */
function shareReads<Value>(): (key: string, read: () => Promise<Value>) => Promise<Value> {
  /** The read of each key that begins last; it holds none that is over. */
  const reads = new Map<string, { readonly value: Promise<Value>; hasBegun: boolean }>();

  return (key, read) => {
    const last = reads.get(key);
    if (last?.hasBegun === false) return last.value;
    const { promise, resolve, reject } = Promise.withResolvers<Value>();
    const current = { value: promise, hasBegun: false };
    reads.set(key, current);

    function begin(): void {
      current.hasBegun = true;
      read()
        .finally(() => {
          if (reads.get(key) === current) reads.delete(key);
        })
        .then(resolve, reject);
    }

    if (last === undefined) setImmediate(begin);
    else last.value.then(begin, begin);
    return promise;
  };
}
