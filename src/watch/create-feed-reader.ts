import type { BaseLogger } from "pino";

import { BadCursorError } from "../job/bad-cursor-error.ts";
import type { Feed, FeedPage } from "../store/job-store.ts";
import type { InTurn } from "../store/turns.ts";

/** Reads the feed of changes; whoever asks for the same at the same time shares one read. */
export type FeedReader = {
  /** The place behind everything that has changed by now. */
  readHead(): Promise<string>;
  /** What changed after a place, of one owner's jobs or of all, as `Feed.read` gives it; at most 200 changes. */
  readPage(cursor: string, ownerId?: string): Promise<FeedPage | null>;
};

const CHANGES_PER_PAGE = 200;

/** Its reads reject when the database does not answer, which the log says once until it does again. */
export function createFeedReader(options: {
  readonly feed: Pick<Feed, "read" | "readHead">;
  readonly inTurn: InTurn;
  readonly log: Pick<BaseLogger, "warn">;
}): FeedReader {
  const { feed, inTurn, log } = options;
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

  const readHead = shareReads(() => attempt(() => feed.readHead()));
  /** Those under way. */
  const pages = new Map<string, Promise<FeedPage | null>>();

  return {
    readHead,

    async readPage(cursor, ownerId) {
      // All who ask in one turn read up to one place, so that from then on they stand there together.
      const until = await readHead();
      const key = JSON.stringify([ownerId ?? null, cursor, until]);
      const current = pages.get(key);
      if (current !== undefined) return await current;
      const read = () => feed.read(cursor, { until, limit: CHANGES_PER_PAGE, ownerId });
      const page = attempt(() => inTurn(ownerId ?? EVERYBODY, read));
      pages.set(key, page);
      try {
        return await page;
      } finally {
        pages.delete(key);
      }
    },
  };
}

/** Whose turn it is where changes of all owners are read; no owner's id is empty. */
const EVERYBODY = "";

/**
 * Lets all who ask in one turn of the event loop share a read, and those who ask while it is under way the one that
 * follows it: a read that has begun may miss the very change that its asker was woken for.
 */
function shareReads<Value>(read: () => Promise<Value>): () => Promise<Value> {
  /** The one that begins last; null once it is over. */
  let last: { readonly value: Promise<Value>; hasBegun: boolean } | null = null;

  return () => {
    if (last?.hasBegun === false) return last.value;
    const { promise, resolve, reject } = Promise.withResolvers<Value>();
    const current = { value: promise, hasBegun: false };
    const before = last;
    last = current;

    function begin(): void {
      current.hasBegun = true;
      read()
        .finally(() => {
          if (last === current) last = null;
        })
        .then(resolve, reject);
    }

    if (before === null) setImmediate(begin);
    else before.value.then(begin, begin);
    return promise;
  };
}
