import { type Kysely, sql } from "kysely";

import { type Job, type JobEvent, toEvent } from "../job/job.ts";
import type { Database } from "./database.ts";
import { databaseNowMs } from "./database-clock.ts";
import { deleteFinishedJob, deleteOldJobs, refuseSpentKey } from "./delete-jobs.ts";
import { readFeed, readFeedHead } from "./feed.ts";
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
import type { Ownership } from "./ownership.ts";
import { notePause, readPauseMs } from "./shared-pause.ts";
import { extendSubmit, keepLateRequestId, markAbandonedSubmits } from "./submit-leases.ts";
import type { Tables } from "./tables.ts";
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

  const store: JobStore = {
    async insertJob(job, input, submissionKey, submitLeaseMs) {
      for (let attempt = 0; attempt < MOST_INSERTS; attempt++) {
        const isInserted = await queries.transaction().execute(async (transaction) => {
          const row = await transaction
            .insertInto("jobs")
            .values((eb) => ({
              ...fromJob(job),
              idempotency_key: submissionKey?.key ?? null,
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
          if (submissionKey !== null)
            await refuseSpentKey(transaction, database.kind, submissionKey.key);
          await insertEvent(transaction, job);
          return true;
        });
        if (isInserted) {
          changes.announce(job.id);
          return null;
        }
        const keyed = submissionKey === null ? null : await store.readKeyedJob(submissionKey.key);
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

    async readJob(id) {
      const row = await queries
        .selectFrom("jobs")
        .select(JOB_COLUMNS)
        .where("id", "=", id)
        .executeTakeFirst();
      return row === undefined ? null : toJob(row);
    },

    async readJobs(ids) {
      const rows = await inChunks(ids, (chunk) =>
        queries.selectFrom("jobs").select(JOB_COLUMNS).where("id", "in", chunk).execute(),
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

    async readKeyedJob(key): Promise<KeyedJob | null> {
      const row = await queries
        .selectFrom("jobs")
        .select([...JOB_COLUMNS, "fingerprint"])
        .where("idempotency_key", "=", key)
        .executeTakeFirst();
      return row === undefined ? null : { job: toJob(row), fingerprint: row.fingerprint ?? "" };
    },

    async listJobs(range) {
      return (await selectJobs(queries, range)).map(toJob);
    },

    countJobs: (filter) => countJobs(queries, filter),

    async listDeploymentIds() {
      // From one id straight to the next in the index, past all jobs between them.
      const { rows } = await sql<{ readonly id: string }>`
        with recursive deployments (id) as (
          select min(deployment_id) from jobs
          union all
          select (select min(deployment_id) from jobs where deployment_id > deployments.id)
          from deployments where deployments.id is not null
        )
        select id from deployments where id is not null order by id`.execute(queries);
      return rows.map((row) => row.id);
    },

    async hasDeployment(deploymentId) {
      const row = await queries
        .selectFrom("jobs")
        .select("id")
        .where("deployment_id", "=", deploymentId)
        .limit(1)
        .executeTakeFirst();
      return row !== undefined;
    },

    readFeedHead: () => readFeedHead(database),
    readFeed: (cursor, limit) => readFeed(database, cursor, limit),
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
