import type { FeedPage, JobStore } from "../../src/store/job-store.ts";

/** What changed between a cursor and now. */
export async function readFeed(
  store: Pick<JobStore, "readFeed" | "readFeedHead">,
  cursor: string,
  limit: number,
  ownerId?: string,
): Promise<FeedPage | null> {
  return await store.readFeed(cursor, { until: await store.readFeedHead(), limit, ownerId });
}
