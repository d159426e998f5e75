import { type Kysely, sql } from "kysely";

import { type Job, type JobEvent, toEvent } from "../job/job.ts";
import type { ChangeFeed } from "./change-feed.ts";
import type { Database } from "./database.ts";
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
import type { Tables } from "./tables.ts";

/** A taken key whose job is gone a moment later was freed by a refusal; that does not happen often in a row. */
const MOST_INSERTS = 5;

/** Well below the parameters that a statement may have: 32,766 on SQLite, 65,535 on Postgres. */
const IDS_PER_STATEMENT = 1_000;

/** The job store in SQL, the same for both databases; what differs is in `ownership.ts` and the migrations. */
export function createJobStore(dependencies: {
  readonly database: Database;
  readonly ownership: Ownership;
  readonly changes: ChangeFeed;
}): JobStore {
  const { database, ownership, changes } = dependencies;
  const { queries } = database;

  const store: JobStore = {
    async insertJob(job, input, submissionKey) {
      for (let attempt = 0; attempt < MOST_INSERTS; attempt++) {
        const isInserted = await queries.transaction().execute(async (transaction) => {
          const row = await transaction
            .insertInto("jobs")
            .values({
              ...fromJob(job),
              idempotency_key: submissionKey?.key ?? null,
              fingerprint: submissionKey?.fingerprint ?? null,
              owner: ownership.gatewayId,
              input: JSON.stringify(input),
              output: null,
            })
            .onConflict((conflict) => conflict.column("idempotency_key").doNothing())
            .returning("id")
            .executeTakeFirst();
          if (row === undefined) return false;
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

    claimJobs: (limit) => ownership.claim(limit),
    listOwnedJobs: () => ownership.list(),
    isExclusive: database.kind === "sqlite",
    renewLease: () => ownership.renew(),
    subscribe: (jobId, wake) => changes.subscribe(jobId, wake),

    async ping() {
      await sql`select 1`.execute(queries);
    },

    async close() {
      try {
        await ownership.giveUp();
      } finally {
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
