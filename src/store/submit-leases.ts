import type { Database } from "./database.ts";
import { oldestJobs } from "./job-rows.ts";
import type { Jobs } from "./job-store.ts";

/**
 * Twice the longest submit lease there can be: one that ends later was taken before the database's clock was set back,
 * and would keep its row open for as long as that. Whoever is still submitting under it can't send any more, and gets the
 * time to write down the outcome that everybody gets.
 */
const MAX_LEASE_MS = 720_000;

/** In the place of a time: the submit was given up for good. */
const ABANDONED = 0;

/** For how long a SUBMITTING row is its gateway's alone. */
export function createSubmitLeases(
  database: Database,
): Pick<Jobs, "extendSubmit" | "listAbandonedSubmits"> {
  const { nowMs, queries } = database;

  return {
    async extendSubmit(id, leaseMs) {
      const row = await queries
        .updateTable("jobs")
        .set((eb) => ({ submit_until: eb(nowMs, "+", leaseMs) }))
        .where("id", "=", id)
        .where("status", "=", "SUBMITTING")
        .where("submit_until", "!=", ABANDONED)
        .returning("id")
        .executeTakeFirst();
      return row !== undefined;
    },

    /**
     * Marks what it lists in the same statement: otherwise a lease could be extended, and the POST leave, before the row
     * is settled.
     */
    async listAbandonedSubmits(limit) {
      const rows = await queries
        .with("abandoned", () =>
          oldestJobs(database, limit, (eb) =>
            eb.and([
              eb("status", "=", "SUBMITTING"),
              eb.or([
                eb("submit_until", "<=", nowMs),
                eb("submit_until", ">", eb(nowMs, "+", MAX_LEASE_MS)),
              ]),
            ]),
          ),
        )
        .updateTable("jobs")
        .set({ submit_until: ABANDONED })
        .where("id", "in", (eb) => eb.selectFrom("abandoned").select("abandoned.id"))
        .returning("id")
        .execute();
      return rows.map((row) => row.id);
    },
  };
}
