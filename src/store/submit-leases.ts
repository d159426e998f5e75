import type { Database } from "./database.ts";
import { databaseNowMs } from "./database-clock.ts";

/**
 * Twice the longest submit lease there can be: one that ends later was taken before the database's clock was set back,
 * and would keep its row open for as long as that. Who is still submitting under it gets a whole gateway's lease to write
 * down the outcome, and can't send any more, as when a lease has run out.
 */
const LONGEST_LEASE_MS = 720_000;

/** In the place of a time: the submit was given up for good. */
const ABANDONED = 0;

/** See `Jobs.extendSubmit`. */
export async function extendSubmit(
  { kind, queries }: Database,
  id: string,
  leaseMs: number,
): Promise<boolean> {
  const row = await queries
    .updateTable("jobs")
    .set((eb) => ({ submit_until: eb(databaseNowMs(kind), "+", leaseMs) }))
    .where("id", "=", id)
    .where("status", "=", "SUBMITTING")
    .where("submit_until", "!=", ABANDONED)
    .returning("id")
    .executeTakeFirst();
  return row !== undefined;
}

/**
 * See `Jobs.listAbandonedSubmits`. It marks what it lists in the same statement: otherwise a lease could be
 * extended, and the POST leave, between this and the settling of the row. On SQLite the rows of an earlier gateway are
 * abandoned at once, since no other one can live.
 */
export async function markAbandonedSubmits(
  database: Database,
  gatewayId: string,
  limit: number,
): Promise<string[]> {
  const isShared = database.kind === "postgres";
  const nowMs = databaseNowMs(database.kind);
  const rows = await database.ownershipQueries
    .with("abandoned", (cte) =>
      cte
        .selectFrom("jobs")
        .select("id")
        .where("status", "=", "SUBMITTING")
        .where((eb) => {
          const isOver = eb.or([
            eb("submit_until", "<=", nowMs),
            eb("submit_until", ">", eb(nowMs, "+", LONGEST_LEASE_MS)),
          ]);
          return isShared ? isOver : eb.or([isOver, eb("gateway_id", "!=", gatewayId)]);
        })
        .orderBy("created_at")
        .orderBy("id")
        .limit(limit)
        .$if(isShared, (abandoned) => abandoned.forUpdate().skipLocked()),
    )
    .updateTable("jobs")
    .set({ submit_until: ABANDONED })
    .where("id", "in", (eb) => eb.selectFrom("abandoned").select("abandoned.id"))
    .returning("id")
    .execute();
  return rows.map((row) => row.id);
}

/** See `Jobs.keepLateRequestId`. */
export async function keepLateRequestId(
  { queries }: Database,
  id: string,
  requestId: string,
): Promise<void> {
  await queries
    .updateTable("jobs")
    .set({ late_request_id: requestId })
    .where("id", "=", id)
    .execute();
}
