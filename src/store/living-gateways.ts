import type { Database } from "./database.ts";
import { databaseNowMs } from "./database-clock.ts";

/** Twice the longest lease there can be: one that ends later was taken before the database's clock was set back. */
const LONGEST_LEASE_MS = 120_000;

/** The gateways on a Postgres whose lease runs. */
export function livingGateways({ kind, ownershipQueries }: Database) {
  const nowMs = databaseNowMs(kind);
  return ownershipQueries
    .selectFrom("gateways")
    .where("lease_until", ">", nowMs)
    .where("lease_until", "<=", (eb) => eb(nowMs, "+", LONGEST_LEASE_MS));
}
