import { randomUUID } from "node:crypto";

import { sql } from "kysely";

import type { Job } from "../job/job.ts";
import type { Database } from "./database.ts";
import { JOB_COLUMNS, toJob, UNFINISHED_STATUSES } from "./job-rows.ts";
import type { OwnedJob } from "./job-store.ts";

/** Which gateway looks at which job. */
export type Ownership = {
  readonly gatewayId: string;
  /** Takes unfinished jobs of nobody, or of a gateway that no longer lives. */
  claim(limit: number): Promise<Job[]>;
  /** All unfinished jobs of this gateway. */
  list(): Promise<OwnedJob[]>;
  renew(): Promise<void>;
  giveUp(): Promise<void>;
};

/** Milliseconds since 1970 by the clock of Postgres, the only one that its gateways share. */
const postgresNowMs = sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`;

/**
 * Gives this process an id and its first lease. Here is all that differs between the databases: on Postgres gateways
 * share the jobs, so each says that it lives; on SQLite the lock on the file proves that every other owner is dead, and
 * nothing has to be written.
 */
export async function startOwnership(database: Database, leaseMs: number): Promise<Ownership> {
  const gatewayId = randomUUID();
  const { queries } = database;
  const isShared = database.kind === "postgres";

  const ownership: Ownership = {
    gatewayId,

    async claim(limit) {
      const rows = await queries
        .with("due", (cte) =>
          cte
            .selectFrom("jobs")
            .select("id")
            .where("status", "in", UNFINISHED_STATUSES)
            .where((eb) => eb.or([eb("owner", "is", null), eb("owner", "!=", gatewayId)]))
            .$if(isShared, (due) =>
              due
                .where((eb) =>
                  eb.not(
                    eb.exists(
                      eb
                        .selectFrom("gateways")
                        .select("gateways.id")
                        .whereRef("gateways.id", "=", "jobs.owner")
                        .where("gateways.lease_until", ">", postgresNowMs),
                    ),
                  ),
                )
                .forUpdate()
                .skipLocked(),
            )
            .orderBy("created_at")
            .orderBy("id")
            .limit(limit),
        )
        .updateTable("jobs")
        .set({ owner: gatewayId })
        .where("id", "in", (eb) => eb.selectFrom("due").select("due.id"))
        .returning(JOB_COLUMNS)
        .execute();
      return rows.map(toJob).toSorted(byAge);
    },

    async list() {
      const rows = await queries
        .selectFrom("jobs")
        .select(["id", "status", "created_at"])
        .where("status", "in", UNFINISHED_STATUSES)
        .where("owner", "=", gatewayId)
        .execute();
      return rows.map(({ id, status, created_at }) => ({
        id,
        status,
        createdAt: new Date(created_at),
      }));
    },

    async renew() {
      if (!isShared) return;
      await queries
        .insertInto("gateways")
        .values({ id: gatewayId, lease_until: sql<number>`${postgresNowMs} + ${leaseMs}` })
        .onConflict((conflict) =>
          conflict
            .column("id")
            .doUpdateSet({ lease_until: (eb) => eb.ref("excluded.lease_until") }),
        )
        .execute();
    },

    async giveUp() {
      if (!isShared) return;
      await queries.deleteFrom("gateways").where("id", "=", gatewayId).execute();
    },
  };

  if (isShared) {
    // What crashed gateways left behind. A missing lease and one that ran out mean the same.
    await queries.deleteFrom("gateways").where("lease_until", "<", postgresNowMs).execute();
  }
  await ownership.renew();
  return ownership;
}

/** `returning` keeps no order. */
function byAge(a: Job, b: Job): number {
  return a.createdAt.getTime() - b.createdAt.getTime() || (a.id < b.id ? -1 : 1);
}
