import { type RawBuilder, type Selectable, sql } from "kysely";

import type { Database } from "../../engine/store/database.ts";
import { toDate } from "../../engine/store/job-rows.ts";
import { createOwnerWrites } from "../../engine/store/quotas.ts";
import { LimitError, toCountText } from "../../runtime/coded-error.ts";
import { WebhookDisabledError } from "./errors.ts";
import { type SecretRow, toOldSecrets } from "./secrets.ts";
import type { WebhookTables } from "./tables.ts";
import type { Delivery, Webhook, WebhookSettings } from "./webhook.ts";

/** Of one owner. */
const MAX_WEBHOOKS = 20;
const DELETED_AT_ONCE = 500;
const RETRY_AFTER_SECONDS = 60;

/** What owners do with their webhooks; those of other owners are as if they did not exist. */
export function createWebhooks(database: Database) {
  const { nowMs, reads, write, writeOne } = database;
  const writeFor = createOwnerWrites(database);
  const isOwn = (id: string, ownerId: string) =>
    sql<boolean>`id = ${id} and owner_id = ${ownerId} and secret is not null`;

  /** Null if there is none. */
  async function change(id: string, ownerId: string, set: RawBuilder<unknown>) {
    const update = sql<Row>`update webhooks set ${set} where ${isOwn(id, ownerId)} returning *`;
    const { rows } = await writeOne((queries) => update.execute(queries));
    return rows[0] === undefined ? null : toWebhook(rows[0]);
  }

  return {
    /** Rejects with a `LimitError` when the owner has as many as one may have. */
    create: ({ id, ownerId, secret, ...settings }: NewWebhook): Promise<Webhook> =>
      writeFor(ownerId, async (transaction) => {
        const { rows } = await sql`select id from webhooks
          where owner_id = ${ownerId} and secret is not null limit 1 offset ${MAX_WEBHOOKS - 1}`.execute(
          transaction,
        );
        if (rows.length > 0) throw tooMany();
        const row = await transaction
          .withTables<WebhookTables>()
          .insertInto("webhooks")
          .values({ id, owner_id: ownerId, secret, created_at: nowMs, ...fromSettings(settings) })
          .returningAll()
          .executeTakeFirstOrThrow();
        return toWebhook(row);
      }),

    /** All of an owner's, oldest first. */
    async list(ownerId: string): Promise<Webhook[]> {
      const rows = await reads
        .withTables<WebhookTables>()
        .selectFrom("webhooks")
        .selectAll()
        .where("owner_id", "=", ownerId)
        .where("secret", "is not", null)
        .orderBy("created_at")
        .orderBy("id")
        .execute();
      return rows.map(toWebhook);
    },

    /** Null if there is none. To enable it forgets how it failed. */
    async update(
      id: string,
      ownerId: string,
      settings: Partial<WebhookSettings> & { readonly isEnabled?: boolean },
    ): Promise<Webhook | null> {
      const { isEnabled, ...others } = settings;
      const { url } = others;
      const columns = Object.entries(fromSettings(others)).map(
        ([column, value]) => sql`${sql.ref(column)} = ${value}`,
      );
      const rest = url === undefined && isEnabled !== true ? [] : [sql`rests_until = 0`];
      const state =
        isEnabled === true
          ? [sql`disabled_at = null`, sql`disabled_reason = null`, sql`failing_since = null`]
          : isEnabled === false
            ? [sql`disabled_at = coalesce(disabled_at, ${nowMs})`]
            : [];
      return await change(id, ownerId, sql.join([sql`id = id`, ...columns, ...rest, ...state]));
    },

    /** Replaces the secret; those before sign too, each for a day. */
    rotate: (id: string, ownerId: string, secret: string): Promise<Webhook | null> =>
      writeFor(ownerId, async (transaction) => {
        const { rows } = await sql<SecretRow>`
          select secret, old_secrets, ${nowMs} as now from webhooks where ${isOwn(id, ownerId)}`.execute(
          transaction,
        );
        for (const row of rows) {
          const { rows: rotated } = await sql<Row>`
            update webhooks set secret = ${secret}, old_secrets = ${toOldSecrets(row)}
              where ${isOwn(id, ownerId)} returning *`.execute(transaction);
          if (rotated[0] !== undefined) return toWebhook(rotated[0]);
        }
        return null;
      }),

    /** Deletes it with its deliveries, few at a time: it may have thousands. False if there is none. */
    async delete(id: string, ownerId: string): Promise<boolean> {
      const disabled = await change(
        id,
        ownerId,
        sql`disabled_at = coalesce(disabled_at, ${nowMs})`,
      );
      if (disabled === null) return false;
      const deleteSome = sql`delete from webhook_deliveries where number in (
        select number from webhook_deliveries where webhook_id = ${id}
        order by number limit ${DELETED_AT_ONCE}) returning number`;
      for (let count = DELETED_AT_ONCE; count === DELETED_AT_ONCE;)
        count = (await writeOne((queries) => deleteSome.execute(queries))).rows.length;
      await writeOne((queries) =>
        sql`delete from webhooks where ${isOwn(id, ownerId)}`.execute(queries),
      );
      return true;
    },

    /** Newest first; from the one after `after` on, where that is given. */
    async listDeliveries(
      webhookId: string,
      { limit, after }: { readonly limit: number; readonly after: string | null },
    ): Promise<Delivery[]> {
      const { rows } = await sql<Selectable<WebhookTables["webhook_deliveries"]>>`
        select * from webhook_deliveries where webhook_id = ${webhookId}
          ${after === null ? sql`` : sql`and number < (select number from webhook_deliveries where id = ${after} and webhook_id = ${webhookId})`}
          order by number desc limit ${limit}`.execute(reads);
      return rows.map(toDelivery);
    },

    /**
     * Makes a delivery due, with all its tries before it, also where its server asked to be left alone; and with it what
     * waits of its job, which comes in order. Null if there is none. Rejects with a `WebhookDisabledError` where nobody
     * would send it.
     */
    redeliver: (id: string, ownerId: string): Promise<Delivery | null> =>
      write(async (transaction) => {
        const { rows } = await sql<Pick<Row, "id" | "disabled_at"> & { job_id: string | null }>`
          update webhooks set rests_until = 0 where owner_id = ${ownerId}
            and id = (select webhook_id from webhook_deliveries where id = ${id})
            returning id, disabled_at,
              (select job_id from webhook_deliveries where id = ${id}) as job_id`.execute(
          transaction,
        );
        const [webhook] = rows;
        if (webhook === undefined) return null;
        if (webhook.disabled_at !== null) throw new WebhookDisabledError(webhook.id);
        // Another time than before, so that a gateway that is trying it sees that it is wanted again.
        const dueAt = sql`${nowMs} - (case when due_at = ${nowMs} then 1 else 0 end)`;
        const { rows: due } = await sql<Selectable<WebhookTables["webhook_deliveries"]>>`
          update webhook_deliveries set state = 'PENDING', attempts = 0, due_at = ${dueAt}, ended_at = null
            where id = ${id}
              or (job_id = ${webhook.job_id} and webhook_id = ${webhook.id} and due_at is not null)
            returning *`.execute(transaction);
        return due.map(toDelivery).find((one) => one.id === id) ?? null;
      }),
  };
}

