import { createHash } from "node:crypto";

import { type Kysely, sql } from "kysely";

import type { Database } from "./database.ts";
import type { QuotaCount, QuotaName, Quotas } from "./job-store.ts";
import type { Tables } from "./tables.ts";
import { createOwnerQueue } from "./owner-queue.ts";

const WINDOW_MS: Readonly<Record<QuotaName, number>> = {
  submits: 60_000,
  jobs: 24 * 60 * 60_000,
  uploads: 24 * 60 * 60_000,
};
const BETWEEN_SWEEPS_MS = 5 * 60_000;

export function createQuotas(database: Database): Quotas {
  const { nowMs, queries, writeOne } = database;
  const isOver = sql`quotas.ends_at <= ${nowMs}`;
  const queue = createOwnerQueue(database);
  let sweptAt = -Infinity;

  async function sweep(): Promise<void> {
    if (performance.now() - sweptAt < BETWEEN_SWEEPS_MS) return;
    sweptAt = performance.now();
    await queries.deleteFrom("quotas").where("ends_at", "<=", nowMs).execute();
  }

  return {
    async count(name, ownerId, amount = 1) {
      await sweep();
      const countOne = async (counts: Kysely<Tables>): Promise<QuotaCount> => {
        const { used, endsAtMs, now } = await counts
          .insertInto("quotas")
          .values((eb) => ({
            key: toKey(name, ownerId),
            used: amount,
            ends_at: eb(nowMs, "+", WINDOW_MS[name]),
          }))
          .onConflict((conflict) =>
            conflict.column("key").doUpdateSet({
              used: sql`case when ${isOver} then excluded.used else quotas.used + excluded.used end`,
              ends_at: sql`case when ${isOver} then excluded.ends_at else quotas.ends_at end`,
            }),
          )
          .returning(["used", "ends_at as endsAtMs", nowMs.as("now")])
          .executeTakeFirstOrThrow();
        return { count: used, endsInMs: endsAtMs - now, endsAtMs };
      };
      return await queue.run(ownerId, () => writeOne(countOne));
    },
    async discount(name, ownerId, endsAtMs, amount = 1) {
      await queries
        .updateTable("quotas")
        .set((eb) => ({ used: eb("used", "-", amount) }))
        .where("key", "=", toKey(name, ownerId))
        .where("ends_at", "=", endsAtMs)
        .where("ends_at", ">", nowMs)
        .execute();
    },
  };
}

/** One length for owners of any. */
function toKey(name: QuotaName, ownerId: string): string {
  return `${name}:${createHash("sha256").update(ownerId).digest("hex")}`;
}
