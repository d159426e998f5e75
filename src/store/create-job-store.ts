import type { Kysely } from "kysely";

import { type Job, type JobEvent, toEvent } from "../job/job.ts";
import type { Database } from "./database.ts";
import { databaseNowMs } from "./database-clock.ts";
import { deleteFinishedJob, deleteOldJobs, refuseSpentKey } from "./delete-jobs.ts";
import { hasDeployment, listDeploymentIds } from "./deployments.ts";
import { createFeed } from "./feed.ts";
import { checkInFlight, lockInFlight } from "./in-flight.ts";
import {
  fromJob,
  fromJobEvent,
  JOB_COLUMNS,
  toJob,
  toJobEvent,
  UNFINISHED_STATUSES,
} from "./job-rows.ts";
import type { JobStore, KeyedJob } from "./job-store.ts";
import { countJobs, selectJobs } from "./list-jobs.ts";
import { insertInput, readDocuments, setOutput } from "./job-documents.ts";
import type { Ownership } from "./ownership.ts";
import { createRates } from "./rates.ts";
import { notePause, readPauseMs } from "./shared-pause.ts";
import { extendSubmit, keepLateRequestId, markAbandonedSubmits } from "./submit-leases.ts";
import type { Tables } from "./tables.ts";
import { createTurns } from "./turns.ts";
import type { WakeUps } from "./wake-ups.ts";

/** A taken key whose job is gone a moment later was freed by a refusal; that does not happen often in a row. */
const MOST_INSERTS = 5;

/** Well below the parameters that a statement may have: 32,766 on SQLite, 65,535 on Postgres. */
const IDS_PER_STATEMENT = 1_000;

