import { type RawBuilder, sql } from "kysely";

import type { Job } from "../job/job.ts";
import type { Polls } from "../job/polls.ts";
import { namesOf } from "../job/upstream.ts";
import { atMost, type Database } from "./database.ts";
import { type JobRow, toJob } from "./job-rows.ts";

/** For 9 s it is nobody else's. */
export type ClaimedPoll = {
  readonly job: Job & { readonly requestId: string };
  /** Proves the claim. */
  readonly token: number;
  /** Whether an earlier claim had expired, as when the gateway that had it died. */
  readonly isTakenOver: boolean;
  /** How long before the poll was due the last upstream webhook came; negative while it was due, null where none came. */
  readonly notifiedForMs: number | null;
  readonly polls: Polls;
  /** The job's, as a subscriber set it at the insert. */
  readonly traceparent: string | null;
};

export type EndedPoll = Polls & {
  readonly jobId: string;
  readonly token: number;
  /** Null for a job that is detached: it is not due until it is resumed. */
  readonly delayMs: number | null;
};

export type PollTable = ReturnType<typeof createPolls>;

/** Longer than a poll may take, so that none is doubled. When it ends another gateway takes the poll over. */
// Mutant: a claim that never expires
const CLAIM_MS = 9_000;

/** How often upstream webhooks can make a job's poll due. */
const BETWEEN_NOTIFIED_MS = 1_000;

/** No poll is ever due so late: its time was written before the database's clock was set back. */
// Mutant: a claim that never expires
const NEVER_MS = 60_000;

/** The first poll after the acceptance; earlier, the upstream may not know its own job. */
export const FIRST_POLL_MS = 500;

export const POLL_TABLE = sql`polls (
  job_id text primary key,
  deployment_id text not null,
  upstream text not null,
  due_at bigint,
  was_due_at bigint,
  failures integer not null default 0,
  not_found_since bigint,
  unread_since bigint,
  notified_at bigint
)`;

/**
 * The table of polls to come, with a row for each accepted, unfinished job, which a trigger on `jobs` adds and removes. On
 * SQLite it is a temporary one in memory, so that a poll writes nothing to the disk; it has the jobs that this process
 * follows.
 */
export function createSqlitePolls(database: Database): readonly RawBuilder<unknown>[] {
  return [
    sql`create temp table ${POLL_TABLE}`,
    sql`create index temp.polls_by_due on polls (upstream, due_at, deployment_id)`,
    ...createPollTriggers(database),
    // In no order: of those that ended meanwhile the longest runs would be recorded first, and taken for what is usual.
    // Mutant: a restart that forgets the polls to come
    sql`insert into polls (job_id, deployment_id, upstream, due_at)
      select id, deployment_id, upstream, 0 from jobs
      where status in ('IN_QUEUE', 'IN_PROGRESS')
        and upstream in (${sql.join(namesOf(database.upstream))})
      order by ${database.random}`,
  ];
}

/** Triggers keep a job's poll, whichever statement writes the job. */
export function createPollTriggers({
  createTrigger,
  pollMs,
  skipLocked,
}: Database): readonly RawBuilder<unknown>[] {
  return [
    // Where a run has ended, the first job in its queue is due, as that one may start now.
    ...createTrigger({
      name: "jobs_keep_poll",
      isTemporary: true,
      after: sql`update of status on jobs`,
      when: sql`old.status is distinct from new.status`,
      act: sql`
        insert into polls (job_id, deployment_id, upstream, due_at)
          select new.id, new.deployment_id, new.upstream, ${pollMs} + ${sql.lit(FIRST_POLL_MS)}
          where new.status = 'IN_QUEUE';
        delete from polls where job_id = new.id and new.finished_at is not null;
        update polls set due_at = ${pollMs} where job_id in (
          select job_id from polls
          where new.status in ('SUCCEEDED', 'FAILED') and was_due_at is null and due_at > ${pollMs} and job_id = (
            select id from jobs where upstream = new.upstream and deployment_id = new.deployment_id
              and status = 'IN_QUEUE' and finished_at is null and detached_since is null
            order by sent_at, id limit 1
          ) ${skipLocked}
        )`,
    }),
    // An upstream has found a job to be its own.
    ...createTrigger({
      name: "jobs_move_poll",
      isTemporary: true,
      after: sql`update of upstream on jobs`,
      when: sql`old.upstream is distinct from new.upstream`,
      act: sql`update polls set upstream = new.upstream where job_id = new.id`,
    }),
    ...createTrigger({
      name: "jobs_delete_poll",
      isTemporary: true,
      after: sql`delete on jobs`,
      when: sql`old.finished_at is null`,
      act: sql`delete from polls where job_id = old.id`,
    }),
  ];
}

