import type { Kysely } from "kysely";

import type { Job } from "../job/job.ts";
import { type Database, databaseNowMs } from "./database.ts";
import { deleteFinishedJob, deleteOldJobs, refuseSpentKey } from "./delete-jobs.ts";
import { createFeed } from "./feed.ts";
import { checkInFlight, lockInFlight } from "./in-flight.ts";
import { createDocuments, insertInput, setOutput } from "./job-documents.ts";
import { fromJob, inChunks, JOB_COLUMNS, toJob, UNFINISHED_STATUSES } from "./job-rows.ts";
import type { Jobs, JobStore, KeyedJob } from "./job-store.ts";
import { createJobLists } from "./list-jobs.ts";
import type { OwnOwnership } from "./ownership.ts";
import { createQuotas } from "./quotas.ts";
import { createSubmitLeases } from "./submit-leases.ts";
import type { Tables } from "./tables.ts";
import { createTurns } from "./turns.ts";
import { createUpstreamPause } from "./upstream-pause.ts";
import type { WakeUps } from "./wake-ups.ts";

/** A taken key whose job is gone a moment later was freed by a refusal; that does not happen often in a row. */
const MOST_INSERTS = 5;

/** The job store in SQL, the same for both databases; what differs is in `ownership.ts` and the migrations. */
export function createJobStore(dependencies: {
  readonly database: Database;
  readonly ownership: OwnOwnership;
  readonly changes: WakeUps;
}): JobStore {
  const { database, ownership, changes } = dependencies;
  const { queries, reads } = database;
  const inTurn = createTurns({ most: 1, isYielding: false });

  const jobs: Jobs = {
    async insert({ job, input, key, leaseMs = 15_000, mostInFlight = null }) {
      const insertOnce = (): Promise<boolean> =>
        queries.transaction().execute(async (transaction) => {
          if (mostInFlight !== null) await lockInFlight(transaction, database.kind, job.ownerId);
          const row = await transaction
            .insertInto("jobs")
            .values((eb) => ({
              ...fromJob(job),
              idempotency_key: key?.key ?? null,
              fingerprint: key?.fingerprint ?? null,
              gateway_id: ownership.gatewayId,
              submit_until: eb(databaseNowMs(database.kind), "+", leaseMs),
            }))
            .onConflict((conflict) => conflict.columns(["owner_id", "idempotency_key"]).doNothing())
            .returning("id")
            .executeTakeFirst();
          if (row === undefined) return false;
          // After the insert: a deletion that freed the key for it has committed its part here, too.
          if (key !== null) await refuseSpentKey(transaction, database.kind, job.ownerId, key.key);
          if (mostInFlight !== null)
            await checkInFlight(transaction, job.ownerId, { most: mostInFlight, isInserted: true });
          await insertInput(transaction, job.id, input);
          await insertEvent(transaction, job);
          return true;
        });
      const readKeyed = async (): Promise<KeyedJob | null> =>
        key === null ? null : await jobs.readKeyed(job.ownerId, key.key);
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
        const isInserted = await (mostInFlight === null
          ? insertOnce()
          : inTurn(job.ownerId, insertOnce));
        // Nobody is woken: nobody watches a job that was not there, and the feed tells of none that is SUBMITTING.
        if (isInserted) return null;
        const keyed = await readKeyed();
        if (keyed !== null) return keyed;
      }
      throw new Error(
        `${job.id} could not be stored: its idempotency key was taken and freed ${MOST_INSERTS} times meanwhile; submit it again`,
      );
    },

    async save(job, output) {
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

    async withdraw(id) {
      await queries
        .deleteFrom("jobs")
        .where("id", "=", id)
        .where("status", "=", "SUBMITTING")
        .execute();
      changes.announce(id);
    },

    async delete(id) {
      const isDeleted = await deleteFinishedJob(database, id);
      if (isDeleted) changes.announce(id);
      return isDeleted;
    },

    // Nobody is woken: who watched has heard the end, and the feed tells of no deletion.
    deleteOld: (ages, limit) => deleteOldJobs(database, ages, limit),

    async read(id, ownerId) {
      const row = await queries
        .selectFrom("jobs")
        .select(JOB_COLUMNS)
        .where("id", "=", id)
        .$if(ownerId !== undefined, (jobs) => jobs.where("owner_id", "=", ownerId ?? ""))
        .executeTakeFirst();
      return row === undefined ? null : toJob(row);
    },

    async readMany(ids, ownerId) {
      const rows = await inChunks(ids, (chunk) =>
        reads
          .selectFrom("jobs")
          .select(JOB_COLUMNS)
          .where("id", "in", chunk)
          .$if(ownerId !== undefined, (jobs) => jobs.where("owner_id", "=", ownerId ?? ""))
          .execute(),
      );
      const found = new Map(rows.map((row) => [row.id, toJob(row)]));
      return ids.map((id) => found.get(id) ?? null);
    },

    async readKeyed(ownerId, key): Promise<KeyedJob | null> {
      const row = await queries
        .selectFrom("jobs")
        .select([...JOB_COLUMNS, "fingerprint"])
        .where("owner_id", "=", ownerId)
        .where("idempotency_key", "=", key)
        .executeTakeFirst();
      return row === undefined ? null : { job: toJob(row), fingerprint: row.fingerprint ?? "" };
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
      return ids.map((id) =>
        (histories.get(id) ?? []).map(({ version, status, at }) => ({
          version,
          status,
          at: new Date(at),
        })),
      );
    },

    ...createJobLists(reads),
    ...createSubmitLeases(database, ownership.gatewayId),
  };

  return {
    jobs,
    documents: createDocuments(reads),
    feed: {
      ...createFeed(database),
      subscribeToJob: changes.subscribeToJob,
      subscribe: changes.subscribe,
    },
    quotas: createQuotas(database),
    ownership: {
      isExclusive: database.kind === "sqlite",
      ...ownership,
      async release(limit) {
        const ids = await ownership.release(limit);
        // Not waited for: the caller stops looking at them first, while the message is on its way.
        if (ids.length > 0) void changes.handOver();
        return ids;
      },
      onHandover: changes.onHandover,
      ...createUpstreamPause(database),
    },
    readsPerOwner: database.readsPerOwner,
    ping: database.ping,
    hangUp: database.hangUp,
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
}

/** Thousands that wait behind each other move millions of times, which is news to watchers and no history. */
function isMoveInQueue({ status, queuePosition }: Job): boolean {
  return status === "IN_QUEUE" && queuePosition !== null;
}

async function insertEvent(transaction: Kysely<Tables>, job: Job): Promise<void> {
  const { id, version, status, updatedAt } = job;
  await transaction
    .insertInto("job_events")
    .values({ job_id: id, version, status, at: updatedAt.getTime() })
    // A job is in each status once; a place that was lost is a move as well.
    .onConflict((conflict) => conflict.columns(["job_id", "status"]).doNothing())
    .execute();
}
