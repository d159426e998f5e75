import { type Kysely, sql } from "kysely";

import type { Channels } from "../diagnostics/channels.ts";
import type { AlsoWrite } from "./admission.ts";
import { deploymentPaused } from "../job/errors.ts";
import type { Job } from "../job/job.ts";
import type { JsonObject } from "../job/json.ts";
import { toSearchText } from "../job/input.ts";
import { namesOf } from "../job/upstream.ts";
import { LimitError, toCountText } from "../../runtime/coded-error.ts";
import { atMost, type Database } from "./database.ts";
import { deleteEnded } from "./delete-ended.ts";
import { refuseSpentKey } from "./delete-jobs.ts";
import { insertHold, type NewHold } from "./holds.ts";
import type { JobRow } from "./job-rows.ts";
import { fromJob, isAnothers, toJob } from "./job-rows.ts";
import { insertLabels } from "./labels.ts";
import { countUnfinished, createOwnerWrites } from "./quotas.ts";
import type { Tables } from "./tables.ts";
import { HELD_HERE } from "./unfinished-jobs.ts";
import { insertUses } from "./upload-rows.ts";
import { idleMs } from "./upstream-rows.ts";

/**
 * An idempotency key, which is its owner's alone, and a digest of what was submitted. Without a key, the digest may count:
 * the same submit within ten minutes is `found` again, if the first was `noted`.
 */
export type SubmissionKey = {
  readonly key: string | null;
  readonly fingerprint: string;
  readonly repeats?: Repeats | undefined;
};

/** Whether a submit is noted for ten minutes, so that it can be found again, and whether one without a key may be a repeat. */
export type Repeats = "noted" | "found";

/** A job to be submitted. */
type NewJob = {
  readonly job: Job;
  readonly input: JsonObject;
  readonly key: SubmissionKey | null;
  readonly leaseMs?: number;
  /** No limit when null. */
  readonly mostInFlight?: number | null;
  /** The uploads that the input names, which stay as long as the job. */
  readonly uploads?: readonly string[];
  readonly alsoWrite?: AlsoWrite | undefined;
  /** Of a job that is HELD. */
  readonly hold?: NewHold | undefined;
};

/** Nobody knows when a job will end; most last longer than this. */
const RETRY_AFTER_SECONDS = 10;

/**
 * Twice the longest submit lease there can be: one that ends later was taken before the database's clock was set back,
 * and would keep its row open for as long as that. A gateway that is still submitting under it can't send any more, and
 * has as long as every other to store the outcome.
 */
const MAX_LEASE_MS = 720_000;

/** In place of a time: the submit was given up for good. */
const ABANDONED = 0;

