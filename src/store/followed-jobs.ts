import { sql } from "kysely";

import type { Database } from "./database.ts";
import { ACCEPTED_STATUSES, isAnothers } from "./job-rows.ts";
import type { Jobs } from "./job-store.ts";

/** A poll that is overdue for so long is nobody's. */
const LEFT_MS = 15_000;

/** Which jobs are this gateway's upstream's, and which of them it follows. */
export function createFollowedJobs(
  database: Database,
): Pick<Jobs, "listOverdue" | "takeBack" | "countOthers" | "noteLeft" | "holdsOthers"> {
  const { isShared, nowMs, pollMs, queries, upstream } = database;
  // On SQLite there is no other gateway that could follow them.
  const isLeft = isShared
    ? sql<boolean>`exists (select 1 from polls
        where job_id = jobs.id and due_at < ${pollMs} - ${sql.lit(LEFT_MS)})`
    : sql<boolean>`1 = 1`;

  return {
    async listOverdue(before, limit) {
      const age = sql<number>`created_at + 0`;
      const rows = await queries
        .selectFrom("jobs")
        .select("id")
        .where("status", "in", ACCEPTED_STATUSES)
        .where(age, "<", before.getTime())
        .where((eb) => eb(eb("created_at", "+", eb.ref("away_ms")), "<", before.getTime()))
        // Of a job from before upstreams were stored nobody knows whether it is overdue.
        .where("upstream", "=", upstream)
        .where("away_since", "is", null)
        .orderBy(age)
        .limit(limit)
        .execute();
      return rows.map(({ id }) => id);
    },

    async takeBack() {
      await queries
        .updateTable("jobs")
        .set((eb) => ({
          away_ms: eb("away_ms", "+", sql<number>`${nowMs} - away_since`),
          away_since: null,
          version: eb("version", "+", 1),
          updated_at: nowMs,
        }))
        .where("status", "in", ACCEPTED_STATUSES)
        .where("away_since", "is not", null)
        .where("upstream", "=", upstream)
        .execute();
    },

    async countOthers() {
      return await queries
        .selectFrom("jobs")
        .select("upstream")
        .select((eb) => eb.fn.countAll<number>().as("count"))
        .where("status", "in", ACCEPTED_STATUSES)
        .where((eb) => isAnothers(eb, database))
        .groupBy("upstream")
        .orderBy("upstream")
        .$narrowType<{ upstream: string }>()
        .execute();
    },

    async noteLeft() {
      await queries
        .updateTable("jobs")
        .set((eb) => ({
          away_since: nowMs,
          queue_position: null,
          version: eb("version", "+", 1),
          updated_at: nowMs,
        }))
        .where("status", "in", ACCEPTED_STATUSES)
        .where("away_since", "is", null)
        .where((eb) => isAnothers(eb, database))
        .where(isLeft)
        .execute();
    },

    async holdsOthers() {
      const row = await queries
        .selectFrom("jobs")
        .select("id")
        .where((eb) => eb.or([eb("upstream", "is", null), eb("upstream", "!=", upstream)]))
        .limit(1)
        .executeTakeFirst();
      return row !== undefined;
    },
  };
}
