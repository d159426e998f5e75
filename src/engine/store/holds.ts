import { type Kysely, type RawBuilder, type Selectable, sql } from "kysely";

import type { Credential, OwnerLimits } from "../../auth/viewer.ts";
import type { Admission } from "./admission.ts";
import type { Channels } from "../diagnostics/channels.ts";
import type { HoldFacts, QueueOptions } from "../job/hold.ts";
import type { Job } from "../job/job.ts";
import { namesOf } from "../job/upstream.ts";
import { LimitError } from "../../runtime/coded-error.ts";
import type { ChangeJob } from "./change-job.ts";
import { atMost, type Database } from "./database.ts";
import { inChunks, inOrder, type JobRow, toDate, toJob } from "./job-rows.ts";
import { countUnfinished, countWithin, createOwnerWrites, readUsed } from "./quotas.ts";
import type { Tables } from "./tables.ts";
import { idleMs } from "./upstream-rows.ts";

/** Who submits a job that is HELD, and how. */
export type NewHold = {
  readonly options: QueueOptions;
  readonly needsApproval: boolean;
  /** The credential's. */
  readonly submittedBy: string | null;
  readonly signedBy: string;
  readonly limits: HeldLimits;
  /** Where the job of its day was counted, to be refunded if it comes to nothing. */
  readonly counted: CountedJob | null;
  /** No limit when null. */
  readonly mostHeld: number | null;
};

/** What counts when a job is sent, not when it is submitted. */
export type HeldLimits = Pick<OwnerLimits, "jobsInFlight" | "submitsPerMinute">;

/** A row of `quotas`, and when its window ends. */
type CountedJob = { readonly key: string; readonly endsAtMs: number };

/** A job that was HELD and is to be sent now, only by the gateway that claimed it. */
export type ClaimedHold = {
  readonly kind: "claimed";
  readonly job: Job;
  /** How long after the claim was asked for its POST may leave; Infinity where that is not limited. */
  readonly leftMs: number;
  /** Whoever released it last, or else submitted it. */
  readonly sentFor: Pick<Credential, "id" | "signedBy">;
};

/**
 * Why nothing was claimed: the owner has nothing that may be sent, or it, a key of it or a deployment is at a limit, or the
 * job can never be sent.
 */
export type NoClaim =
  | { readonly kind: "none" | "limited" }
  | { readonly kind: "hopeless"; readonly jobId: string; readonly reason: string }
  | { readonly kind: "key-limited"; readonly keyId: string }
  | { readonly kind: "closed"; readonly deploymentId: string };

type Row = Selectable<Tables["holds"]>;

/** Further back, a job's place is not looked for. */
const MAX_AHEAD = 1_000;

/** How often one job may try whether the whole queue can go on, of all gateways. */
const BETWEEN_TRIES_MS = 60_000;