/**
 * Who polls which job when, for all gateways together. To claim a poll is to make it due at the end of the claim, which
 * also proves the claim when the poll is put back. So one column says who polls when, and what a dead gateway has claimed
 * comes due by itself.
 */
export function createPolls(database: Database) {
  const { pollMs, skipLocked, updatesInQueries, checkDisk, toRecords, toTexts } = database;
  const { pollQueries: queries } = database;
  const upstreams = namesOf(database.upstream);
  const claimIt = sql`was_due_at = due_at, due_at = ${pollMs} + ${sql.lit(CLAIM_MS)}`;
  const nextInMs = sql`(select min(due_at) - ${pollMs} from (${union(
    (upstream) => sql`
    select min(due_at) as due_at from polls where upstream = ${upstream} and due_at > ${pollMs}`,
  )}) as next)`;
  const claimed = sql`
    polls.due_at as token, failures,
    ${pollMs} - not_found_since as not_found_for_ms, ${pollMs} - unread_since as unread_for_ms,
    case when notified_at <= ${pollMs} then polls.was_due_at - notified_at end as notified_for_ms`;
  const sinceNotified = sql`${pollMs} - notified_at`;

  /** One range scan for each upstream, so that none passes over another upstream's rows. */
  function union(toQuery: (upstream: string) => RawBuilder<unknown>): RawBuilder<unknown> {
    const queries = upstreams.map((upstream) => sql`select * from (${toQuery(upstream)}) as scan`);
    return sql.join(queries, sql` union all `);
  }

  const select = (which: RawBuilder<unknown>, limit: number): RawBuilder<unknown> =>
    sql`select job_id, due_at, was_due_at from polls where ${which} limit ${atMost(limit)} ${skipLocked}`;

  async function claim(chosen: RawBuilder<unknown>) {
    const { rows } = await sql<{ next_in_ms: number | null } & (ClaimedRow | { id: null })>`
      with ${updatesInQueries ? claimWithin(chosen) : await claimFirst(chosen)}
      select ${nextInMs} as next_in_ms, claimed.*, jobs.*
      from (select 1) as one left join claimed on true left join jobs on jobs.id = claimed.job_id
    `.execute(queries);
    const polls = rows.flatMap((row) => (row.id === null ? [] : toClaimedPoll(row)));
    return { polls, nextInMs: rows[0]?.next_in_ms ?? null };
  }

  const claimWithin = (chosen: RawBuilder<unknown>): RawBuilder<unknown> => sql`
    due as (
      select job_id, was_due_at is not null and due_at <= ${pollMs} as is_taken_over
      from (${chosen}) as chosen
    ), claimed as (
      update polls set ${claimIt} from due where polls.job_id = due.job_id
      returning polls.job_id, is_taken_over, ${claimed}
    )`;

  /** Where a query may not update, there is nobody to take over from. */
  async function claimFirst(chosen: RawBuilder<unknown>): Promise<RawBuilder<unknown>> {
    const { rows } = await sql<Record<keyof typeof CLAIMED, unknown>>`
      update polls set ${claimIt} where job_id in (select job_id from (${chosen}) as chosen)
      returning polls.job_id, false as is_taken_over, ${claimed}
    `.execute(queries);
    return sql`claimed as (select * from ${toRecords("claimed", CLAIMED, rows)})`;
  }

  return {
    /**
     * Claims at most `limit` polls that are due, the one that is due longest first, together with their jobs. `nextInMs`
     * says when another one is due; null when none is.
     */
    async claimDue(wanted: {
      readonly limit: number;
      readonly exceptDeployments: readonly string[];
    }) {
      const { limit, exceptDeployments } = wanted;
      await checkDisk();
      const isDue = sql`due_at <= ${pollMs} and deployment_id not in ${toTexts(exceptDeployments)}`;
      const due = union((upstream) =>
        select(sql`upstream = ${upstream} and ${isDue} order by due_at`, limit),
      );
      return await claim(sql`select * from (${due}) as due order by due_at limit ${atMost(limit)}`);
    },

    /**
     * Sets when the next polls are due. After an upstream webhook during a poll, the next one is due at once. Resolves with
     * how soon the first is due. Does nothing for a poll that another gateway has claimed meanwhile.
     */
    async putBack(polls: readonly EndedPoll[]): Promise<number | null> {
      // What somebody holds up comes due when its claim ends. Gateways that lock the same polls, here or in a claim, do so
      // in one order: otherwise each may wait for the other.
      const records = polls.toSorted((a, b) => (a.jobId < b.jobId ? -1 : 1));
      const given = toRecords("put", PUT_BACK, records);
      // Locked by a query that runs once: in an `in`, it may run again for each of them.
      const { rows } = await sql<{ in_ms: number | null }>`
        with put as (
          select put.* from ${given} join polls on polls.job_id = put."jobId" ${skipLocked}
        )
        update polls set
          due_at = case
            when notified_at > polls.due_at - ${sql.lit(CLAIM_MS)} and notified_at < ${pollMs} + put."delayMs" then notified_at
            else ${pollMs} + put."delayMs" end,
          was_due_at = case when put."delayMs" is null then ${pollMs} end,
          failures = put.failures,
          not_found_since = ${pollMs} - put."notFoundForMs",
          unread_since = ${pollMs} - put."unreadForMs"
        from put where polls.job_id = put."jobId" and polls.due_at = put.token
        returning polls.due_at - ${pollMs} as in_ms
      `.execute(queries);
      const delaysMs = rows.flatMap(({ in_ms }) => in_ms ?? []);
      return delaysMs.length === 0 ? null : Math.min(...delaysMs);
    },

    /**
     * Makes the polls of these jobs due, or where they are claimed, makes them due once they are put back: of each job one
     * in a second. Resolves with those of which it has; others have no poll to come, have one due anyway, or are just being
     * written by somebody else.
     */
    async makeDue(jobIds: readonly string[]) {
      // A time further off than that is one of a clock that was set back.
      const isPending = sql`${sinceNotified} between ${sql.lit(-BETWEEN_NOTIFIED_MS)} and -1`;
      // Later than a claim in whose millisecond it comes.
      const notifiedAt = sql`case when ${sinceNotified} between 0 and ${sql.lit(BETWEEN_NOTIFIED_MS)}
        then notified_at + ${sql.lit(BETWEEN_NOTIFIED_MS)}
        else ${pollMs} + case when was_due_at is null then 0 else 1 end end`;
      const { rows } = await sql<{ job_id: string; deployment_id: string }>`
        update polls set notified_at = ${notifiedAt},
          due_at = case when was_due_at is null and due_at > ${notifiedAt} then ${notifiedAt} else due_at end
        where job_id in (select job_id from polls where job_id in ${toTexts(jobIds)} ${skipLocked})
          and due_at is not null and (notified_at is null or not ${isPending})
        returning job_id, deployment_id
      `.execute(queries);
      return rows.map(({ job_id: jobId, deployment_id: deploymentId }) => ({
        jobId,
        deploymentId,
      }));
    },

    /** Makes the polls due of jobs that have been detached for so long since their last poll. */
    async resume(leftForMs: number): Promise<void> {
      await sql`
        update polls set due_at = ${pollMs}, was_due_at = null
        where upstream in (${sql.join(upstreams)}) and due_at is null
          and was_due_at <= ${pollMs} - ${leftForMs}
      `.execute(queries);
    },

    /** Makes due what can be due so late only because the database's clock was set back. */
    async mendTimes(): Promise<void> {
      await sql`
        update polls set due_at = ${pollMs}
        where upstream in (${sql.join(upstreams)}) and due_at > ${pollMs} + ${sql.lit(NEVER_MS)}
      `.execute(queries);
    },
  };
}

