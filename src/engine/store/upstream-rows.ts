import { type Selectable, sql } from "kysely";

import type { Run } from "../job/run-times.ts";
import { nameJobUpstream, namesOf, ownNamesOf } from "../job/upstream.ts";
import { atMost, type Database } from "./database.ts";
import { IS_ACCEPTED, isAnothers } from "./job-rows.ts";
import type { Tables } from "./tables.ts";

/** That are kept of a deployment and upstream. */
export const MAX_RUNS = 200;
/** A poll that is overdue for so long is nobody's. */
const LEFT_MS = 15_000;

/** The last 200 runs of a deployment at the upstream, of all owners, newest first. */
export function createReadRuns({ reads, upstream }: Database) {
  return async (deploymentId: string): Promise<Run[]> => {
    const rows = await reads
      .selectFrom("runs")
      .selectAll()
      .where("deployment_id", "=", deploymentId)
      .where("upstream", "in", namesOf(upstream))
      .orderBy("number", "desc")
      .limit(atMost(MAX_RUNS))
      .execute();
    return rows.map(toRun);
  };
}

/** For how long nothing of anybody's has run at the deployment. */
export function idleMs({ nowMs, upstream }: Database, deploymentId: string) {
  const isOurs = sql`upstream in (${sql.join(namesOf(upstream))})`;
  return sql<number | null>`case
    when exists (
      select 1 from jobs where deployment_id = ${deploymentId} and ${IS_ACCEPTED} and ${isOurs}
        and finished_at is null and detached_since is null
    ) then 0
    else ${nowMs} - (
      select ended_at from runs where deployment_id = ${deploymentId} and ${isOurs}
        order by number desc limit 1
    ) end`;
}

function toRun(row: Selectable<Tables["runs"]>): Run {
  return {
    status: row.status,
    work: row.work,
    place: row.place,
    idleMs: row.idle_ms,
    queueMs: row.queue_ms,
    runMs: row.run_ms,
  };
}

/** The pause that the upstream asked for, shared by all gateways. Of two pauses the one that ends later holds. */
export function createPauses({ nowMs, queries, upstream: given }: Database) {
  // All services have one pause, whether a gateway uses models or not.
  const upstream = nameJobUpstream(given, "deployments");
  return {
    /** How many milliseconds nobody may call the upstream, as any gateway noted; 0 when nobody did. */
    async readPauseMs(): Promise<number> {
      const row = await queries
        .selectFrom("pauses")
        .select((eb) => eb("paused_until", "-", nowMs).as("leftMs"))
        .where("id", "=", upstream)
        // A clock that was set back must not make the pause longer than it was meant.
        .where("noted_at", "<=", nowMs)
        .where("paused_until", ">", nowMs)
        .executeTakeFirst();
      return Math.max(0, row?.leftMs ?? 0);
    },

    /** Lets all gateways pause. */
    async notePause(durationMs: number): Promise<void> {
      await sql`
        insert into pauses (id, noted_at, paused_until)
        values (${upstream}, ${nowMs}, ${nowMs} + ${Math.ceil(durationMs)})
        on conflict (id) do update
          set noted_at = excluded.noted_at, paused_until = excluded.paused_until
          where pauses.paused_until < excluded.paused_until or pauses.noted_at > excluded.noted_at
      `.execute(queries);
    },
  };
}

/** Which jobs are this gateway's upstream's, and which of them it follows. */
export function createFollowedJobs(database: Database) {
  const { isShared, nowMs, pollMs, queries, upstream } = database;
  const isOwn = sql<boolean>`(upstream in (${sql.join(ownNamesOf(upstream))}))`;
  // On SQLite there is no other gateway that could follow them.
  const isLeft = isShared
    ? sql<boolean>`exists (select 1 from polls
        where job_id = jobs.id and due_at < ${pollMs} - ${sql.lit(LEFT_MS)})`
    : sql<boolean>`1 = 1`;

  return {
    /** Followed jobs that were sent, without the time that they were detached, before a time; oldest first. */
    async listOverdue(before: Date, limit: number): Promise<string[]> {
      // In the whole order of the index, or Postgres would read and sort all that is overdue.
      const beforeMs = before.getTime();
      const { rows } = await sql<{ readonly id: string }>`
        select id from jobs
          where ${IS_ACCEPTED} and sent_at < ${beforeMs} and sent_at + detached_ms < ${beforeMs}
            and ${isOwn} and detached_since is null
          order by detached_since, sent_at limit ${atMost(limit)}`.execute(queries);
      return rows.map(({ id }) => id);
    },

    /** Counts the time that its own jobs were detached, and follows them again. */
    async takeBack(): Promise<void> {
      await sql`
        update jobs set detached_ms = detached_ms + ${nowMs} - detached_since, detached_since = null,
            version = version + 1, updated_at = ${nowMs}
          where ${IS_ACCEPTED} and detached_since is not null and ${isOwn}`.execute(queries);
    },

    /** How many unfinished jobs each other upstream has. */
    async countOthers(): Promise<readonly { readonly upstream: string; readonly count: number }[]> {
      const { rows } = await sql<{ readonly upstream: string; readonly count: number }>`
        select upstream, count(*) as count from jobs where ${IS_ACCEPTED} and ${isAnothers(database)}
          group by upstream order by upstream`.execute(queries);
      return rows;
    },

    /** Notes since when other upstreams' jobs are detached that no gateway follows. */
    async noteLeft(): Promise<void> {
      await sql`
        update jobs set detached_since = ${nowMs}, queue_position = null,
            version = version + 1, updated_at = ${nowMs}
          where ${IS_ACCEPTED} and detached_since is null and ${isAnothers(database)} and ${isLeft}`.execute(
        queries,
      );
    },

    /** Whether there is a job, which may have ended, that is not surely this upstream's. Reads every job. */
    async holdsOthers(): Promise<boolean> {
      const { rows } = await sql`
        select id from jobs where not ${isOwn} limit 1`.execute(queries);
      return rows.length > 0;
    },
  };
}