type NewWebhook = WebhookSettings & Pick<Webhook, "id" | "ownerId"> & { readonly secret: string };
type Row = Selectable<WebhookTables["webhooks"]>;

function fromSettings({ url, events, deploymentId, tag }: WebhookSettings): Columns;
function fromSettings(settings: Partial<WebhookSettings>): Partial<Columns>;
function fromSettings({ url, events, deploymentId, tag }: Partial<WebhookSettings>) {
  return {
    ...(url !== undefined && { url }),
    ...(events !== undefined && { events: events && JSON.stringify(events) }),
    ...(deploymentId !== undefined && { deployment_id: deploymentId }),
    ...(tag !== undefined && { tag }),
  };
}

type Columns = Pick<Row, "url" | "events" | "deployment_id" | "tag">;

function toWebhook(row: Row): Webhook {
  return {
    id: row.id,
    ownerId: row.owner_id,
    url: row.url,
    events: row.events === null ? null : JSON.parse(row.events),
    deploymentId: row.deployment_id,
    tag: row.tag,
    createdAt: new Date(row.created_at),
    failingSince: toDate(row.failing_since),
    disabledAt: toDate(row.disabled_at),
    disabledReason: row.disabled_reason,
  };
}

export function toDelivery(row: Selectable<WebhookTables["webhook_deliveries"]>): Delivery {
  return {
    id: row.id,
    webhookId: row.webhook_id,
    event: row.event,
    jobId: row.job_id,
    state: row.state,
    createdAt: new Date(row.created_at),
    dueAt: toDate(row.due_at),
    tries: JSON.parse(row.tries),
  };
}

function tooMany(): LimitError {
  return new LimitError(
    `You have ${toCountText(MAX_WEBHOOKS, "webhooks")}, the most allowed. Delete one that you no longer need.`,
    {
      limitName: "webhooks",
      code: "QUOTA_EXCEEDED",
      retryAfterSeconds: RETRY_AFTER_SECONDS,
      limit: MAX_WEBHOOKS,
    },
  );
}