const CLAIMED = {
  job_id: "text",
  is_taken_over: "integer",
  token: "bigint",
  failures: "integer",
  not_found_for_ms: "bigint",
  unread_for_ms: "bigint",
  notified_for_ms: "bigint",
} as const;

const PUT_BACK = {
  jobId: "text",
  token: "bigint",
  delayMs: "bigint",
  failures: "integer",
  notFoundForMs: "bigint",
  unreadForMs: "bigint",
} as const;

type ClaimedRow = JobRow & {
  readonly token: number;
  /** SQLite has numbers for it. */
  readonly is_taken_over: boolean | number;
  readonly failures: number;
  readonly not_found_for_ms: number | null;
  readonly unread_for_ms: number | null;
  readonly notified_for_ms: number | null;
};

function toClaimedPoll(row: ClaimedRow): ClaimedPoll {
  const { request_id: requestId, token, traceparent } = row;
  if (requestId === null) throw new Error(`${row.id} is polled without a request id`);
  return {
    job: { ...toJob(row), requestId },
    token,
    isTakenOver: Boolean(row.is_taken_over),
    notifiedForMs: row.notified_for_ms,
    traceparent,
    polls: {
      failures: row.failures,
      notFoundForMs: row.not_found_for_ms,
      unreadForMs: row.unread_for_ms,
    },
  };
}
