import { randomUUID } from "node:crypto";

import { type RawBuilder, sql } from "kysely";

import type { Job } from "../job/job.ts";
import type { Reach } from "../runcomfy/reach.ts";
import type { Database } from "./database.ts";
import { databaseNowMs } from "./database.ts";
import { JOB_COLUMNS, toJob, UNFINISHED_STATUSES } from "./job-rows.ts";
import type { Ownership } from "./job-store.ts";
import { livingGateways, readGateways } from "./living-gateways.ts";

/** This gateway's part in the ownership of jobs; see `Ownership`. */
export type OwnOwnership = Pick<
  Ownership,
  "claim" | "list" | "renew" | "readShares" | "pickUnfinishedId" | "release"
> & { readonly gatewayId: string; giveUp(): Promise<void> };

/** A submit that is under way is nobody's to look at, and only its own gateway may send it. */
const ACCEPTED_STATUSES = UNFINISHED_STATUSES.filter((status) => status !== "SUBMITTING");

/**
 * Gives this process an id and its first lease. Here is all that differs between the databases: on Postgres gateways
 * share the jobs, so each says that it lives; on SQLite the lock on the file proves that every other owner is dead, and
 * nothing has to be written.
 */
export async function startOwnership(database: Database, leaseMs: number): Promise<OwnOwnership> {
  const gatewayId = randomUUID();
  const queries = database.ownershipQueries;
  const isShared = database.kind === "postgres";

  const nowMs = databaseNowMs(database.kind);
  const leaseEnd = sql<number>`${nowMs} + ${leaseMs}`;

  const ownership: OwnOwnership = {
    gatewayId,

    async claim(limit) {
      const rows = await queries
        .with("due", (cte) =>
          cte
            .selectFrom("jobs")
            .select("id")
            .where("status", "in", ACCEPTED_STATUSES)
            .where((eb) =>
              eb.or([
                eb("gateway_id", "is", null),
                // Not `not exists`: Postgres may make that a join, which it does not ask again about a row that
                // another claim changed while this one waited for it.
                eb.and([
                  eb("gateway_id", "!=", gatewayId),
                  ...(isShared
                    ? [eb("gateway_id", "not in", livingGateways(database).select("id"))]
                    : []),
                ]),
              ]),
            )
            .$if(isShared, (due) => due.forUpdate().skipLocked())
            .orderBy("created_at")
            .orderBy("id")
            .limit(limit),
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
          eb.fn
            .count<number>(eb.case().when("gateway_id", "=", gatewayId).then(1).end())
            .as("owned"),
        ])
        .where("status", "in", ACCEPTED_STATUSES)
        .executeTakeFirstOrThrow();
      const gateways = isShared ? await readGateways(database, gatewayId) : ALONE;
      return { ...gateways, unfinished, owned };
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
      // The oldest first, as they are looked at least often.
      if (!isShared) return [];
      const rows = await queries
        .with("spare", (cte) =>
          cte
            .selectFrom("jobs")
            .select("id")
            .where("status", "in", ACCEPTED_STATUSES)
            .where("gateway_id", "=", gatewayId)
            .orderBy("created_at")
            .orderBy("id")
            .limit(limit)
            .forUpdate()
            .skipLocked(),
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
      if (!isShared) return;
      await queries.deleteFrom("gateways").where("id", "=", gatewayId).execute();
    },
  };

  if (isShared) {
    // What crashed gateways left behind. A missing lease and one that ran out mean the same.
    await queries
      .deleteFrom("gateways")
      .where("id", "not in", livingGateways(database).select("id"))
      .execute();
  }
  await ownership.renew();
  return ownership;
}

/** What there is to know of the one gateway on a SQLite. */
const ALONE = {
  gateways: 1,
  sharing: 1,
  isOutageElsewhere: false,
  answeredElsewhereMsAgo: null,
} as const;

function toAnsweredAt(nowMs: RawBuilder<number>, reach: Reach | undefined) {
  if (reach?.isOutage === true) return 0;
  const ageMs = reach?.answeredMsAgo ?? null;
  return ageMs === null ? null : sql<number>`${nowMs} - ${Math.ceil(ageMs)}::bigint`;
}

/** `returning` keeps no order. */
function byAge(a: Job, b: Job): number {
  return a.createdAt.getTime() - b.createdAt.getTime() || (a.id < b.id ? -1 : 1);
}
