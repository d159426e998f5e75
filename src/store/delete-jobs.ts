import { type Kysely, type RawBuilder, sql } from "kysely";

import { IdempotencyConflictError } from "../job/errors.ts";
import { isFinal, JOB_STATUSES } from "../job/job.ts";
import type { Database } from "./database.ts";
import { ACCEPTED_STATUSES, isAnothers } from "./job-rows.ts";
import { ageOf } from "./list-jobs.ts";
import type { Tables } from "./tables.ts";

const FINAL_STATUSES = JOB_STATUSES.filter(isFinal);

/** Counted from the deletion, so that no gateway's clock can shorten it. */
const KEY_OUTLIVES_JOB_MS = 24 * 60 * 60_000;

/** By the database's clock. */
type Ages = { readonly finishedForMs: number; readonly createdForMs: number };

export function createDeletions(database: Database, announce: (id: string) => void) {
  const { skipLocked, nowMs, queries, write } = database;
  return {
    /** Removes a finished or paused job; its key stays taken for 24 h. False when there is no such job of this id. */
    async delete(id: string): Promise<boolean> {
      await queries.deleteFrom("spent_keys").where("until", "<=", nowMs).execute();
      const isDeleted = await write(async (transaction) => {
        const row = await transaction
          .deleteFrom("jobs")
          .where("id", "=", id)
          .where((eb) =>
            eb.or([
              eb("status", "in", FINAL_STATUSES),
              eb.and([
                eb("status", "in", ACCEPTED_STATUSES),
                eb.or([eb("away_since", "is not", null), isAnothers(eb, database)]),
              ]),
            ]),
          )
          .returning(["owner_id", "idempotency_key as key"])
          .executeTakeFirst();
        if (row === undefined || row.key === null) return row !== undefined;
        const { owner_id, key } = row;
        await transaction
          .insertInto("spent_keys")
          .values((eb) => ({
            owner_id,
            key,
            job_id: id,
            until: eb(nowMs, "+", KEY_OUTLIVES_JOB_MS),
          }))
          .onConflict((conflict) =>
            conflict
              .columns(["owner_id", "key"])
              .doUpdateSet({ job_id: sql`excluded.job_id`, until: sql`excluded.until` }),
          )
          .execute();
        return true;
      });
      if (isDeleted) announce(id);
      return isDeleted;
    },

    /** Removes at most `limit` jobs that finished and were created that long ago, with their keys; returns how many. */
    async deleteOld({ finishedForMs, createdForMs }: Ages, limit: number): Promise<number> {
      // Nobody is woken: watchers have heard the end, and the feed tells of no deletion.
      let deleted = 0;
      const age = ageOf({ statuses: FINAL_STATUSES });
      // One status after the other, each along its index.
      for (const status of FINAL_STATUSES) {
        // In an `in`, Postgres may run the query again for each row, and take more than the limit.
        const rows = await queries
          .with("old", (db) =>
            db
              .selectFrom("jobs")
              .select("id")
              .where("status", "=", status)
              .where((eb) => eb(age, "<", eb(nowMs, "-", createdForMs)))
              .where((eb) => eb("finished_at", "<", eb(nowMs, "-", finishedForMs)))
              .orderBy(age)
              .orderBy("id")
              .limit(limit - deleted)
              // Several gateways that do this at once take different ones.
              .modifyEnd(skipLocked),
          )
          .deleteFrom("jobs")
          .where("id", "in", (eb) => eb.selectFrom("old").select("old.id"))
          .returning("id")
          .execute();
        deleted += rows.length;
        if (deleted >= limit) break;
      }
      return deleted;
    },
  };
}

/** Rejects with an `IdempotencyConflictError` when the key belongs to a deleted job. */
export async function refuseSpentKey(
  queries: Kysely<Tables>,
  nowMs: RawBuilder<number>,
  ownerId: string,
  key: string,
): Promise<void> {
  const row = await queries
    .selectFrom("spent_keys")
    .select("job_id")
    .where("owner_id", "=", ownerId)
    .where("key", "=", key)
    .where("until", ">", nowMs)
    .executeTakeFirst();
  if (row !== undefined) throw new IdempotencyConflictError(row.job_id, "deleted");
}
