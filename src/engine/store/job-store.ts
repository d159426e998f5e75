import type { Kysely } from "kysely";

import type { Channels } from "../diagnostics/channels.ts";
import type { Asset } from "../job/asset.ts";
import type { Job } from "../job/job.ts";
import { createChangeJob } from "./change-job.ts";
import type { Database } from "./database.ts";
import { createDeletions } from "./delete-jobs.ts";
import { createFeed } from "./feed.ts";
import { createHolds } from "./holds.ts";
import { createFiles, insertKeeps } from "./files.ts";
import { toChanges, UNFINISHED_STATUSES } from "./job-rows.ts";
import { createLabels } from "./labels.ts";
import { createLateCosts, insertLateCost } from "./late-costs.ts";
import { createJobLists } from "./list-jobs.ts";
import { createUpstreamWebhookTrust } from "./upstream-webhook-trust.ts";
import { createPausedDeployments } from "./paused-deployments.ts";
import { createPolls } from "./polls.ts";
import { createQuotas } from "./quotas.ts";
import { createDocuments, createJobReads, MAX_SHORT_BYTES, toFirstAssets } from "./read-jobs.ts";
import { createSignInRows } from "./sign-ins.ts";
import { createSubmits } from "./submits.ts";
import type { Tables } from "./tables.ts";
import { createUploads } from "./upload-rows.ts";
import { createFollowedJobs, createPauses, createReadRuns } from "./upstream-rows.ts";
import type { WakeUps } from "./wake-ups.ts";

export type JobStore = ReturnType<typeof createJobStore>;
export type Jobs = JobStore["jobs"];
export type Feed = JobStore["feed"];

/** What comes of a job that SUCCEEDED. */
export type Result = {
  /** JSON. */
  readonly output: string;
  readonly assets: readonly Asset[];
  /** The URLs of files that are to be kept from then on. */
  readonly keep: readonly string[];
  /** Whether the upstream has yet to report what the run cost. */
  readonly isCostDue?: boolean;
};

/**
 * The truth about jobs, uncached, in SQL that is the same for both databases. Every method rejects with a plain error when
 * the database can't be reached. Where an `ownerId` is given, jobs of other owners are as if they did not exist; what
 * another upstream's jobs have taught or counted is left out.
 */
export function createJobStore(dependencies: {
  readonly database: Database;
  readonly changes: WakeUps;
  readonly channels: Channels;
}) {
  const { database, changes, channels } = dependencies;
  const { isShared, upstream, hangUp } = database;
  const announce: WakeUps["announce"] = (jobId, ownerId) =>
    channels.wakeUp.runStores(null, () => changes.announce(jobId, ownerId));
  const changeJob = createChangeJob(database, announce);

  /** The same methods, with each call published. */
  function publish<Group extends object>(table: string, group: Group): Group {
    const system = isShared ? "postgresql" : "sqlite";
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

  const jobs = {
    /**
     * Writes what is new in the job's next version, with an event if its status is, and wakes its watchers. False, and
     * nothing written, when the stored version is not `before`'s, the one right before, or is final.
     */
    async save(before: Job, job: Job, result: Result | null): Promise<boolean> {
      // Made before the writes that wait for each other.
      const texts = result && toTexts(result);
      const changes = toChanges(before, job);
      const update = async (transaction: Kysely<Tables>): Promise<boolean> => {
        const row = await transaction
          .updateTable("jobs")
          .set(changes)
          .where("id", "=", job.id)
          // Mutant: no fence on the version
          .where("version", "=", job.version - 1)
          .where("status", "in", UNFINISHED_STATUSES)
          .returning("id")
          .executeTakeFirst();
        if (row === undefined) return false;
        if (texts !== null) await setResult(transaction, job.id, texts);
        const keep = result?.keep ?? [];
        if (keep.length > 0) await insertKeeps(transaction, database, job, keep);
        if (result?.isCostDue === true) await insertLateCost(transaction, database, job);
        return true;
      };
      const isSaved = await (texts === null
        ? database.writeOne(update)
        : database.write(update, texts.output.length + texts.all.bytes));
      if (isSaved) {
        channels.stored.publish(job);
        // Mutant: a watcher who is not notified
        announce(job.id, job.ownerId);
      }
      return isSaved;
    },

    ...createSubmits(database, announce, channels),
    ...createJobReads(database),
    ...createDeletions(database, announce),
    ...createJobLists(database),
    ...createLabels(database, changeJob),
    ...createFollowedJobs(database),
  };

  return {
    /** For the tables of parts. */
    database,
    publish,
    upstream,
    isShared,
    /** Rejects unless the database answers, is still the one that was opened, and other gateways there have the same parts. */
    async ping(): Promise<void> {
      await database.ping();
      await changes.check();
    },
    hangUp,
    jobs: publish("jobs", jobs),
    documents: publish("job_documents", createDocuments(database)),
    feed: {
      ...publish("jobs", createFeed(database)),
      subscribeToJob: (jobId: string, wake: () => void) => changes.subscribeToJob(jobId, wake),
      subscribe: (ownerId: string | undefined, wake: () => void) =>
        changes.subscribe(ownerId, wake),
    },
    quotas: publish("quotas", createQuotas(database)),
    polls: createPolls(database),
    upstreamWebhookTrust: createUpstreamWebhookTrust(database),
    ...publish("runs", { readRuns: createReadRuns(database) }),
    pauses: createPauses(database),
    holds: publish("holds", createHolds(database, { announce, changeJob, channels })),
    pausedDeployments: publish("paused_deployments", createPausedDeployments(database)),
    files: publish("kept_files", createFiles(database, changeJob, channels)),
    uploads: publish("uploads", createUploads(database)),
    lateCosts: publish("late_costs", createLateCosts(database, announce)),
    signIns: publish("sign_ins", createSignInRows(database)),
    async close(): Promise<void> {
      await changes.close();
      await database.close();
    },
  };
}

type ResultTexts = ReturnType<typeof toTexts>;

function toTexts({ output, assets }: Result) {
  const text = JSON.stringify(assets);
  const bytes = Buffer.byteLength(text);
  const { count, assets: first } = toFirstAssets(assets);
  return {
    output,
    all: { bytes, assets: text },
    first: bytes <= MAX_SHORT_BYTES ? null : { count, assets: JSON.stringify(first) },
  };
}

async function setResult(
  transaction: Kysely<Tables>,
  job_id: string,
  { output, all, first }: ResultTexts,
): Promise<void> {
  await transaction
    .updateTable("job_documents")
    .set({ output, output_bytes: Buffer.byteLength(output) })
    .where("job_id", "=", job_id)
    .execute();
  await transaction
    .insertInto("job_assets")
    .values({ job_id, ...all })
    .execute();
  if (first === null) return;
  await transaction
    .insertInto("first_assets")
    .values({ job_id, ...first })
    .execute();
}