/** SUBMITTING jobs. For the time of its lease, such a row is its gateway's alone. */
export function createSubmits(
  database: Database,
  announce: (id: string, ownerId?: string) => void,
  channels: Channels,
) {
  const { nowMs, queries, checkDisk, readPause, skipLocked, upstream } = database;
  const write = createOwnerWrites(database);

  return {
    /**
     * Adds a job with its first history event, under a submit lease (15 s by default). False, and nothing added, when
     * another job has the key, or it repeats one. Rejects with an `IdempotencyConflictError` when the key's job was deleted,
     * with a `LimitError` when the owner has `mostInFlight` unfinished jobs on all gateways, or the most that may be HELD, with
     * an `InvalidInputError` when one of the uploads is gone, and with an `UpstreamError` when the deployment is paused and the
     * job is not HELD.
     */
    async insert(submit: NewJob): Promise<boolean> {
      const { job, input, key, leaseMs = 15_000, hold, uploads = [] } = submit;
      const { mostInFlight = null } = submit;
      const mostHeld = hold?.mostHeld ?? null;
      const isNoted = key?.repeats !== undefined;
      const inserting: { traceparent: string | null } = { traceparent: null };
      channels.inserting.publish(inserting);
      // Made before the writes that wait for each other.
      const texts = { input: JSON.stringify(input), search: toSearchText(input) };
      await checkDisk();
      if (isNoted) await deleteEnded(database, "repeatable_submits", "until");
      const isInserted = await write(
        mostInFlight === null && hold === undefined && !isNoted ? null : job.ownerId,
        async (transaction) => {
          if (key !== null && isRepeatable(key)) {
            const { fingerprint } = key;
            const repeated = await findRepeated(transaction, database, job.ownerId, fingerprint);
            if (repeated !== null) return false;
          }
          const row = await transaction
            .insertInto("jobs")
            .values((eb) => ({
              ...fromJob(job),
              idle_ms: hold === undefined ? idleMs(database, job.deploymentId) : null,
              idempotency_key: key?.key ?? null,
              fingerprint: key?.fingerprint ?? null,
              submit_until: eb(nowMs, "+", leaseMs),
              ...inserting,
            }))
            .onConflict((conflict) => conflict.columns(["owner_id", "idempotency_key"]).doNothing())
            .returning(["id", readPause(namesOf(upstream), job.deploymentId).as("pausedFor")])
            .executeTakeFirst();
          // A retry gets its job even at the limit.
          if (row === undefined) return false;
          if (row.pausedFor !== null && hold === undefined) throw deploymentPaused(row.pausedFor);
          // After the insert: a deletion that freed the key for it has committed its part here, too.
          if (key !== null && key.key !== null)
            await refuseSpentKey(transaction, nowMs, job.ownerId, key.key);
          if (isNoted) await noteRepeatable(transaction, database, job, key.fingerprint);
          const count = (...upstreams: readonly string[]) =>
            countUnfinished(transaction, job.ownerId, upstreams);
          if (mostInFlight !== null)
            refuseAbove(await count(...namesOf(database.upstream)), mostInFlight, "jobsInFlight");
          if (mostHeld !== null) refuseAbove(await count(HELD_HERE), mostHeld, "heldJobs");
          await insertTexts(transaction, job, texts);
          await insertUses(transaction, job.id, uploads);
          await submit.alsoWrite?.(transaction, job);
          if (hold !== undefined) await insertHold(transaction, database, job, hold);
          return true;
        },
        texts.input.length,
      );
      if (!isInserted) return false;
      channels.stored.publish(job);
      // The feed reports no job that is SUBMITTING, and nobody watches one that was not there.
      if (hold !== undefined) announce(job.id, job.ownerId);
      return true;
    },

    /** The job that a submit without a key repeats. */
    async readRepeated(ownerId: string, fingerprint: string): Promise<Job | null> {
      const row = await findRepeated(queries, database, ownerId, fingerprint);
      return row && toJob(row);
    },

    /**
     * Removes a SUBMITTING job that was never HELD and that the upstream refused, and frees its key. Wakes its watchers. False
     * when the job stays, since it was settled meanwhile.
     */
    async withdraw(id: string): Promise<boolean> {
      // Mutant: a withdrawn row that keeps its key
      const { rows: withdrawn } = await sql`
        delete from jobs where id = ${id} and status = 'SUBMITTING' and claim = 0
          returning id`.execute(queries);
      announce(id);
      if (withdrawn.length > 0) return true;
      const { rows: left } = await sql`select id from jobs where id = ${id}`.execute(queries);
      return left.length === 0;
    },

    /** Renews a submit lease. False when the job is no longer SUBMITTING or was given up: its POST must not leave. */
    async extendSubmit(id: string, leaseMs: number): Promise<boolean> {
      const { rows } = await sql`
        update jobs set submit_until = ${nowMs} + ${leaseMs}
          where id = ${id} and status = 'SUBMITTING' and submit_until <> ${ABANDONED}
          returning id`.execute(queries);
      return rows.length > 0;
    },

    /**
     * SUBMITTING jobs whose submit lease expired, and can't be extended any more; listed again until they are settled. On
     * SQLite those of an earlier process are among them at once.
     */
    async listAbandonedSubmits(limit: number): Promise<readonly Pick<Job, "id" | "claim">[]> {
      // Marked in the same statement: otherwise a lease could be extended, and the POST leave, before the row is settled.
      // Mutant: an abandoned submit settled while it is under way
      const { rows } = await sql<Pick<Job, "id" | "claim">>`
        with abandoned as (
          select id from jobs where status = 'SUBMITTING'
            and (submit_until <= ${nowMs} or submit_until > ${nowMs} + ${MAX_LEASE_MS})
          order by created_at, id limit ${atMost(limit)} ${skipLocked}
        )
        update jobs set submit_until = ${ABANDONED} where id in (select id from abandoned)
          returning id, claim`.execute(queries);
      return rows;
    },
  };
}