/** Jobs that wait here before they are sent, and their claim. */
export function createHolds(
  database: Database,
  {
    announce,
    changeJob,
    channels,
  }: {
    readonly announce: (jobId: string, ownerId: string) => void;
    readonly changeJob: ChangeJob;
    readonly channels: Channels;
  },
) {
  const { nowMs, queries, reads, checkDisk, skipLocked, lock } = database;
  const writeForOwner = createOwnerWrites(database);
  const upstreams = namesOf(database.upstream);
  const outageId = `queue ${upstreams[0] ?? ""}`;
  /** Where a clock was set back, too. */
  const isDue = sql`(paused_until <= ${nowMs} or paused_until > ${nowMs} + ${2 * BETWEEN_TRIES_MS})`;
  /** The order in which an owner's jobs are sent. */
  const order = sql`(-priority), created_at, job_id`;

  /** One range scan for each of the upstream's names. */
  const scanReady = (ownerId: RawBuilder<unknown>, rest: RawBuilder<unknown>): RawBuilder<Row> => {
    const scans = upstreams.map(
      (upstream) => sql`select * from (select * from holds
        where due_at = 0 and upstream = ${upstream} and ${ownerId} ${rest}) as scan`,
    );
    return sql<Row>`(${sql.join(scans, sql` union all `)})`;
  };

  /** What `due_at` is once neither a hand nor an approval is waited for. */
  const dueAt = sql`case when send_after > ${nowMs} then send_after else 0 end`;

  /** Changes how a job waits, as a new version of it; null where it is not HELD, or `where` does not hold. */
  async function change(
    jobId: string,
    { set, where }: { set: RawBuilder<unknown>; where: RawBuilder<unknown> },
  ): Promise<Job | null> {
    const changing = changeJob(jobId, {
      set: sql`updated_at = ${nowMs}`,
      where: sql`status = 'HELD'`,
      // Asked once the job is locked, as it may have been released meanwhile.
      async and(transaction) {
        const { rows } = await sql`
          update holds set ${set} where job_id = ${jobId} and ${where}
            returning job_id`.execute(transaction);
        if (rows.length === 0) throw new LostHold();
      },
    });
    const row = await changing.catch(toLost);
    return row && toJob(row);
  }

  /** Whether as many of the deployment's jobs are at the upstream as may be. Waits for others who claim one. */
  async function isFull(transaction: Kysely<Tables>, deploymentId: string, atOnce: number) {
    await lock(transaction, `deployment:${deploymentId}`);
    const { rows } = await sql`
      select 1 from jobs where upstream in (${sql.join(upstreams)}) and deployment_id = ${deploymentId}
        and status in ('SUBMITTING', 'IN_QUEUE', 'IN_PROGRESS')
        and finished_at is null and detached_since is null limit ${atMost(atOnce)}`.execute(
      transaction,
    );
    return rows.length >= atOnce;
  }

  /** Counts the submit; rejects with `LimitReached` where the owner may send none now. */
  async function refuseAboveLimits(
    transaction: Kysely<Tables>,
    ownerId: string,
    { jobsInFlight, submitsPerMinute }: HeldLimits,
  ): Promise<void> {
    if (jobsInFlight !== null) {
      const inFlight = await countUnfinished(transaction, ownerId, upstreams);
      if (inFlight >= jobsInFlight) throw new LimitReached();
    }
    if (submitsPerMinute === null) return;
    const { count } = await countWithin(transaction, database, "submits", ownerId);
    if (count > submitsPerMinute) throw new LimitReached();
  }

  /** Takes the try of this minute, of all gateways. */
  async function takeTry(transaction: Kysely<Tables>): Promise<boolean> {
    const { rows } = await sql`
      update pauses set paused_until = ${nowMs} + ${BETWEEN_TRIES_MS}
        where id = ${outageId} and ${isDue} returning id`.execute(transaction);
    return rows.length > 0;
  }

  return {
    /** At most `limit` owners of jobs that may be sent, by their ids, from behind this one on. */
    async listOwnersAfter(ownerId: string, limit: number): Promise<string[]> {
      const next = (after: RawBuilder<unknown>) =>
        sql`(select min(owner_id) from ${scanReady(sql`owner_id > ${after}`, sql`order by owner_id limit 1`)} as ready)`;
      const { rows } = await sql<{ readonly owner_id: string }>`
        with recursive owners (owner_id, number) as (
          select ${next(sql`${ownerId}`)}, 1
          union all
          select ${next(sql`owners.owner_id`)}, number + 1 from owners
            where owner_id is not null and number < ${limit}
        )
        select owner_id from owners where owner_id is not null`.execute(queries);
      return rows.map(({ owner_id }) => owner_id);
    },

    /**
     * Claims the first of an owner's jobs that may be sent: it is SUBMITTING under a lease from then on. `atOnceOf` says how
     * many jobs of a deployment the upstream may have, `mayLeave` whether one may be sent there now.
     */
    async claim(
      ownerId: string,
      options: {
        readonly leaseMs: number;
        readonly closed: readonly string[];
        /** Credentials whose jobs are left out, by their ids. */
        readonly limitedKeys?: readonly string[];
        readonly atOnceOf: (deploymentId: string) => number | null;
        readonly mayLeave: (deploymentId: string) => boolean;
        /** Comes last, once the job is locked. */
        readonly admit: Admission["claim"];
        /** Whether it has to take this minute's try of an outage. */
        readonly isTry: boolean;
      },
    ): Promise<ClaimedHold | NoClaim> {
      const { leaseMs, closed, limitedKeys = [], atOnceOf, mayLeave, admit, isTry } = options;
      await checkDisk();
      const isOpen = sql`deployment_id not in ${database.toTexts(closed)}
        and coalesce(submitted_by, '') not in ${database.toTexts(limitedKeys)}
        and (ends_at is null or ends_at > ${nowMs})`;
      const first = scanReady(
        sql`owner_id = ${ownerId} and ${isOpen}`,
        sql`order by ${order} limit 1`,
      );
      const claiming = writeForOwner(ownerId, async (transaction) => {
        const { rows } = await sql<Row>`
          select * from ${first} as ready order by ${order} limit 1`.execute(transaction);
        const [row] = rows;
        if (row === undefined) return { kind: "none" } as const;
        const { job_id: jobId, deployment_id: deploymentId } = row;
        // Mutant: a paused deployment whose jobs are sent
        const isPaused = await readIsPaused(transaction, row);
        const atOnce = atOnceOf(deploymentId);
        // Mutant: more jobs of a deployment than there may be at once
        if (isPaused || (atOnce !== null && (await isFull(transaction, deploymentId, atOnce))))
          return { kind: "closed", deploymentId } as const;
        await refuseAboveLimits(transaction, ownerId, JSON.parse(row.limits));
        if (isTry && !(await takeTry(transaction))) throw new LostHold();
        // Last, as one has to leave then.
        if (!mayLeave(deploymentId)) throw new ClosedDeployment(deploymentId);
        const { rows: jobs } = await sql<JobRow & { readonly now: number }>`
          update jobs set status = 'SUBMITTING', claim = claim + 1, sent_at = ${nowMs},
              submit_until = ${nowMs} + ${leaseMs}, idle_ms = ${idleMs(database, deploymentId)},
              version = version + 1, updated_at = ${nowMs}
            where id = ${jobId} and status = 'HELD' returning *, ${nowMs} as now`.execute(
          transaction,
        );
        // Asked again once the job is locked, as it may have been held meanwhile.
        const { rows: taken } = await sql`
          update holds set due_at = null where job_id = ${jobId} and due_at = 0
            returning job_id`.execute(transaction);
        const [sent] = jobs;
        if (sent === undefined || taken.length === 0) throw new LostHold();
        const job = toJob(sent);
        const admitted = await admit(transaction, job).catch((error: unknown) => {
          throw error instanceof LimitError ? new HopelessHold(jobId, error.message) : error;
        });
        if (admitted === "limited") throw new LimitReached();
        if (admitted === "key-limited") throw new LimitReached(row.submitted_by);
        if (admitted === "closed") throw new ClosedDeployment(deploymentId);
        return {
          kind: "claimed",
          job,
          leftMs: row.ends_at === null ? Infinity : row.ends_at - sent.now,
          sentFor: { id: row.sent_for, signedBy: row.signed_by },
        } as const;
      });
      const claimed = await claiming.catch((error: unknown) => {
        if (error instanceof LostHold) return { kind: "none" } as const;
        if (error instanceof LimitReached)
          return error.keyId === null
            ? ({ kind: "limited" } as const)
            : ({ kind: "key-limited", keyId: error.keyId } as const);
        if (error instanceof ClosedDeployment)
          return { kind: "closed", deploymentId: error.deploymentId } as const;
        if (error instanceof HopelessHold)
          return { kind: "hopeless", jobId: error.jobId, reason: error.message } as const;
        throw error;
      });
      if (claimed.kind === "claimed") {
        channels.stored.publish(claimed.job);
        announce(claimed.job.id, ownerId);
      }
      return claimed;
    },

    /**
     * Puts a claimed job that certainly never reached the upstream back, due after `delayMs`, or where that is null, once it
     * is released. False where the claim is over, or was given up.
     */
    async putBack({ id, claim }: Job, delayMs: number | null): Promise<boolean> {
      const row = await changeJob(id, {
        set: sql`status = 'HELD', sent_at = null, updated_at = ${nowMs}`,
        // Mutant: an outcome of a claim that is over
        // Mutant: an abandoned claim that is put back
        where: sql`status = 'SUBMITTING' and claim = ${claim} and submit_until <> 0`,
        and: (transaction) =>
          sql`update holds set since = ${nowMs}, by_hand = ${Number(delayMs === null)},
              due_at = case when is_cancelled = 1 then null else ${
                delayMs === null ? null : sql`${nowMs} + ${Math.ceil(delayMs)}`
              } end
            where job_id = ${id}`.execute(transaction),
      });
      if (row !== null) channels.stored.publish(toJob(row));
      return row !== null;
    },

    /** Notes that a claimed job is to end CANCELLED if it is put back. False where it is not SUBMITTING. */
    async noteCancel(jobId: string): Promise<boolean> {
      const { rows } = await sql`
        update holds set is_cancelled = 1, ends_at = 0
          where job_id = ${jobId}
            and exists (select 1 from jobs where id = ${jobId} and status = 'SUBMITTING')
          returning job_id`.execute(queries);
      return rows.length > 0;
    },

    /** Lets a job wait until it is released. */
    hold: (jobId: string): Promise<Job | null> =>
      change(jobId, {
        set: sql`by_hand = 1, due_at = null, since = ${nowMs}`,
        where: sql`by_hand = 0`,
      }),

    /**
     * Ends that. It waits for an approval from then on if the one who releases it needs one. Null where no hand holds it.
     */
    release(
      jobId: string,
      by: Pick<Credential, "id" | "signedBy" | "needsApproval">,
    ): Promise<Job | null> {
      const needsApproval = by.needsApproval ? sql`1` : sql`needs_approval`;
      const addedBy = by.needsApproval ? sql`${by.id}` : sql`approval_added_by`;
      return change(jobId, {
        where: sql`by_hand = 1`,
        set: sql`by_hand = 0, sent_for = ${by.id}, signed_by = ${by.signedBy}, since = ${nowMs},
          needs_approval = ${needsApproval}, approval_added_by = ${addedBy},
          due_at = case when ${needsApproval} = 1 then null else ${dueAt} end`,
      });
    },

    /** Approves a job; null where it waits for no approval, or not for one of this credential. */
    approve: (jobId: string, credentialId: string | null): Promise<Job | null> =>
      change(jobId, {
        set: sql`needs_approval = 0, since = ${nowMs},
          due_at = case when by_hand = 1 then null else ${dueAt} end`,
        // Mutant: an approval by who submitted the job
        where: sql`needs_approval = 1 and not coalesce(submitted_by = ${credentialId}, false)
          and not coalesce(approval_added_by = ${credentialId}, false)`,
      }),

    prioritize: (jobId: string, priority: number): Promise<Job | null> =>
      change(jobId, { set: sql`priority = ${priority}`, where: sql`priority <> ${priority}` }),

    /** In how many milliseconds the next job is due; whether some are ready. */
    async readNext() {
      const isReady = upstreams.map(
        (upstream) => sql`exists (select 1 from holds where due_at = 0 and upstream = ${upstream})`,
      );
      const { rows } = await sql<Record<"due_in" | "is_ready", number | null>>`
        select (select min(due_at) from holds where due_at > 0) - ${nowMs} as due_in,
          case when ${sql.join(isReady, sql` or `)} then 1 else 0 end as is_ready`.execute(queries);
      const [row] = rows;
      return { dueInMs: row?.due_in ?? Infinity, hasReady: row?.is_ready === 1 };
    },

    /** Makes ready what has become due, at most `limit` of it. */
    async makeReady(limit: number): Promise<void> {
      await sql`
        update holds set due_at = 0 where job_id in (
          select job_id from holds where due_at > 0 and due_at <= ${nowMs}
            order by due_at limit ${atMost(limit)} ${skipLocked}
        )`.execute(queries);
    },

    /** In how many milliseconds the next job ends unsent. */
    async readNextEnd(): Promise<number> {
      const { rows } = await sql<{ readonly end_in: number | null }>`
        select (select min(ends_at) from holds where ends_at is not null) - ${nowMs} as end_in`.execute(
        queries,
      );
      return rows[0]?.end_in ?? Infinity;
    },

    /** HELD jobs that are to end unsent now, and whether that is because they were cancelled. */
    async listOver(limit: number): Promise<readonly { id: string; isCancelled: boolean }[]> {
      const { rows } = await sql<{ readonly id: string; readonly is_cancelled: number }>`
        select id, is_cancelled from holds join jobs on jobs.id = job_id
          where ends_at <= ${nowMs} and status = 'HELD'
          order by ends_at limit ${atMost(limit)}`.execute(queries);
      return rows.map(({ id, is_cancelled }) => ({ id, isCancelled: is_cancelled === 1 }));
    },

    /** Holds the whole queue: for a minute nothing is claimed, and then one job a minute until `endOutage`. */
    async noteOutage(): Promise<void> {
      await sql`
        insert into pauses (id, noted_at, paused_until)
          values (${outageId}, ${nowMs}, ${nowMs} + ${BETWEEN_TRIES_MS})
          on conflict (id) do update set paused_until = excluded.paused_until`.execute(queries);
    },

    async endOutage(): Promise<void> {
      await sql`delete from pauses where id = ${outageId}`.execute(queries);
    },

    /** Whether jobs may be claimed: all, one to try, or none in an outage. */
    async readOutage(): Promise<"no outage" | "try" | "wait"> {
      const { rows } = await sql<{ readonly is_due: number }>`
        select case when ${isDue} then 1 else 0 end as is_due
          from pauses where id = ${outageId}`.execute(queries);
      const [row] = rows;
      if (row === undefined) return "no outage";
      return row.is_due === 1 ? "try" : "wait";
    },

    /** The owner's job once nobody writes it any more, as somebody may where its insert got no answer. */
    async readSettled({ id, ownerId }: Job): Promise<Job | null> {
      return await writeForOwner(ownerId, async (transaction) => {
        const { rows } = await sql<JobRow>`select * from jobs where id = ${id}`.execute(
          transaction,
        );
        return rows[0] === undefined ? null : toJob(rows[0]);
      });
    },

    /** How jobs wait, in the order of `ids`; null for one that is not HELD. */
    async readMany(ids: readonly string[]): Promise<(HoldFacts | null)[]> {
      const rows = await inChunks(ids, async (chunk) => {
        const { rows } = await sql<FactsRow>`
          select holds.*, job_id as id, ${nowMs} as now,
            (select paused_until from pauses where id = ${outageId}) as outage_until,
            exists (
              select 1 from paused_deployments where paused_deployments.deployment_id = holds.deployment_id
                and paused_deployments.upstream in (${sql.join(upstreams)})
            ) or holds.upstream not in (${sql.join(upstreams)}) as is_paused
          from holds join jobs on jobs.id = job_id
            where job_id in (${sql.join(chunk)}) and status = 'HELD'`.execute(reads);
        return rows;
      });
      const limited = new Map<string, Limited>();
      for (const row of rows) {
        const key = JSON.stringify([row.owner_id, row.limits]);
        if (row.due_at === 0 && !limited.has(key)) limited.set(key, await readLimited(row));
      }
      return inOrder(ids, rows, (row) =>
        toFacts(row, limited.get(JSON.stringify([row.owner_id, row.limits]))),
      );
    },

    /** An owner's HELD jobs in the order in which they are sent, at most `limit`; of one deployment, if it is given. */
    async list(ownerId: string, limit: number, deploymentId?: string): Promise<readonly Job[]> {
      const isOfDeployment =
        deploymentId === undefined ? sql`` : sql`and holds.deployment_id = ${deploymentId}`;
      const { rows } = await sql<JobRow>`
        select jobs.* from holds join jobs on jobs.id = job_id
          where holds.owner_id = ${ownerId} and status = 'HELD' ${isOfDeployment}
          order by (-priority), holds.created_at, job_id limit ${atMost(limit)}`.execute(reads);
      return rows.map(toJob);
    },

    /** The HELD jobs that wait for an approval, oldest first; an owner's, or everybody's. */
    async listToApprove(ownerId: string | undefined, limit: number): Promise<readonly Job[]> {
      const isOwners = ownerId === undefined ? sql`` : sql`and holds.owner_id = ${ownerId}`;
      const { rows } = await sql<JobRow>`
        select jobs.* from holds join jobs on jobs.id = job_id
          where needs_approval = 1 ${isOwners} and status = 'HELD'
          order by holds.created_at, job_id limit ${atMost(limit)}`.execute(reads);
      return rows.map(toJob);
    },

    /** How many of their owner's jobs are sent before each; null for one that is not ready, or far behind. */
    async readAhead(jobs: readonly Pick<Job, "id" | "ownerId">[]): Promise<(number | null)[]> {
      const ids = jobs.map(({ id }) => id);
      const found: { readonly id: string; readonly ahead: number }[] = [];
      for (const ownerId of new Set(jobs.map((job) => job.ownerId))) {
        const { rows } = await sql<{ readonly id: string; readonly ahead: number }>`
          select job_id as id, ahead from (
            select job_id, row_number() over (order by ${order}) - 1 as ahead
              from ${scanReady(sql`owner_id = ${ownerId}`, sql`order by ${order} limit ${MAX_AHEAD}`)} as ready
          ) as ranked
            where ahead < ${MAX_AHEAD} and job_id in ${database.toTexts(ids)}`.execute(reads);
        found.push(...rows);
      }
      return inOrder(ids, found, ({ ahead }) => ahead);
    },
  };

  type Limited = { readonly until: number | null } | null;

  async function readLimited({ owner_id, limits }: Row): Promise<Limited> {
    const { jobsInFlight, submitsPerMinute }: HeldLimits = JSON.parse(limits);
    if (jobsInFlight !== null) {
      const inFlight = await countUnfinished(reads, owner_id, upstreams);
      if (inFlight >= jobsInFlight) return { until: null };
    }
    if (submitsPerMinute === null) return null;
    const used = await readUsed(reads, database, "submits", owner_id);
    return used !== null && used.count >= submitsPerMinute ? { until: used.endsAtMs } : null;
  }

  function toFacts(row: FactsRow, limited: Limited | undefined): HoldFacts {
    return {
      since: new Date(row.since),
      priority: row.priority,
      sendAfter: toDate(row.send_after),
      needsApproval: row.needs_approval === 1,
      isByHand: row.by_hand === 1,
      isPaused: Boolean(row.is_paused),
      isEarly: row.send_after !== null && row.send_after > row.now,
      retryAt: row.due_at !== null && row.due_at > row.now ? new Date(row.due_at) : null,
      outageUntil: toDate(row.outage_until),
      isLimited: limited !== undefined && limited !== null,
      limitedUntil: toDate(limited?.until ?? null),
    };
  }

  async function readIsPaused(transaction: Kysely<Tables>, row: Row): Promise<boolean> {
    const { rows } = await sql<{ readonly reason: string | null }>`
      select ${database.readPause(upstreams, row.deployment_id)} as reason`.execute(transaction);
    return rows[0]?.reason !== null;
  }
}