/** The job store in SQL, the same for both databases; what differs is in `ownership.ts` and the migrations. */
export function createJobStore(dependencies: {
  readonly database: Database;
  readonly ownership: Ownership;
  readonly changes: WakeUps;
}): JobStore {
  const { database, ownership, changes } = dependencies;
  const { queries, reads } = database;
  const inTurn = createTurns({ most: 1, isYielding: false });

  const store: JobStore = {
    async insertJob(job, input, submissionKey, submitLeaseMs = 15_000, mostInFlight = null) {
      const insert = (): Promise<boolean> =>
        queries.transaction().execute(async (transaction) => {
          if (mostInFlight !== null) await lockInFlight(transaction, database.kind, job.ownerId);
          const row = await transaction
            .insertInto("jobs")
            .values((eb) => ({
              ...fromJob(job),
              idempotency_key: submissionKey?.key ?? null,
              fingerprint: submissionKey?.fingerprint ?? null,
              gateway_id: ownership.gatewayId,
              submit_until: eb(databaseNowMs(database.kind), "+", submitLeaseMs),
            }))
            .onConflict((conflict) => conflict.columns(["owner_id", "idempotency_key"]).doNothing())
            .returning("id")
            .executeTakeFirst();
          if (row === undefined) return false;
          // After the insert: a deletion that freed the key for it has committed its part here, too.
          if (submissionKey !== null) {
            await refuseSpentKey(transaction, database.kind, job.ownerId, submissionKey.key);
          }
          if (mostInFlight !== null)
            await checkInFlight(transaction, job.ownerId, { most: mostInFlight, isInserted: true });
          await insertInput(transaction, job.id, input);
          await insertEvent(transaction, job);
          return true;
        });
      const readKeyed = async (): Promise<KeyedJob | null> =>
        submissionKey === null ? null : await store.readKeyedJob(job.ownerId, submissionKey.key);
      // Most refusals then cost one read, and neither a lock nor a row; what is exact is checked with the row.
      if (mostInFlight !== null) {
        try {
          await checkInFlight(queries, job.ownerId, { most: mostInFlight, isInserted: false });
        } catch (error) {
          const keyed = await readKeyed();
          if (keyed !== null) return keyed;
          throw error;
        }
      }
      for (let attempt = 0; attempt < MOST_INSERTS; attempt++) {
        // One owner's inserts wait for each other's lock: here, and not with a connection each.
        const isInserted = await (mostInFlight === null ? insert() : inTurn(job.ownerId, insert));
        // Nobody is woken: nobody watches a job that was not there, and the feed tells of none that is SUBMITTING.
        if (isInserted) return null;
        const keyed = await readKeyed();
        if (keyed !== null) return keyed;
      }
      throw new Error(
        `${job.id} could not be stored: its idempotency key was taken and freed ${MOST_INSERTS} times meanwhile; submit it again`,
      );
    },

    async deleteJob(id) {
      await queries
        .deleteFrom("jobs")
        .where("id", "=", id)
        .where("status", "=", "SUBMITTING")
        .execute();
      changes.announce(id);
    },

    extendSubmit: (id, leaseMs) => extendSubmit(database, id, leaseMs),
    listAbandonedSubmits: (limit) => markAbandonedSubmits(database, ownership.gatewayId, limit),
    keepLateRequestId: (id, requestId) => keepLateRequestId(database, id, requestId),

    async deleteFinishedJob(id) {
      const isDeleted = await deleteFinishedJob(database, id);
      if (isDeleted) changes.announce(id);
      return isDeleted;
    },

    // Nobody is woken: who watched has heard the end, and the feed tells of no deletion.
    deleteOldJobs: (ages, limit) => deleteOldJobs(database, ages, limit),

    async saveJob(job, output) {
      const isSaved = await queries.transaction().execute(async (transaction) => {
        const row = await transaction
          .updateTable("jobs")
          .set(fromJob(job))
          .where("id", "=", job.id)
          .where("version", "=", job.version - 1)
          .where("status", "in", UNFINISHED_STATUSES)
          .returning("id")
          .executeTakeFirst();
        if (row === undefined) return false;
        if (output !== null) await setOutput(transaction, job.id, output);
        if (!isMoveInQueue(job)) await insertEvent(transaction, job);
        return true;
      });
      if (isSaved) changes.announce(job.id, job.ownerId);
      return isSaved;
    },

    async readJob(id, ownerId) {
      const row = await queries
        .selectFrom("jobs")
        .select(JOB_COLUMNS)
        .where("id", "=", id)
        .$if(ownerId !== undefined, (jobs) => jobs.where("owner_id", "=", ownerId ?? ""))
        .executeTakeFirst();
      return row === undefined ? null : toJob(row);
    },

    async readJobs(ids, ownerId) {
      const rows = await inChunks(ids, (chunk) =>
        reads
          .selectFrom("jobs")
          .select(JOB_COLUMNS)
          .where("id", "in", chunk)
          .$if(ownerId !== undefined, (jobs) => jobs.where("owner_id", "=", ownerId ?? ""))
          .execute(),
      );
      const jobs = new Map(rows.map((row) => [row.id, toJob(row)]));
      return ids.map((id) => jobs.get(id) ?? null);
    },

    async readHistories(ids) {
      const rows = await inChunks(ids, (chunk) =>
        reads
          .selectFrom("job_events")
          .selectAll()
          .where("job_id", "in", chunk)
          .orderBy("job_id")
          .orderBy("version")
          .execute(),
      );
      const histories = Map.groupBy(rows, (row) => row.job_id);
      return ids.map((id): JobEvent[] => (histories.get(id) ?? []).map(toJobEvent));
    },

    async readDocuments(ids, mostBytes) {
      const rows = await inChunks(ids, (chunk) => readDocuments(reads, chunk, mostBytes));
      const documents = new Map(rows);
      return ids.map((id) => documents.get(id) ?? null);
    },

    async readKeyedJob(ownerId, key): Promise<KeyedJob | null> {
      const row = await queries
        .selectFrom("jobs")
        .select([...JOB_COLUMNS, "fingerprint"])
        .where("owner_id", "=", ownerId)
        .where("idempotency_key", "=", key)
        .executeTakeFirst();
      return row === undefined ? null : { job: toJob(row), fingerprint: row.fingerprint ?? "" };
    },

    async listJobs(range) {
      return (await selectJobs(reads, range)).map(toJob);
    },

    countJobs: (filter) => countJobs(reads, filter),

    listDeploymentIds: (ownerId) => listDeploymentIds(reads, ownerId),
    hasDeployment: (deploymentId, ownerId) => hasDeployment(reads, deploymentId, ownerId),

    ...createFeed(database),
    readPauseMs: () => readPauseMs(database),
    notePause: (durationMs) => notePause(database, durationMs),

    claimJobs: (limit) => ownership.claim(limit),
    listOwnedJobs: () => ownership.list(),
    isExclusive: database.kind === "sqlite",
    renewLease: (reach) => ownership.renew(reach),
    subscribe: (jobId, wake) => changes.subscribe(jobId, wake),
    subscribeToFeed: (ownerId, wake) => changes.subscribeToFeed(ownerId, wake),
    readShares: () => ownership.readShares(),
    pickUnfinishedId: () => ownership.pickUnfinishedId(),

    async releaseJobs(count) {
      const ids = await ownership.release(count);
      // Not waited for: the caller stops looking at them first, while the message is on its way.
      if (ids.length > 0) void changes.handOver();
      return ids;
    },

    onHandover: (claim) => changes.onHandover(claim),
    rates: createRates(database),

    readsPerOwner: database.readsPerOwner,
    ping: () => database.ping(),

    hangUp: () => database.hangUp(),

    async close() {
      try {
        // Without its lease this gateway's jobs are nobody's, all at once.
        await ownership.giveUp();
        await changes.handOver();
      } finally {
        await changes.close();
        await database.close();
      }
    },
  };
  return store;
}

/** Thousands that wait behind each other move millions of times, which is news to watchers and no history. */
function isMoveInQueue({ status, queuePosition }: Job): boolean {
  return status === "IN_QUEUE" && queuePosition !== null;
}

async function insertEvent(transaction: Kysely<Tables>, job: Job): Promise<void> {
  await transaction
    .insertInto("job_events")
    .values(fromJobEvent(job.id, toEvent(job)))
    // A job is in each status once; a place that was lost is a move as well.
    .onConflict((conflict) => conflict.columns(["job_id", "status"]).doNothing())
    .execute();
}

async function inChunks<Row>(
  ids: readonly string[],
  read: (chunk: string[]) => Promise<Row[]>,
): Promise<Row[]> {
  const distinct = [...new Set(ids)];
  const rows: Row[] = [];
  for (let start = 0; start < distinct.length; start += IDS_PER_STATEMENT) {
    rows.push(...(await read(distinct.slice(start, start + IDS_PER_STATEMENT))));
  }
  return rows;
}
