import { type Kysely, sql } from "kysely";

import type { Job } from "../job/job.ts";
import type { Channels } from "../diagnostics/channels.ts";
import { toCountText } from "../runtime/amount-text.ts";
import { LimitError } from "../runtime/coded-error.ts";
import { namesOf } from "../job/upstream.ts";
import type { Database } from "./database.ts";
import { refuseSpentKey } from "./delete-jobs.ts";
import { insertInput, toInputTexts } from "./job-documents.ts";
import { fromJob, isFollowed, UNFINISHED_STATUSES } from "./job-rows.ts";
import type { Jobs } from "./job-store.ts";
import type { Tables } from "./tables.ts";
import { createOwnerQueue, toOwnerLock } from "./owner-queue.ts";
import { insertUses } from "./upload-rows.ts";

/** Nobody knows when a job will end; most last longer than this. */
const RETRY_AFTER_SECONDS = 10;

export function createInsert(database: Database, channels: Channels): Jobs["insert"] {
  const { nowMs, write, checkDisk, lock } = database;
  const queue = createOwnerQueue(database);

  return async (submit) => {
    const { job, input, key, leaseMs = 15_000, mostInFlight = null, uploads = [] } = submit;
    const inserting: { traceparent: string | null } = { traceparent: null };
    channels.inserting.publish(inserting);
    const texts = toInputTexts(input);
    await checkDisk();
    // Nobody is woken: nobody watches a job that was not there, and the feed tells of none that is SUBMITTING.
    const insert = (): Promise<boolean> =>
      write(async (transaction) => {
        if (mostInFlight !== null) await lock(transaction, toOwnerLock(job.ownerId));
        const row = await transaction
          .insertInto("jobs")
          .values((eb) => ({
            ...fromJob(job),
            idle_ms: idleMs(database, job.deploymentId),
            idempotency_key: key?.key ?? null,
            fingerprint: key?.fingerprint ?? null,
            submit_until: eb(nowMs, "+", leaseMs),
            ...inserting,
          }))
          .onConflict((conflict) => conflict.columns(["owner_id", "idempotency_key"]).doNothing())
          .returning("id")
          .executeTakeFirst();
        // A retry gets its job even at the limit.
        if (row === undefined) return false;
        // After the insert: a deletion that freed the key for it has committed its part here, too.
        if (key !== null) await refuseSpentKey(transaction, nowMs, job.ownerId, key.key);
        if (mostInFlight !== null) await refuseAbove(transaction, job, database, mostInFlight);
        await insertInput(transaction, job, texts);
        await insertTags(transaction, job);
        await insertUses(transaction, job.id, uploads);
        return true;
      }, texts.text.length);
    const isInserted = await (mostInFlight === null ? insert() : queue.run(job.ownerId, insert));
    if (isInserted) channels.stored.publish(job);
    return isInserted;
  };
}

async function insertTags(transaction: Kysely<Tables>, job: Job): Promise<void> {
  if (job.tags.length === 0) return;
  const { id: job_id, ownerId: owner_id } = job;
  const created_at = job.createdAt.getTime();
  await transaction
    .insertInto("job_tags")
    .values(job.tags.map((tag) => ({ job_id, tag, owner_id, created_at })))
    .execute();
}

/** For how long nothing of anybody's has run at the deployment. */
function idleMs({ nowMs, upstream }: Database, deploymentId: string) {
  const isOurs = sql`upstream in (${sql.join(namesOf(upstream))})`;
  return sql<number | null>`case
    when exists (
      select 1 from jobs where deployment_id = ${deploymentId}
        and status in ('IN_QUEUE', 'IN_PROGRESS') and ${isOurs}
        and finished_at is null and away_since is null
    ) then 0
    else ${nowMs} - (
      select ended_at from runs where deployment_id = ${deploymentId} and ${isOurs}
        order by number desc limit 1
    ) end`;
}

/** Rejects with a `LimitError` when the job's owner has more than `most` unfinished jobs, this one among them. */
async function refuseAbove(
  transaction: Kysely<Tables>,
  { ownerId }: Job,
  database: Database,
  most: number,
) {
  const unfinished = await transaction
    .selectFrom("jobs")
    .select("id")
    .where("owner_id", "=", ownerId)
    .where("status", "in", UNFINISHED_STATUSES)
    .where((eb) => isFollowed(eb, database))
    .offset(most)
    .limit(1)
    .execute();
  if (unfinished.length === 0) return;
  throw new LimitError(
    `You have ${toCountText(most, "unfinished jobs")}, the most allowed at once. Wait until some have ended, or cancel some that still wait, and submit again.`,
    {
      limitName: "jobsInFlight",
      code: "QUOTA_EXCEEDED",
      retryAfterSeconds: RETRY_AFTER_SECONDS,
      limit: most,
    },
  );
}
