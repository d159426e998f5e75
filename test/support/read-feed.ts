import type { FeedPage } from "../../src/engine/store/feed.ts";
import type { JobStore } from "../../src/engine/store/job-store.ts";

/** What changed between a cursor and now. */
export async function readFeed(
  { feed }: Pick<JobStore, "feed">,
  cursor: string,
  limit: number,
  ownerId?: string,
): Promise<FeedPage | null> {
  return await feed.read(cursor, { until: await feed.readHead(), limit, ownerId });
}
