import { type Kysely, type RawBuilder, sql } from "kysely";

import { IdempotencyConflictError } from "../job/errors.ts";
import { isFinal, JOB_STATUSES } from "../job/job.ts";
import { atMost, type Database } from "./database.ts";
import { deleteEnded } from "./delete-ended.ts";
import { IS_ACCEPTED, isAnothers } from "./job-rows.ts";
import { sortKeyOf } from "./list-jobs.ts";
import type { Tables } from "./tables.ts";

const FINAL_STATUSES = JOB_STATUSES.filter(isFinal);

/** Counted from the deletion, so that no gateway's clock can shorten it. */
const KEY_OUTLIVES_JOB_MS = 24 * 60 * 60_000;

/** By the database's clock. */
type Ages = { readonly finishedForMs: number; readonly sentForMs: number };

export function createDeletions(database: Database, announce: (id: string) => void) {
  const { skipLocked, nowMs, queries, write } = database;
  return {
    /** Removes a finished or paused job; its key stays taken for 24 h. False when there is no such job of this id. */
    async delete(id: string): Promise<boolean> {
      await deleteEnded(database, "spent_keys", "until");
      const isDeleted = await write(async (transaction) => {
        const { rows } = await sql<Pick<Tables["jobs"], "owner_id" | "idempotency_key">>`
          delete from jobs where id = ${id} and (
            status in (${sql.join(FINAL_STATUSES)})
            or (${IS_ACCEPTED} and (detached_since is not null or ${isAnothers(database)}))
          ) returning owner_id, idempotency_key`.execute(transaction);
        for (const { owner_id: ownerId, idempotency_key: key } of rows) {
          if (key === null) continue;
          await sql`
            insert into spent_keys (owner_id, key, job_id, until)
              values (${ownerId}, ${key}, ${id}, ${nowMs} + ${KEY_OUTLIVES_JOB_MS})
              on conflict (owner_id, key) do update
                set job_id = excluded.job_id, until = excluded.until`.execute(transaction);
        }
        return rows.length > 0;
      });
      if (isDeleted) announce(id);
      return isDeleted;
    },

    /**
     * Removes at most `limit` jobs that finished, and were sent or, where they never were, created that long ago, with their
     * keys; returns how many.
     */
    async deleteOld({ finishedForMs, sentForMs }: Ages, limit: number): Promise<number> {
      // Nobody is woken: watchers have seen the end, and the feed reports no deletion.
      let deleted = 0;
      const sortKey = sortKeyOf({ statuses: FINAL_STATUSES });
      // Selected: Postgres reads this clock for each row of an index unless it is a value that the scan begins with.
      const sentBefore = sql`(select ${nowMs} - ${sentForMs})`;
      // One status after the other, each along its index.
      for (const status of FINAL_STATUSES) {
        // In an `in`, Postgres may run the query again for each row, and take more than the limit.
        const { rows } = await sql`
          with old as (
            select id from jobs where status = ${status} and ${sortKey} < ${sentBefore}
              and coalesce(sent_at, created_at) < ${sentBefore}
              and finished_at < ${nowMs} - ${finishedForMs}
            order by ${sortKey}, id limit ${atMost(limit - deleted)} ${skipLocked}
          )
          delete from jobs where id in (select id from old) returning id`.execute(queries);
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
