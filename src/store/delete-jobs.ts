import type { Kysely } from "kysely";

import { IdempotencyConflictError } from "../job/idempotency-conflict-error.ts";
import { isFinal, JOB_STATUSES } from "../job/job-status.ts";
import { databaseNowMs } from "./database.ts";
import type { Database, DatabaseKind } from "./database.ts";
import { ageOf } from "./list-jobs.ts";
import type { Tables } from "./tables.ts";

const FINAL_STATUSES = JOB_STATUSES.filter(isFinal);

/** Counted from the deletion, so that no gateway's clock can shorten it. */
const KEY_OUTLIVES_JOB_MS = 24 * 60 * 60_000;

/** See `Jobs.delete`. Keys whose time is over go first, so that they do not pile up. */
export async function deleteFinishedJob({ kind, queries }: Database, id: string): Promise<boolean> {
  const nowMs = databaseNowMs(kind);
  await queries.deleteFrom("spent_keys").where("until", "<=", nowMs).execute();
  return await queries.transaction().execute(async (transaction) => {
    const row = await transaction
      .deleteFrom("jobs")
      .where("id", "=", id)
      .where("status", "in", FINAL_STATUSES)
      .returning(["owner_id", "idempotency_key"])
      .executeTakeFirst();
    if (row === undefined) return false;
    const { owner_id, idempotency_key: key } = row;
    if (key === null) return true;
    await transaction
      .insertInto("spent_keys")
      .values((eb) => ({
        owner_id: eb.val(owner_id),
        key: eb.val(key),
        job_id: eb.val(id),
        until: eb(nowMs, "+", KEY_OUTLIVES_JOB_MS),
      }))
      .onConflict((conflict) =>
        conflict.columns(["owner_id", "key"]).doUpdateSet((eb) => ({
          job_id: eb.ref("excluded.job_id"),
          until: eb.ref("excluded.until"),
        })),
      )
      .execute();
    return true;
  });
}

/** See `Jobs.deleteOld`. */
export async function deleteOldJobs(
  { kind, queries }: Database,
  ages: { readonly finishedForMs: number; readonly createdForMs: number },
  limit: number,
): Promise<number> {
  const nowMs = databaseNowMs(kind);
  let deleted = 0;
  const age = ageOf({ statuses: FINAL_STATUSES });
  // One status after the other, each along its index.
  for (const status of FINAL_STATUSES) {
    const rows = await queries
      .deleteFrom("jobs")
      .where("id", "in", (eb) =>
        eb
          .selectFrom("jobs as old")
          .select("old.id")
          .where("old.status", "=", status)
          .where((old) => old(age, "<", old(nowMs, "-", ages.createdForMs)))
          .where((old) => old("old.finished_at", "<", old(nowMs, "-", ages.finishedForMs)))
          .orderBy(age)
          .orderBy("old.id")
          .limit(limit - deleted)
          // Several gateways that do this at once take different ones.
          .$if(kind === "postgres", (old) => old.forUpdate().skipLocked()),
      )
      .returning("id")
      .execute();
    deleted += rows.length;
    if (deleted >= limit) break;
  }
  return deleted;
}

/** Rejects with an `IdempotencyConflictError` when the key belongs to a deleted job. */
export async function refuseSpentKey(
  queries: Kysely<Tables>,
  kind: DatabaseKind,
  ownerId: string,
  key: string,
): Promise<void> {
  const row = await queries
    .selectFrom("spent_keys")
    .select("job_id")
    .where("owner_id", "=", ownerId)
    .where("key", "=", key)
    .where("until", ">", databaseNowMs(kind))
    .executeTakeFirst();
  if (row !== undefined) throw new IdempotencyConflictError(row.job_id, { isDeleted: true });
}