/** Whether the digest alone may have a job already. */
export function isRepeatable({ key, repeats }: SubmissionKey): boolean {
  return key === null && repeats === "found";
}

/** For how long the same submit without a key is taken for a repeat. */
const REPEATED_FOR_MS = 10 * 60_000;

/**
 * The job that a submit without a key repeats; null if there is none, or only one that was cancelled, or of which its
 * error says that another may be paid for.
 */
async function findRepeated(
  queries: Kysely<Tables>,
  database: Pick<Database, "nowMs" | "upstream">,
  ownerId: string,
  fingerprint: string,
): Promise<JobRow | null> {
  const row = await queries
    .selectFrom("repeatable_submits")
    .innerJoin("jobs", "jobs.id", "repeatable_submits.job_id")
    .selectAll("jobs")
    .where("repeatable_submits.owner_id", "=", ownerId)
    .where("repeatable_submits.fingerprint", "=", fingerprint)
    .where("until", ">", database.nowMs)
    .where("status", "<>", "CANCELLED")
    .where((eb) => eb.or([eb("status", "<>", "FAILED"), eb("error_retryable", "=", 0)]))
    .where((eb) => eb.not(isAnothers(database)))
    .executeTakeFirst();
  return row ?? null;
}

async function noteRepeatable(
  transaction: Kysely<Tables>,
  { nowMs }: Database,
  { id: job_id, ownerId: owner_id }: Job,
  fingerprint: string,
): Promise<void> {
  await transaction
    .insertInto("repeatable_submits")
    .values((eb) => ({ owner_id, fingerprint, job_id, until: eb(nowMs, "+", REPEATED_FOR_MS) }))
    .onConflict((conflict) =>
      conflict.columns(["owner_id", "fingerprint"]).doUpdateSet((eb) => ({
        job_id: eb.ref("excluded.job_id"),
        until: eb.ref("excluded.until"),
      })),
    )
    .execute();
}

/** An input, and what the job is found by. */
async function insertTexts(
  transaction: Kysely<Tables>,
  job: Job,
  { input, search }: { readonly input: string; readonly search: string },
): Promise<void> {
  const { id: job_id, ownerId: owner_id } = job;
  const created_at = job.createdAt.getTime();
  await transaction
    .insertInto("job_documents")
    .values({ job_id, input, input_bytes: Buffer.byteLength(input) })
    .execute();
  if (search !== "") {
    await transaction
      .insertInto("job_texts")
      .values({ owner_id, created_at, job_id, search })
      .execute();
  }
  await insertLabels(transaction, job);
}

/** Throws a `LimitError` when an owner has more than `most` unfinished jobs of some kind. */
function refuseAbove(count: number, most: number, limitName: keyof typeof REFUSALS): void {
  if (count <= most) return;
  const { noun, step } = REFUSALS[limitName];
  throw new LimitError(
    `You have ${toCountText(most, noun)}, the most allowed at once. ${step}, and submit again.`,
    { limitName, code: "QUOTA_EXCEEDED", retryAfterSeconds: RETRY_AFTER_SECONDS, limit: most },
  );
}

const REFUSALS = {
  jobsInFlight: {
    noun: "unfinished jobs",
    step: "Wait until some have ended, or cancel some that still wait",
  },
  heldJobs: {
    noun: "jobs that are held",
    step: "Wait until some have been sent, or release or cancel some",
  },
} as const;
