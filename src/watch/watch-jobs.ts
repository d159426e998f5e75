import type { Repeater } from "graphql-yoga";

import type { Job } from "../job/job.ts";
import type { Feed, FeedPage, JobFilter } from "../store/job-store.ts";
import type { FeedReader } from "./create-feed-reader.ts";
import { createWatch } from "./create-watch.ts";

/** A job as it is after a change, or the news that changes may have been missed. */
export type JobChange = {
  /** The position in the feed after this. */
  readonly cursor: string;
  /** Null where changes may have been missed. */
  readonly job: Job | null;
};

/** Which changes to tell, and after which cursor; null for from now on. */
export type JobsWatch = { readonly filter: JobFilter; readonly after: string | null };

/**
 * Every matching job that changes after a cursor, in its newest state, without an end. Rejects with a `BadCursorError`
 * when `after` is no cursor; one that can't be served any more begins with a reset.
 *
 * It holds one page and no queue: it reads on from where the reader is, so changes merge while the reader is slow, and a
 * read that fails costs time but no change.
 */
export async function watchJobs(
  options: JobsWatch & {
    readonly subscribe: Feed["subscribe"];
    readonly feed: FeedReader;
    /** At least this long passes between two looks. */
    readonly restMs?: number;
  },
): Promise<Repeater<JobChange>> {
  const { feed, filter, after, restMs = 200 } = options;
  let cursor = after ?? (await feed.readHead());
  // Read here, so that a bad cursor is an answer to the subscription itself.
  let ahead = after === null ? undefined : await feed.readPage(after, filter.ownerId);

  return createWatch<JobChange>({
    subscribe: (wake) => options.subscribe(filter.ownerId, wake),
    restMs,
    async look(push, isLeft) {
      while (!isLeft() && (await tellPage(push)));
    },
  });

  /** Tells what the next page holds; resolves with whether there is more to tell at once. */
  async function tellPage(push: (change: JobChange) => Promise<unknown>): Promise<boolean> {
    const wasAhead = ahead !== undefined;
    const page = await readOn();
    if (page === undefined) return false;
    if (page === null) {
      const head = await feed.readHead().catch(() => undefined);
      if (head === undefined) return false;
      cursor = head;
      await push({ cursor, job: null });
      return true;
    }
    for (const change of page.changes) {
      // The page's own objects, for all who read it: what is made of one can be shared.
      if (matches(change.job, filter)) await push(change);
    }
    cursor = page.cursor;
    // A page that was read before anybody listened may be out of date by now.
    return wasAhead || !page.isLast;
  }

  /** The next page, or null for a reset; undefined while the database is away: the next look makes up for it. */
  async function readOn(): Promise<FeedPage | null | undefined> {
    const page = ahead;
    ahead = undefined;
    return page === undefined
      ? await feed.readPage(cursor, filter.ownerId).catch(() => undefined)
      : page;
  }
}

/** Checks all of a filter but its owner: only that owner's changes were read. */
function matches(job: Job, filter: JobFilter): boolean {
  const { statuses, deploymentId, tag, createdAfter, createdBefore } = filter;
  if (statuses !== undefined && !statuses.includes(job.status)) return false;
  if (deploymentId !== undefined && job.deploymentId !== deploymentId) return false;
  if (tag !== undefined && !job.tags.includes(tag)) return false;
  if (createdAfter !== undefined && job.createdAt <= createdAfter) return false;
  return createdBefore === undefined || job.createdAt < createdBefore;
}
