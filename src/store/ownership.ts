import { randomUUID } from "node:crypto";

import { type RawBuilder, sql } from "kysely";

import type { Job } from "../job/job.ts";
import type { Reach } from "../runcomfy/reach.ts";
import type { Database } from "./database.ts";
import { JOB_COLUMNS, oldestJobs, toJob, UNFINISHED_STATUSES } from "./job-rows.ts";
import type { Ownership, Shares } from "./job-store.ts";

/** This gateway's part in the ownership of jobs; see `Ownership`. */
export type OwnOwnership = Pick<
  Ownership,
  "claim" | "list" | "renew" | "readShares" | "pickUnfinishedId" | "release"
> & { readonly gatewayId: string; giveUp(): Promise<void> };

/** Twice the longest lease there can be: one that ends later was taken before the database's clock was set back. */
const LONGEST_LEASE_MS = 120_000;

/** A submit that is under way is nobody's to look at, and only its own gateway may send it. */
const ACCEPTED_STATUSES = UNFINISHED_STATUSES.filter((status) => status !== "SUBMITTING");

/**
 * Gives this process an id and its first lease. On Postgres gateways share the jobs, so each says that it lives; on
 * SQLite the lock on the file proves that every other owner is dead, so nothing is written.
 */
export async function startOwnership(database: Database, leaseMs: number): Promise<OwnOwnership> {
  const gatewayId = randomUUID();
  const { nowMs, ownershipQueries: queries } = database;
  const isShared = database.kind === "postgres";
  const leaseEnd = sql<number>`${nowMs} + ${leaseMs}`;

  const ownership: OwnOwnership = {
    gatewayId,

    async claim(limit) {
      const rows = await queries
        .with("due", () =>
          oldestJobs(database, limit, (eb) =>
            eb.and([
              eb("status", "in", ACCEPTED_STATUSES),
              eb.or([
                eb("gateway_id", "is", null),
                // Not `not exists`: Postgres may make that a join, which it does not ask again about a row that
                // another claim changed while this one waited for it.
                eb.and([
                  eb("gateway_id", "!=", gatewayId),
                  eb("gateway_id", "not in", livingGateways(database).select("id")),
                ]),
              ]),
            ]),
          ),
        )
        .updateTable("jobs")
        .set({ gateway_id: gatewayId })
        .where("id", "in", (eb) => eb.selectFrom("due").select("due.id"))
        .returning(JOB_COLUMNS)
        .execute();
      return rows.map(toJob).toSorted(byAge);
    },

    async list() {
      const rows = await queries
        .selectFrom("jobs")
        .select(["id", "deployment_id", "status", "created_at"])
        .where("status", "in", UNFINISHED_STATUSES)
        .where("gateway_id", "=", gatewayId)
        .execute();
      return rows.map(({ id, deployment_id, status, created_at }) => ({
        id,
        deploymentId: deployment_id,
        status,
        createdAt: new Date(created_at),
      }));
    },

    async readShares() {
      const { unfinished, owned } = await queries
        .selectFrom("jobs")
        .select((eb) => [
          eb.fn.countAll<number>().as("unfinished"),
          sql<number>`count(*) filter (where gateway_id = ${gatewayId})`.as("owned"),
        ])
        .where("status", "in", ACCEPTED_STATUSES)
        .executeTakeFirstOrThrow();
      return { ...(await readGateways(database, gatewayId)), unfinished, owned };
    },

    async pickUnfinishedId() {
      const row = await queries
        .selectFrom("jobs")
        .select("id")
        .where("status", "in", ACCEPTED_STATUSES)
        // The same one each time might be the one whose looks always fail.
        .orderBy(sql`random()`)
        .limit(1)
        .executeTakeFirst();
      return row?.id ?? null;
    },

    async release(limit) {
      // There is nobody else on SQLite.
      if (!isShared) return [];
      const rows = await queries
        // The oldest are looked at least often.
        .with("spare", () =>
          oldestJobs(database, limit, (eb) =>
            eb.and([eb("status", "in", ACCEPTED_STATUSES), eb("gateway_id", "=", gatewayId)]),
          ),
        )
        .updateTable("jobs")
        .set({ gateway_id: null })
        .where("id", "in", (eb) => eb.selectFrom("spare").select("spare.id"))
        .returning("id")
        .execute();
      return rows.map(({ id }) => id);
    },

    async renew(reach) {
      if (!isShared) return true;
      const { was_living } = await queries
        // As it was before the statement.
        .with("former", () => livingGateways(database).select("id").where("id", "=", gatewayId))
        .insertInto("gateways")
        .values({
          id: gatewayId,
          lease_until: leaseEnd,
          // One that crashes soon after each start must not take jobs along each time.
          shares_from: leaseEnd,
          answered_at: toAnsweredAt(nowMs, reach),
        })
        .onConflict((conflict) =>
          conflict.column("id").doUpdateSet((eb) => ({
            lease_until: eb.ref("excluded.lease_until"),
            answered_at: eb.ref("excluded.answered_at"),
            ...(reach?.isCutOff === true && { shares_from: eb.ref("excluded.shares_from") }),
          })),
        )
        .returning((eb) => eb.exists(eb.selectFrom("former").select("former.id")).as("was_living"))
        .executeTakeFirstOrThrow();
      return was_living === true;
    },

    async giveUp() {
      await queries.deleteFrom("gateways").where("id", "=", gatewayId).execute();
    },
  };

  // What crashed gateways left behind. A missing lease and one that ran out mean the same.
  await queries
    .deleteFrom("gateways")
    .where("id", "not in", livingGateways(database).select("id"))
    .execute();
  await ownership.renew();
  return ownership;
}

/** The gateways whose lease runs; on SQLite none needs one. */
function livingGateways({ nowMs, ownershipQueries }: Database) {
  return ownershipQueries
    .selectFrom("gateways")
    .where("lease_until", ">", nowMs)
    .where("lease_until", "<=", (eb) => eb(nowMs, "+", LONGEST_LEASE_MS));
}

/** What `gatewayId` can know of all gateways. It counts itself as living, whatever its lease says. */
async function readGateways(
  database: Database,
  gatewayId: string,
): Promise<Omit<Shares, "unfinished" | "owned">> {
  const { nowMs } = database;
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

function toAnsweredAt(nowMs: RawBuilder<number>, reach: Reach | undefined) {
  if (reach?.isOutage === true) return 0;
  const ageMs = reach?.answeredMsAgo ?? null;
  return ageMs === null ? null : sql<number>`${nowMs} - ${Math.ceil(ageMs)}::bigint`;
}

/** `returning` keeps no order. */
function byAge(a: Job, b: Job): number {
  return a.createdAt.getTime() - b.createdAt.getTime() || (a.id < b.id ? -1 : 1);
}
