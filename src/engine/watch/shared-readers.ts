import type { BaseLogger } from "pino";

import { clock } from "../../runtime/environment.ts";
import { BadCursorError } from "../job/errors.ts";
import type { Job } from "../job/job.ts";
import { notifyOfFirst } from "../../runtime/loop.ts";
import type { FeedPage } from "../store/feed.ts";
import type { Feed, Jobs } from "../store/job-store.ts";

export type ReadJob = (jobId: string) => Promise<Job | null>;

/** Reads jobs as they are now, for watchers of all owners together; rejects while the database does not answer. */
export function createJobReader(
  jobs: Pick<Jobs, "readMany">,
  log: Pick<BaseLogger, "warn">,
): ReadJob {
  const attempt = notifyOfFirst((err) => log.warn({ err }, UNREAD));
  let wanted = new Set<string>();
  const readWanted = shareReads(async () => {
    const ids = [...wanted];
    wanted = new Set();
    const found = await attempt(() => jobs.readMany(ids));
    return new Map(found.map((job, index) => [ids[index], job]));
  });

  return async (jobId) => {
    wanted.add(jobId);
    return (await readWanted()).get(jobId) ?? null;
  };
}

const UNREAD = "Watched jobs can't be read. The gateway tries again. Check that the database runs.";

export type FeedReader = ReturnType<typeof createFeedReader>;

const CHANGES_PER_PAGE = 200;

/**
 * Reads the feed of changes; all who ask for the same at the same time share one read. Rejects while the database does not
 * answer.
 */
export function createFeedReader(options: {
  readonly feed: Pick<Feed, "read" | "readHead">;
  readonly log: Pick<BaseLogger, "warn">;
}) {
  const { feed, log } = options;
  const attempt = notifyOfFirst(
    (err) => log.warn({ err }, UNREAD_FEED),
    (error) => error instanceof BadCursorError,
  );
  const readHead = shareReads(() => attempt(() => feed.readHead()));
  /** Those that are being read. */
  const pages = new Map<string, Promise<FeedPage | null>>();

  return {
    /** The cursor after everything that has changed by now. */
    readHead,

    /** The changes after a cursor, of one owner's jobs or of all, as `Feed.read` gives them; at most 200. */
    async readPage(cursor: string, ownerId?: string): Promise<FeedPage | null> {
      // All who ask in one turn read up to one cursor, so that from then on they are at the same one.
      const until = await readHead();
      const key = JSON.stringify([ownerId ?? null, cursor, until]);
      const read = () => feed.read(cursor, { until, limit: CHANGES_PER_PAGE, ownerId });
      const page = pages.get(key) ?? attempt(read).finally(() => pages.delete(key));
      pages.set(key, page);
      return await page;
    },
  };
}

const UNREAD_FEED =
  "The changes of jobs can't be read. The gateway tries again. Check that the database runs.";

/** All who ask in one turn of the event loop share a read, which begins after it. */
function shareReads<Value>(read: () => Promise<Value>): () => Promise<Value> {
  let next: Promise<Value> | null = null;

  async function readNext(): Promise<Value> {
    await clock.nextTurn();
    next = null;
    return await read();
  }

  return () => (next ??= readNext());
}