/** A row was changed by others meanwhile: nothing of the transaction is written. */
class LostHold extends Error {}

/** The same where its owner, or one of the owner's keys, may send no more at the moment. */
class LimitReached extends Error {
  readonly keyId: string | null;

  constructor(keyId: string | null = null) {
    super();
    this.keyId = keyId;
  }
}

/** The same where the job can never be sent. */
class HopelessHold extends Error {
  readonly jobId: string;

  constructor(jobId: string, reason: string) {
    super(reason);
    this.jobId = jobId;
  }
}

/** The same where nothing may leave to the deployment. */
class ClosedDeployment extends Error {
  readonly deploymentId: string;

  constructor(deploymentId: string) {
    super();
    this.deploymentId = deploymentId;
  }
}

function toLost(error: unknown): null {
  if (error instanceof LostHold) return null;
  throw error;
}

type FactsRow = Row & {
  readonly id: string;
  readonly now: number;
  readonly outage_until: number | null;
  /** SQLite has numbers for it. */
  readonly is_paused: boolean | number;
};

/** Writes how a job waits, in the transaction that adds it. */
export async function insertHold(
  transaction: Kysely<Tables>,
  { nowMs }: Pick<Database, "nowMs">,
  job: Job,
  hold: NewHold,
): Promise<void> {
  const { options, needsApproval, counted } = hold;
  const { priority, sendAfter, sendBefore, hold: isByHand } = options;
  const sendAfterMs = sendAfter?.getTime() ?? null;
  const waits = isByHand || needsApproval;
  await transaction
    .insertInto("holds")
    .values({
      job_id: job.id,
      owner_id: job.ownerId,
      upstream: job.upstream,
      deployment_id: job.deploymentId,
      created_at: job.createdAt.getTime(),
      since: nowMs,
      priority,
      send_after: sendAfterMs,
      by_hand: Number(isByHand),
      needs_approval: Number(needsApproval),
      submitted_by: hold.submittedBy,
      approval_added_by: null,
      sent_for: hold.submittedBy,
      signed_by: hold.signedBy,
      limits: JSON.stringify(hold.limits),
      counted_for: counted?.key ?? null,
      counted_until: counted?.endsAtMs ?? null,
      // One long past is due now.
      due_at: waits ? null : Math.max(0, sendAfterMs ?? 0),
      ends_at: sendBefore?.getTime() ?? null,
    })
    .execute();
}
