import { Repeater } from "graphql-yoga";

import type { Job } from "../job/job.ts";
import type { Feed, FeedPage, JobFilter } from "../store/job-store.ts";
import type { FeedReader } from "./create-feed-reader.ts";
import { openMailbox } from "./mailbox.ts";

/** A job as it is after a change; or the news that changes may have been missed. */
export type JobChange = {
  /** The place in the feed behind this. */
  readonly cursor: string;
  /** Null exactly when `reset`. */
  readonly job: Job | null;
  readonly reset: boolean;
};

/** What to tell of the feed, and from which place on; null for from now on. */
export type JobsWatch = { readonly filter: JobFilter; readonly after: string | null };

/**
 * Every job that changes from a place on and matches, in its newest state, without an end. Rejects with a
 * `BadCursorError` when `after` is no place; one that can't be served any more is told as a reset.
 *
 * It holds one page and no queue: what changes while the reader is slow is merged by reading anew from where it is. As
 * with one job a wake-up only says "look again", so that a reading that failed costs time and no change. It listens from
 * the first `next()` on; `return()` frees the listener and the timer at once.
 */
export async function watchJobs(
  options: JobsWatch & {
    readonly subscribe: Feed["subscribe"];
    readonly feed: FeedReader;
    /** At least so much time lies between two looks for news. */
    readonly restMs?: number;
  },
): Promise<Repeater<JobChange>> {
  const { feed, filter, after, restMs = 200 } = options;
  let cursor = after ?? (await feed.readHead());
  // Read here, so that a cursor that is none is an answer to the subscription itself.
  let ahead = after === null ? undefined : await feed.readPage(after, filter.ownerId);

  return new Repeater<JobChange>(async (push, stop) => {
    const subscribe = (wake: () => void) => options.subscribe(filter.ownerId, wake);
    const mailbox = openMailbox({ subscribe, restMs });
    const isLeft = stop.then(mailbox.close);
    try {
      while (await mailbox.isWoken()) {
        let isBehind = true;
        while (isBehind && !mailbox.isClosed()) isBehind = await tellPage(push);
      }
    } finally {
      stop();
      await isLeft;
    }
  });

  /** Tells what the next page holds; resolves with whether there is more to tell at once. */
  async function tellPage(push: (change: JobChange) => Promise<unknown>): Promise<boolean> {
    const wasAhead = ahead !== undefined;
    const page = await readOn();
    if (page === undefined) return false;
    if (page === null) return await tellReset(push);
    for (const change of page.changes) {
      if (matches(change.job, filter)) await push({ ...change, reset: false });
    }
    cursor = page.cursor;
    // A page that was read before anybody listened may be old news by now.
    return wasAhead || !page.isLast;
  }

  async function tellReset(push: (change: JobChange) => Promise<unknown>): Promise<boolean> {
    const head = await feed.readHead().catch(() => undefined);
    if (head === undefined) return false;
    cursor = head;
    await push({ cursor, job: null, reset: true });
    return true;
  }

  /** The next page, or null for a reset; undefined when the database is away, which the next look heals. */
  async function readOn(): Promise<FeedPage | null | undefined> {
    const page = ahead;
    ahead = undefined;
    if (page !== undefined) return page;
    return await feed.readPage(cursor, filter.ownerId).catch(() => undefined);
  }
}

/** All of a filter but its owner, whose changes alone are read. */
function matches(job: Job, filter: JobFilter): boolean {
  const { statuses, deploymentId, createdAfter, createdBefore } = filter;
  if (statuses !== undefined && !statuses.includes(job.status)) return false;
  if (deploymentId !== undefined && job.deploymentId !== deploymentId) return false;
  if (createdAfter !== undefined && job.createdAt <= createdAfter) return false;
  return createdBefore === undefined || job.createdAt < createdBefore;
}
