import { type Kysely, sql } from "kysely";

import { LimitError } from "../job/errors.ts";
import type { DatabaseKind } from "./database.ts";
import { UNFINISHED_STATUSES } from "./job-rows.ts";
import type { Tables } from "./tables.ts";

/** Nobody knows when a job will end; most last longer than this. */
const RETRY_AFTER_SECONDS = 10;

/**
 * Lets no other gateway insert a job of this owner until the transaction ends, so that what is counted then is exact.
 * On SQLite transactions come one after the other anyway.
 */
export async function lockInFlight(
  transaction: Kysely<Tables>,
  kind: DatabaseKind,
  ownerId: string,
): Promise<void> {
  if (kind === "sqlite") return;
  const name = `runcomfy-graphql:in-flight:${ownerId}`;
  await sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`.execute(transaction);
}

/** Rejects with a `LimitError` when the owner has `most` unfinished jobs, not counting the new one if it is there. */
export async function checkInFlight(
  queries: Kysely<Tables>,
  ownerId: string,
  { most, isInserted }: { readonly most: number; readonly isInserted: boolean },
): Promise<void> {
  const { count } = await queries
    .selectFrom((eb) =>
      eb
        .selectFrom("jobs")
        .select("id")
        .where("owner_id", "=", ownerId)
        .where("status", "in", UNFINISHED_STATUSES)
        .limit(most + 1)
        .as("unfinished"),
    )
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .executeTakeFirstOrThrow();
  if (count - Number(isInserted) < most) return;
  throw new LimitError(
    `You have ${most} unfinished jobs, the most allowed at once. Wait until some have ended, or cancel queued ones, then submit again.`,
    { code: "QUOTA_EXCEEDED", retryAfterSeconds: RETRY_AFTER_SECONDS, limit: most },
  );
}
