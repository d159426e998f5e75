import { createHash } from "node:crypto";

import { type Kysely, sql } from "kysely";

import { clock } from "../../runtime/environment.ts";
import type { Database } from "./database.ts";
import { deleteEnded } from "./delete-ended.ts";
import type { Tables } from "./tables.ts";

/** Submits in a minute, jobs in a day, and MiB that are uploaded in a day. */
export type QuotaName = "submits" | "jobs" | "uploads";

/** `endsAtMs` is by the database's clock. */
type QuotaCount = {
  /** The row that counts it. */
  readonly key: string;
  readonly count: number;
  readonly endsInMs: number;
  readonly endsAtMs: number;
};

const WINDOW_MS: Readonly<Record<QuotaName, number>> = {
  submits: 60_000,
  jobs: 24 * 60 * 60_000,
  uploads: 24 * 60 * 60_000,
};
const BETWEEN_SWEEPS_MS = 5 * 60_000;
/** Each sweep reads all rows. */
const MAX_SWEPT = 500;

export type Quotas = ReturnType<typeof createQuotas>;

/** Counts what owners do within a time, for all gateways together. */
export function createQuotas(database: Database) {
  const { nowMs, queries, writeOne, ownerWrites } = database;
  let sweptAt = -Infinity;

  async function sweep(): Promise<void> {
    if (clock.monotonic() - sweptAt < BETWEEN_SWEEPS_MS) return;
    sweptAt = clock.monotonic();
    const limit = MAX_SWEPT;
    // What is left is swept with the next count.
    if ((await deleteEnded(database, "quotas", "ends_at", limit)) === limit) sweptAt = -Infinity;
  }

  return {
    /** Counts so many more, one by default; resolves with how many there are in the window by then, and when it ends. */
    async count(name: QuotaName, ownerId: string, amount = 1): Promise<QuotaCount> {
      const counting = ownerWrites.run(() =>
        writeOne((counts) => countWithin(counts, database, name, ownerId, amount)),
      );
      // Beside it, so that what comes together is counted in its order.
      const sweeping = sweep().catch(() => undefined);
      const [counted] = await Promise.all([counting, sweeping]);
      return counted;
    },
    /** Takes back what was counted in the window that ends then, one by default; nothing once it has ended. */
    async discount(name: QuotaName, ownerId: string, endsAtMs: number, amount = 1): Promise<void> {
      await sql`
        update quotas set used = used - ${amount}
          where key = ${toKey(name, ownerId)} and ends_at = ${endsAtMs} and ends_at > ${nowMs}`.execute(
        queries,
      );
    },
  };
}

/** Counts so many more, where that is one statement of several. */
export async function countWithin(
  counts: Kysely<Tables>,
  { nowMs }: Pick<Database, "nowMs">,
  name: QuotaName,
  ownerId: string,
  amount = 1,
): Promise<QuotaCount> {
  const isOver = sql`quotas.ends_at <= ${nowMs}`;
  const key = toKey(name, ownerId);
  const { used, endsAtMs, now } = await counts
    .insertInto("quotas")
    .values((eb) => ({ key, used: amount, ends_at: eb(nowMs, "+", WINDOW_MS[name]) }))
    .onConflict((conflict) =>
      conflict.column("key").doUpdateSet({
        used: sql`case when ${isOver} then excluded.used else quotas.used + excluded.used end`,
        ends_at: sql`case when ${isOver} then excluded.ends_at else quotas.ends_at end`,
      }),
    )
    .returning(["used", "ends_at as endsAtMs", nowMs.as("now")])
    .executeTakeFirstOrThrow();
  return { key, count: used, endsInMs: endsAtMs - now, endsAtMs };
}

/** How much is used in the window; null outside of one. */
export async function readUsed(
  queries: Kysely<Tables>,
  { nowMs }: Pick<Database, "nowMs">,
  name: QuotaName,
  ownerId: string,
): Promise<Pick<QuotaCount, "count" | "endsAtMs"> | null> {
  const row = await queries
    .selectFrom("quotas")
    .select(["used as count", "ends_at as endsAtMs"])
    .where("key", "=", toKey(name, ownerId))
    .where("ends_at", ">", nowMs)
    .executeTakeFirst();
  return row ?? null;
}

/** How many unfinished jobs an owner has at these upstreams. */
export async function countUnfinished(
  queries: Kysely<Tables>,
  ownerId: string,
  upstreams: readonly string[],
): Promise<number> {
  const { rows } = await sql<{ readonly count: number | null }>`
    select sum(amount) as count from unfinished_jobs
      where owner_id = ${ownerId} and upstream in (${sql.join(upstreams)})`.execute(queries);
  return rows[0]?.count ?? 0;
}

/** One length for owners of any. */
function toKey(name: QuotaName, ownerId: string): string {
  return `${name}:${createHash("sha256").update(ownerId).digest("hex")}`;
}

/** Writes for an owner, while nobody else counts what that one has; those for nobody do not wait for each other. */
export function createOwnerWrites({ lock, write, ownerWrites }: Database) {
  return async <T>(
    ownerId: string | null,
    ...[statements, bytes]: Parameters<typeof write<T>>
  ): Promise<T> => {
    if (ownerId === null) return await write(statements, bytes);
    return await ownerWrites.run(() =>
      write(async (transaction) => {
        await lock(transaction, `owner:${ownerId}`);
        return await statements(transaction);
      }, bytes),
    );
  };
}
