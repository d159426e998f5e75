import { sql } from "kysely";

import type { Database } from "./database.ts";
import { databaseNowMs } from "./database.ts";
import type { Shares } from "./job-store.ts";

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

/** What `gatewayId` can know of all gateways on a Postgres; itself it counts as living, whatever its lease says. */
export async function readGateways(
  database: Database,
  gatewayId: string,
): Promise<Omit<Shares, "unfinished" | "owned">> {
  const nowMs = databaseNowMs(database.kind);
  const isOther = sql<boolean>`id <> ${gatewayId}`;
  // One that lies too far ahead was written before the clock was set back.
  const isSharing = sql<boolean>`(shares_from <= ${nowMs} or shares_from > ${nowMs} + ${LONGEST_LEASE_MS})`;
  const found = await database.ownershipQueries
    .selectFrom("gateways")
    .select([
      sql<number>`count(*) filter (where ${isOther})`.as("others"),
      sql<number>`count(*) filter (where ${isOther} and ${isSharing})`.as("sharingOthers"),
      sql<number>`count(*) filter (where not ${isOther} and ${isSharing})`.as("sharingSelf"),
      sql<number>`count(*) filter (where ${isOther} and answered_at = 0)`.as("failingOthers"),
      sql<
        number | null
      >`${nowMs} - max(answered_at) filter (where ${isOther} and answered_at > 0)`.as(
        "answeredMsAgo",
      ),
    ])
    .where((eb) =>
      eb.or([eb("id", "=", gatewayId), eb("id", "in", livingGateways(database).select("id"))]),
    )
    .executeTakeFirstOrThrow();
  const { others, sharingOthers, sharingSelf, failingOthers, answeredMsAgo } = found;
  // Where nobody is left to leave the jobs to, all share them.
  const sharing = sharingOthers + sharingSelf === 0 ? others + 1 : sharingOthers + sharingSelf;
  return {
    gateways: others + 1,
    sharing: sharingSelf === 0 && sharingOthers > 0 ? 0 : sharing,
    isOutageElsewhere: failingOthers > 0,
    answeredElsewhereMsAgo: answeredMsAgo === null ? null : Math.max(0, answeredMsAgo),
  };
}
