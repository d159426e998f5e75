import { type Kysely, sql } from "kysely";

import { type Job, type JobEvent, toEvent } from "../job/job.ts";
import type { Database } from "./database.ts";
import { databaseNowMs } from "./database-clock.ts";
import { deleteFinishedJob, deleteOldJobs, refuseSpentKey } from "./delete-jobs.ts";
import { hasDeployment, listDeploymentIds } from "./deployments.ts";
import { createFeed } from "./feed.ts";
import { checkInFlight, lockInFlight } from "./in-flight.ts";
import {
  fromDocument,
  fromJob,
  fromJobEvent,
  JOB_COLUMNS,
  toDocuments,
  toJob,
  toJobEvent,
  UNFINISHED_STATUSES,
} from "./job-rows.ts";
import type { JobStore, KeyedJob } from "./job-store.ts";
import { countJobs, selectJobs } from "./list-jobs.ts";
import { measureDocuments } from "./measure-documents.ts";
import type { Ownership } from "./ownership.ts";
import { createRates } from "./rates.ts";
import { notePause, readPauseMs } from "./shared-pause.ts";
import { toStoredKey } from "./stored-key.ts";
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
  const { queries } = database;
  const inTurn = createTurns();

  const store: JobStore = {
    async insertJob(job, input, submissionKey, submitLeaseMs, mostInFlight = null) {
      const key = submissionKey === null ? null : toStoredKey(job.ownerId, submissionKey.key);
      const insert = (): Promise<boolean> =>
        queries.transaction().execute(async (transaction) => {
          if (mostInFlight !== null) await lockInFlight(transaction, database.kind, job.ownerId);
          const row = await transaction
            .insertInto("jobs")
            .values((eb) => ({
              ...fromJob(job),
              idempotency_key: key,
              fingerprint: submissionKey?.fingerprint ?? null,
              owner: ownership.gatewayId,
              input: JSON.stringify(input),
              output: null,
              submit_until:
                submitLeaseMs === undefined
                  ? null
                  : eb(databaseNowMs(database.kind), "+", submitLeaseMs),
            }))
            .onConflict((conflict) => conflict.column("idempotency_key").doNothing())
            .returning("id")
            .executeTakeFirst();
          if (row === undefined) return false;
          // After the insert: a deletion that freed the key for it has committed its part here, too.
          if (key !== null) await refuseSpentKey(transaction, database.kind, key);
          if (mostInFlight !== null)
            await checkInFlight(transaction, job.ownerId, { most: mostInFlight, isInserted: true });
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
        if (isInserted) {
          changes.announce(job.id);
          return null;
        }
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
          .set({ ...fromJob(job), output: fromDocument(output) })
          .where("id", "=", job.id)
          .where("version", "=", job.version - 1)
          .where("status", "in", UNFINISHED_STATUSES)
          .returning("id")
          .executeTakeFirst();
        if (row === undefined) return false;
        await insertEvent(transaction, job);
        return true;
      });
      if (isSaved) changes.announce(job.id);
      return isSaved;
    },

    async readJob(id, ownerId) {
      const row = await queries
        .selectFrom("jobs")
        .select(JOB_COLUMNS)
        .where("id", "=", id)
        .$if(ownerId !== undefined, (jobs) => jobs.where("job_owner", "=", ownerId ?? ""))
        .executeTakeFirst();
      return row === undefined ? null : toJob(row);
    },

    async readJobs(ids, ownerId) {
      const rows = await inChunks(ids, (chunk) =>
        queries
          .selectFrom("jobs")
          .select(JOB_COLUMNS)
          .where("id", "in", chunk)
          .$if(ownerId !== undefined, (jobs) => jobs.where("job_owner", "=", ownerId ?? ""))
          .execute(),
      );
      const jobs = new Map(rows.map((row) => [row.id, toJob(row)]));
      return ids.map((id) => jobs.get(id) ?? null);
    },

    async readHistories(ids) {
      const rows = await inChunks(ids, (chunk) =>
        queries
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

    async readDocuments(ids) {
      const rows = await inChunks(ids, (chunk) =>
        queries
          .selectFrom("jobs")
          .select(["id", "input", "output"])
          .where("id", "in", chunk)
          .execute(),
      );
      const documents = new Map(rows.map((row) => [row.id, toDocuments(row)]));
      return ids.map((id) => documents.get(id) ?? null);
    },

    async measureDocuments(ids, mostBytes) {
      const rows = await inChunks(ids, (chunk) => measureDocuments(queries, chunk, mostBytes));
      const measured = new Map(rows);
      return ids.map((id) => measured.get(id) ?? null);
    },

    async readKeyedJob(ownerId, key): Promise<KeyedJob | null> {
      const row = await queries
        .selectFrom("jobs")
        .select([...JOB_COLUMNS, "fingerprint"])
        .where("idempotency_key", "=", toStoredKey(ownerId, key))
        .executeTakeFirst();
      return row === undefined ? null : { job: toJob(row), fingerprint: row.fingerprint ?? "" };
    },

    async listJobs(range) {
      return (await selectJobs(queries, range)).map(toJob);
    },

    countJobs: (filter) => countJobs(queries, filter),

    listDeploymentIds: (ownerId) => listDeploymentIds(queries, ownerId),
    hasDeployment: (deploymentId, ownerId) => hasDeployment(queries, deploymentId, ownerId),

    ...createFeed(database),
    readPauseMs: () => readPauseMs(database),
    notePause: (durationMs) => notePause(database, durationMs),

    claimJobs: (limit) => ownership.claim(limit),
    listOwnedJobs: () => ownership.list(),
    isExclusive: database.kind === "sqlite",
    renewLease: (reach) => ownership.renew(reach),
    subscribe: (jobId, wake) => changes.subscribe(jobId, wake),
    subscribeToAll: (wake) => changes.subscribeToAll(wake),
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

    async ping() {
      await sql`select 1`.execute(queries);
    },

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

async function insertEvent(transaction: Kysely<Tables>, job: Job): Promise<void> {
  await transaction
    .insertInto("job_events")
    .values(fromJobEvent(job.id, toEvent(job)))
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
