import { type Kysely, type RawBuilder, sql } from "kysely";

import type { Job } from "../job/job.ts";
import { namesOf } from "../job/upstream.ts";
import { atMost, type Database } from "./database.ts";
import type { Tables } from "./tables.ts";

/** A run that this gateway has claimed, to ask for its cost. */
export type ClaimedCost = {
  readonly jobId: string;
  readonly ownerId: string;
  readonly kind: Job["kind"];
  readonly deploymentId: string;
  readonly apiVersion: string;
  readonly requestId: string;
  /** How long ago the run's end was stored. */
  readonly sinceEndMs: number;
  /** Proves the claim. */
  readonly token: number;
};

export type LateCostRows = ReturnType<typeof createLateCosts>;

/** After the end; the upstream's own client asks again once it has the files. */
export const FIRST_ASK_MS = 2_000;

/** Longer than a call for a cost may take. */
const CLAIM_MS = 15_000;

/**
 * The runs whose cost RunComfy has yet to report, for all gateways of a database. To claim one is to make it due at the end
 * of the claim, so that what a dead gateway has claimed comes due by itself. Another upstream's runs are left alone.
 */
export function createLateCosts(
  { nowMs, skipLocked, toTexts, queries, write, writeOne, upstream: own }: Database,
  announce: (jobId: string, ownerId: string) => void,
) {
  // Postgres walks no index up to a clock that goes on, so that is read once.
  const now = sql`(select ${nowMs})`;
  const isOurs = ({ jobId, token }: ClaimedCost) =>
    sql<boolean>`job_id = ${jobId} and due_at = ${token}`;

  /** One range scan for each of the upstream's names. */
  function union(toQuery: (upstream: string) => RawBuilder<unknown>): RawBuilder<unknown> {
    const scans = namesOf(own).map(
      (upstream) => sql`select * from (${toQuery(upstream)}) as oldest`,
    );
    return sql.join(scans, sql` union all `);
  }

  return {
    /**
     * Claims at most `limit` runs that are due, but for those of some deployments. `nextInMs` says when another one will be;
     * null when none will.
     */
    async claimDue(wanted: {
      readonly limit: number;
      readonly exceptDeployments: readonly string[];
    }) {
      const { limit, exceptDeployments } = wanted;
      const due = union(
        (upstream) => sql`
          select job_id, due_at from late_costs
          where upstream = ${upstream} and due_at <= ${now}
            and deployment_id not in ${toTexts(exceptDeployments)}
          order by due_at limit ${atMost(limit)} ${skipLocked}`,
      );
      const claim = sql<ClaimedCost>`
        with due as (select job_id from (${due}) as due order by due_at limit ${atMost(limit)})
        update late_costs set due_at = ${nowMs} + ${CLAIM_MS} where job_id in (select job_id from due)
        returning job_id as "jobId", owner_id as "ownerId", kind, deployment_id as "deploymentId",
          api_version as "apiVersion", request_id as "requestId",
          ${nowMs} - ended_at as "sinceEndMs", due_at as token`;
      const { rows: costs } = await writeOne((transaction) => claim.execute(transaction));
      const next = union(
        (upstream) => sql`
          select min(due_at) as due_at from late_costs where upstream = ${upstream} and due_at > ${now}`,
      );
      const { rows } = await sql<{ readonly in_ms: number | null }>`
        select min(due_at) - ${nowMs} as in_ms from (${next}) as next`.execute(queries);
      return { costs, nextInMs: rows[0]?.in_ms ?? null };
    },

    /** Gives a claim up: the run is due so much later. */
    async putBack(claimed: ClaimedCost, delayMs: number): Promise<void> {
      const update = sql`
        update late_costs set due_at = ${nowMs} + ${Math.ceil(delayMs)} where ${isOurs(claimed)}`;
      await writeOne((transaction) => update.execute(transaction));
    },

    /** The cost stays unknown. Does nothing if the claim has ended. */
    async giveUp(claimed: ClaimedCost): Promise<void> {
      const forget = sql`delete from late_costs where ${isOurs(claimed)}`;
      await writeOne((transaction) => forget.execute(transaction));
    },

    /**
     * Writes down what a run cost, once, as a new version of its job where there still is one, and notifies the feed. Does
     * nothing if the claim has ended.
     */
    async settle(claimed: ClaimedCost, cost: number): Promise<void> {
      const { jobId, ownerId } = claimed;
      const isChanged = await write(async (transaction) => {
        // The job comes first, as a deletion locks it; what triggers of parts lock comes after it.
        const { rows } = await sql`
          update jobs set cost = ${cost}, version = version + 1, cost_version = version + 1,
              updated_at = ${nowMs}
            where id = ${jobId} and status = 'SUCCEEDED' and cost is null
              and exists (select 1 from late_costs where ${isOurs(claimed)})
            returning id`.execute(transaction);
        await sql`update late_costs set cost = ${cost} where ${isOurs(claimed)}`.execute(
          transaction,
        );
        await sql`delete from late_costs where ${isOurs(claimed)}`.execute(transaction);
        return rows.length > 0;
      });
      if (isChanged) announce(jobId, ownerId);
    },
  };
}

/** Lets the upstream be asked for what a run cost that has ended. */
export async function insertLateCost(
  transaction: Kysely<Tables>,
  { nowMs }: Pick<Database, "nowMs">,
  job: Job,
): Promise<void> {
  await sql`
    insert into late_costs (job_id, owner_id, upstream, kind, deployment_id, api_version, request_id, ended_at, due_at)
    values (${job.id}, ${job.ownerId}, ${job.upstream}, ${job.kind}, ${job.deploymentId},
      ${job.apiVersion}, ${job.requestId}, ${nowMs}, ${nowMs} + ${FIRST_ASK_MS})`.execute(
    transaction,
  );
}
