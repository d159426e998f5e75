import type { Database } from "./database.ts";
import { FOLLOWED_STATUSES, isAnothers } from "./job-rows.ts";
import type { Jobs } from "./job-store.ts";

/** Which accepted, unfinished jobs this gateway's upstream follows, and which it does not. */
export function createFollowedJobs(database: Database): Pick<Jobs, "listOverdue" | "leaveOthers"> {
  const { nowMs, queries, upstream } = database;

  return {
    async listOverdue(before, limit) {
      const rows = await queries
        .selectFrom("jobs")
        .select("id")
        .where("status", "in", FOLLOWED_STATUSES)
        .where((eb) => eb(eb("created_at", "+", eb.lit(0)), "<", before.getTime()))
        .where((eb) => eb(eb("created_at", "+", eb.ref("away_ms")), "<", before.getTime()))
        // Of a job from before upstreams were stored nobody knows whether it is overdue.
        .where("upstream", "=", upstream)
        .where("away_since", "is", null)
        .orderBy("created_at")
        .limit(limit)
        .execute();
      return rows.map(({ id }) => id);
    },

    async leaveOthers() {
      await queries
        .updateTable("jobs")
        .set({ away_since: nowMs })
        .where("status", "in", FOLLOWED_STATUSES)
        .where("away_since", "is", null)
        .where((eb) => isAnothers(eb, database))
        .execute();
      const rows = await queries
        .selectFrom("jobs")
        .select(["upstream", (eb) => eb.fn.countAll<number>().as("count")])
        .where("status", "in", FOLLOWED_STATUSES)
        .where((eb) => isAnothers(eb, database))
        .groupBy("upstream")
        .orderBy("upstream")
        .execute();
      return rows.flatMap(({ upstream: of, count }) =>
        of === null ? [] : { upstream: of, count },
      );
    },
  };
}
