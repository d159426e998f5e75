import { type Kysely, type RawBuilder, type Selectable, sql } from "kysely";

import type { Job } from "../../engine/job/job.ts";
import type { Database } from "../../engine/store/database.ts";
import { inChunks, inOrder } from "../../engine/store/job-rows.ts";
import { createOwnerWrites } from "../../engine/store/quotas.ts";
import type { Tables } from "../../engine/store/tables.ts";
import { type SecretRow, toOldSecrets } from "./secrets.ts";
import type { WebhookTables } from "./tables.ts";
import { createSecret, createWebhookId, type JobWebhook } from "./webhook.ts";
import { toDelivery } from "./webhook-rows.ts";

/** How many are checked in a step. */
const MAX_WALKED = 1_000;

/**
 * The URLs that are called for one job, and what signs those calls. All of an owner's that have one origin share a row of
 * `webhooks`, which has no secret, and so one delivery at a time.
 */
export function createJobWebhooks(database: Database) {
  const { nowMs, queries, reads } = database;
  const writeFor = createOwnerWrites(database);
  return {
    /** What signs calls of the owner's one-job URLs. */
    async readOwnSecret(ownerId: string): Promise<string> {
      return (await readOwnSecrets(queries, ownerId, nowMs)).secret;
    },

    /** Replaces it; those before sign too, each for a day. */
    rotateOwn: (ownerId: string, secret: string): Promise<void> =>
      writeFor(ownerId, async (transaction) => {
        const row = await readOwnSecrets(transaction, ownerId, nowMs);
        await sql`
          update webhook_secrets set secret = ${secret}, old_secrets = ${toOldSecrets(row)}
            where owner_id = ${ownerId}`.execute(transaction);
      }),

    /** The one-job URL of each of the owner's jobs that has one, with its deliveries, newest first. */
    async readOfJobs(jobIds: readonly string[], ownerId: string): Promise<(JobWebhook | null)[]> {
      const rows = await inChunks(jobIds, async (chunk) => {
        const named = sql<{ readonly id: string; readonly url: string }>`
          select job_id as id, job_webhooks.url from job_webhooks join jobs on jobs.id = job_id
            where job_id in (${sql.join(chunk)}) and owner_id = ${ownerId}`;
        return (await named.execute(reads)).rows;
      });
      const deliveries = await inChunks(
        rows.map(({ id }) => id),
        async (chunk) => {
          const { rows: found } = await sql<Selectable<WebhookTables["webhook_deliveries"]>>`
            select webhook_deliveries.* from webhook_deliveries join job_webhooks
              on job_webhooks.job_id = webhook_deliveries.job_id
                and job_webhooks.webhook_id = webhook_deliveries.webhook_id
              where webhook_deliveries.job_id in (${sql.join(chunk)})`.execute(reads);
          // Readers' settings would have the database go through everybody's in this order.
          return found.toSorted((one, other) => other.number - one.number).map(toDelivery);
        },
      );
      return inOrder(jobIds, rows, ({ id, url }) => ({
        url,
        deliveries: deliveries.filter(({ jobId }) => jobId === id),
      }));
    },
  };
}

/**
 * Stores the URL of one job. Its origin's row stays locked until then, so that nobody deletes it as one that
 * no job names.
 */
export async function insertJobWebhook(
  transaction: Kysely<Tables>,
  { id: jobId, ownerId, createdAt }: Job,
  url: string,
): Promise<void> {
  const { rows } = await sql<{ readonly id: string }>`
    insert into webhooks (id, owner_id, url, created_at)
      values (${createWebhookId()}, ${ownerId}, ${new URL(url).origin}, ${createdAt.getTime()})
      on conflict (owner_id, url) where secret is null do update set url = excluded.url
      returning id`.execute(transaction);
  for (const { id } of rows)
    await sql`
      insert into job_webhooks (job_id, webhook_id, url) values (${jobId}, ${id}, ${url})`.execute(
      transaction,
    );
}

/** What signs calls of an owner's one-job URLs, which is made when it is first asked for. */
export async function readOwnSecrets(
  queries: Kysely<Tables>,
  ownerId: string,
  nowMs: RawBuilder<number>,
): Promise<SecretRow> {
  const select = sql<SecretRow>`
    select secret, old_secrets, ${nowMs} as now from webhook_secrets where owner_id = ${ownerId}`;
  const {
    rows: [known],
  } = await select.execute(queries);
  if (known !== undefined) return known;
  await sql`insert into webhook_secrets (owner_id, secret) values (${ownerId}, ${createSecret()})
    on conflict (owner_id) do nothing`.execute(queries);
  // Another gateway may have made it meanwhile.
  return await readOwnSecrets(queries, ownerId, nowMs);
}

/**
 * Makes what deletes the rows of origins that no job names any more, among the next ones after `after`. It resolves with
 * after which one to go on.
 */
export function createDeleteUnused({ queries, write, skipLocked, toTexts }: Database) {
  const isUnused = sql<boolean>`not exists (
    select 1 from job_webhooks where webhook_id = webhooks.id)`;
  return async (after: string): Promise<string> => {
    const { rows } = await sql<{ readonly id: string; readonly unused: number }>`
      select id, case when ${isUnused} then 1 else 0 end as unused from webhooks
        where secret is null and id > ${after} order by id limit ${sql.lit(MAX_WALKED)}`.execute(
      queries,
    );
    const unused = rows.flatMap(({ id, unused: is }) => (is === 1 ? [id] : []));
    if (unused.length > 0)
      await write(async (transaction) => {
        // A submit that names one has it locked, so it is asked again once none can.
        const { rows: locked } = await sql<{ readonly id: string }>`
          select id from webhooks where id in ${toTexts(unused)} ${skipLocked}`.execute(
          transaction,
        );
        await sql`delete from webhooks where id in ${toTexts(locked.map(({ id }) => id))}
          and ${isUnused}`.execute(transaction);
      });
    return rows.length < MAX_WALKED ? "" : (rows.at(-1)?.id ?? "");
  };
}
