import type { Kysely } from "kysely";

import type { Channels } from "../diagnostics/channels.ts";
import type { Database } from "./database.ts";
import { createDeletions } from "./delete-jobs.ts";
import { createFeed } from "./feed.ts";
import { createFiles, insertKeeps } from "./files.ts";
import { createFollowedJobs } from "./followed-jobs.ts";
import { createInsert } from "./insert-job.ts";
import { createDocuments, setResult, toResultTexts } from "./job-documents.ts";
import { fromJob, inChunks, JOB_COLUMNS, toJob, UNFINISHED_STATUSES } from "./job-rows.ts";
import type { Jobs, JobStore } from "./job-store.ts";
import { createJobLists } from "./list-jobs.ts";
import { createPolls } from "./polls.ts";
import { createReadRuns } from "./read-runs.ts";
import { createQuotas } from "./quotas.ts";
import { createJobReads } from "./read-jobs.ts";
import { createSubmitLeases } from "./submit-leases.ts";
import { createSharedPause } from "./shared-pause.ts";
import type { Tables } from "./tables.ts";
import { createUploads } from "./upload-rows.ts";
import type { WakeUps } from "./wake-ups.ts";

/** The job store in SQL, the same for both databases. */
export function createJobStore(dependencies: {
  readonly database: Database;
  readonly changes: WakeUps;
  readonly channels: Channels;
}): JobStore {
  const { database, changes, channels } = dependencies;
  const { queries, reads } = database;
  const system = database.isShared ? "postgresql" : "sqlite";
  const announce: WakeUps["announce"] = (jobId, ownerId) =>
    channels.wakeUp.runStores(null, () => changes.announce(jobId, ownerId));

  /** The same methods, each of which is published. */
  function publish<Group extends object>(table: string, group: Group): Group {
    const methods = new Proxy(group, {
      get(target, method) {
        const act: unknown = Reflect.get(target, method);
        if (typeof act !== "function") return act;
        return (...given: unknown[]) => {
          if (!channels.statement.hasSubscribers) return Reflect.apply(act, target, given);
          const message = { system, table, method: String(method) };
          const run = async () => Reflect.apply(act, target, given);
          return channels.statement.tracePromise(run, message);
        };
      },
    });
    return { ...methods };
  }

  const jobs: Jobs = {
    insert: createInsert(database, channels),

    async save(job, result) {
      const texts = result === null ? null : toResultTexts(result);
      const update = async (transaction: Kysely<Tables>): Promise<boolean> => {
        const row = await transaction
          .updateTable("jobs")
          .set(fromJob(job))
          .where("id", "=", job.id)
          .where("version", "=", job.version - 1)
          .where("status", "in", UNFINISHED_STATUSES)
          .returning("id")
          .executeTakeFirst();
        if (row === undefined) return false;
        if (texts !== null) await setResult(transaction, job.id, texts);
        const keep = result?.keep ?? [];
        if (keep.length > 0) await insertKeeps(transaction, database, job, keep);
        return true;
      };
      const isSaved = await (texts === null
        ? database.writeOne(update)
        : database.write(update, texts.output.length + texts.assets.length));
      if (isSaved) {
        channels.stored.publish(job);
        announce(job.id, job.ownerId);
      }
      return isSaved;
    },

    async readKeyed(ownerId, key) {
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

    async readTraceparent(id) {
      const row = await reads
        .selectFrom("jobs")
        .select("traceparent")
        .where("id", "=", id)
        .executeTakeFirst();
      return row?.traceparent ?? null;
    },

    ...createJobReads(database),
    ...createDeletions(database, announce),
    ...createJobLists(database),
    ...createSubmitLeases(database),
    ...createFollowedJobs(database),
  };

  return {
    upstream: database.upstream,
    jobs: publish("jobs", jobs),
    documents: publish("job_documents", createDocuments(database)),
    feed: {
      ...publish("jobs", createFeed(database)),
      subscribeToJob: changes.subscribeToJob,
      subscribe: changes.subscribe,
    },
    quotas: publish("quotas", createQuotas(database)),
    polls: createPolls(database),
    ...publish("runs", { readRuns: createReadRuns(database) }),
    pauses: createSharedPause(database),
    files: publish("kept_files", createFiles(database, announce, channels)),
    uploads: publish("uploads", createUploads(database)),
    isShared: database.isShared,
    readsPerOwner: database.readsPerOwner,
    ping: database.ping,
    hangUp: database.hangUp,
    async close() {
      await changes.close();
      await database.close();
    },
  };
}
