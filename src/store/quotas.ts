import { createHash } from "node:crypto";

import { CompiledQuery, type Kysely } from "kysely";
import { RateLimiterMemory, RateLimiterPostgres } from "rate-limiter-flexible";

import type { Database } from "./database.ts";
import type { Tables } from "./tables.ts";
import { createTurns } from "./turns.ts";

/** What is counted of an owner, each in windows of its own length. */
export type QuotaName = keyof typeof WINDOW_SECONDS;

/** Counts what owners do within a time. */
export type Quotas = {
  /** Counts one more; resolves with how many there are by then in the window, and when that ends, also as a time. */
  count(
    name: QuotaName,
    ownerId: string,
  ): Promise<{ readonly count: number; readonly endsInMs: number; readonly endsAtMs: number }>;
  /** Takes back one that was counted in the window that ends then and did not happen; nothing once it has ended. */
  discount(name: QuotaName, ownerId: string, endsAtMs: number): Promise<void>;
};

const WINDOW_SECONDS = { submits: 60, jobs: 24 * 60 * 60 } as const;

/** The limit differs from owner to owner and is held by who asks; this only counts. */
const NO_LIMIT = Number.MAX_SAFE_INTEGER;

const BETWEEN_SWEEPS_MS = 5 * 60_000;
/** Long enough for gateways whose clocks differ. */
const KEPT_AFTER_END_MS = 60 * 60_000;

/** Of each owner two numbers are kept for as long as their windows last. */
export function createQuotas({ kind, queries }: Database): Quotas {
  return kind === "postgres" ? countInPostgres(queries) : countInMemory();
}

function countInMemory(): Quotas {
  const create = (keyPrefix: QuotaName): RateLimiterMemory =>
    new RateLimiterMemory({ keyPrefix, points: NO_LIMIT, duration: WINDOW_SECONDS[keyPrefix] });
  return toQuotas({ submits: create("submits"), jobs: create("jobs") });
}

function countInPostgres(queries: Kysely<Tables>): Quotas {
  const storeClient = {
    async query({ text, values }: { readonly text: string; readonly values: unknown[] }) {
      const { rows, numAffectedRows } = await queries.executeQuery(CompiledQuery.raw(text, values));
      return { rows, rowCount: Number(numAffectedRows ?? rows.length) };
    },
  };
  const create = (keyPrefix: QuotaName): RateLimiterPostgres =>
    new RateLimiterPostgres({
      storeClient,
      storeType: "client",
      tableName: "rates",
      tableCreated: true,
      // Its own timer would outlive the store.
      clearExpiredByTimeout: false,
      keyPrefix,
      points: NO_LIMIT,
      duration: WINDOW_SECONDS[keyPrefix],
    });
  const limiters = { submits: create("submits"), jobs: create("jobs") };
  // An owner's counts wait for each other in the database: it must not take every connection to do so.
  const inTurn = createTurns({ most: 1, isYielding: false });
  let sweptAt = 0;

  async function sweep(): Promise<void> {
    const now = Date.now();
    if (now - sweptAt < BETWEEN_SWEEPS_MS) return;
    sweptAt = now;
    await queries
      .deleteFrom("rates")
      .where("expire", "<", now - KEPT_AFTER_END_MS)
      .execute();
  }

  const quotas = toQuotas(limiters);
  return {
    ...quotas,
    async count(name, ownerId) {
      await sweep();
      return await inTurn(ownerId, () => quotas.count(name, ownerId));
    },
  };
}

function toQuotas(limiters: Record<QuotaName, RateLimiterMemory | RateLimiterPostgres>): Quotas {
  return {
    async count(name, ownerId) {
      const { consumedPoints, msBeforeNext } = await limiters[name].consume(toKey(ownerId));
      return {
        count: consumedPoints,
        endsInMs: msBeforeNext,
        endsAtMs: Date.now() + msBeforeNext,
      };
    },
    async discount(name, ownerId, endsAtMs) {
      // It would be taken from the next window, of which it is no part.
      if (Date.now() >= endsAtMs) return;
      await limiters[name].reward(toKey(ownerId));
    },
  };
}

/** Owners may be longer than the column. */
function toKey(ownerId: string): string {
  return createHash("sha256").update(ownerId).digest("hex");
}
