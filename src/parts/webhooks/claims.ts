import { type Kysely, type RawBuilder, sql } from "kysely";

import type { Database } from "../../engine/store/database.ts";
import type { Tables } from "../../engine/store/tables.ts";
import { createListDue } from "./due-webhooks.ts";
import { createDeleteUnused, readOwnSecrets } from "./job-webhooks.ts";
import { toSecrets } from "./secrets.ts";
import type { WebhookTables } from "./tables.ts";
import { type DeliveryState, MAX_RETRY_AFTER_MS, type WebhookTry } from "./webhook.ts";

/** A webhook that one gateway is to call, and with what. */
export type ClaimedWebhook = {
  readonly webhookId: string;
  readonly ownerId: string;
  /** Whether it stands for the one-job URLs of an origin. */
  readonly isOfJobs: boolean;
  readonly url: string;
  /** Each of them can verify; the newest first. */
  readonly secrets: readonly string[];
  /** Proves the claim. */
  readonly token: number;
  readonly delivery: {
    readonly id: string;
    readonly jobId: string | null;
    readonly event: string;
    /** Which other webhook was disabled, where that is the event. */
    readonly disabledId: string | null;
    readonly createdAt: Date;
    readonly dueAtMs: number;
    /** This one included. */
    readonly attempts: number;
    readonly tries: readonly WebhookTry[];
  };
};

/** What one gateway is to send to a webhook, one after the other. */
export type Claim = {
  readonly claimed: readonly ClaimedWebhook[];
  /** Whether there is more than was claimed. */
  readonly hasMore: boolean;
};

/** The outcome of a try. */
export type TriedDelivery = {
  readonly claimed: ClaimedWebhook;
  readonly state: DeliveryState;
  readonly made: WebhookTry;
  /** When the next one is due; null when there is none. */
  readonly retryMs: number | null;
  /** For how long the server wants to be left alone; 0 where it does not say so. */
  readonly restMs: number;
  /** Whether the server says that it wants no more. */
  readonly isGone: boolean;
};

export type WebhookClaims = ReturnType<typeof createWebhookClaims>;

/** Longer than a try and all that it needs may take. */
const CLAIM_MS = 40_000;
/** So many deliveries of a webhook share a claim: to claim and settle each alone takes longer than most servers do. */
const MAX_CLAIMED = 16;
/** That are kept of a delivery, and of a webhook. */
const MAX_TRIES_KEPT = 20;
const MAX_ENDED_KEPT = 1_000;
const MAX_PENDING = 10_000;
/** How many are ended or forgotten with a claim, beyond those that are kept. */
const MAX_TRIMMED = 1_000;
const MAX_FAILING_MS = 5 * 24 * 60 * 60_000;

/**
 * Who calls which webhook: a claim of a webhook moves `claimed_until` into the future, so that it gets one delivery at a
 * time from all gateways together, and ends by itself where a gateway dies, whose last few deliveries are then made again.
 * Which deliveries are to come says their `due_at`.
 */
export function createWebhookClaims(database: Database) {
  const { nowMs, write, writeOne, checkDisk } = database;
  // Asked once in a statement, so that an index serves it: Postgres asks its clock for each row.
  const fixedMs = sql`(select ${nowMs})`;
  // What ends later was written before the database's clock was set back.
  const isOver = (column: string, maxMs: number) =>
    sql<boolean>`(${sql.ref(column)} <= ${nowMs} or ${sql.ref(column)} > ${nowMs} + ${sql.lit(2 * maxMs)})`;
  const isFree = sql<boolean>`disabled_at is null
    and ${isOver("claimed_until", CLAIM_MS)} and ${isOver("rests_until", MAX_RETRY_AFTER_MS)}`;

  /** The earliest that are due; of a job, what comes later waits for what came before. */
  async function findDeliveries(transaction: Kysely<Tables>, webhookId: string) {
    // Mutant: files of a job that are delivered before its end
    const { rows } = await sql<DeliveryRow>`
      select head.*, (
        select min(due_at) from webhook_deliveries as earlier
        where earlier.job_id = head.job_id and earlier.webhook_id = ${webhookId}
          and earlier.due_at is not null and earlier.number < head.number
      ) as behind_due_at, (
        select url from job_webhooks where job_webhooks.job_id = head.job_id
      ) as job_url
      from webhook_deliveries as head where webhook_id = ${webhookId} and due_at <= ${fixedMs}
      order by due_at, number limit ${sql.lit(MAX_CLAIMED)}`.execute(transaction);
    for (const { number, due_at: dueAt, behind_due_at: behindDueAt } of rows) {
      if (behindDueAt === null) continue;
      await transaction
        .withTables<WebhookTables>()
        .updateTable("webhook_deliveries")
        .set({ due_at: Math.max(behindDueAt, dueAt) + 1 })
        .where("number", "=", number)
        .execute();
    }
    const first = rows.filter((row) => row.behind_due_at === null);
    return { first, hasMore: rows.length === MAX_CLAIMED };
  }

  const release = (transaction: Kysely<Tables>, id: string, token: number) =>
    sql`update webhooks set claimed_until = ${nowMs}
      where id = ${id} and claimed_until = ${token}`.execute(transaction);

  return {
    listDue: createListDue(database, isFree),

    /** Empty where it has nothing to send, or another gateway calls it. */
    async claim(webhookId: string): Promise<Claim> {
      // The result of what was sent could not be stored.
      await checkDisk();
      return await write(async (transaction) => {
        // Mutant: a webhook's claim that keeps nobody else off
        const { rows } = await sql<ClaimedRow>`
          update webhooks set claimed_until = ${nowMs} + ${sql.lit(CLAIM_MS)}
            where id = ${webhookId} and ${isFree}
            returning owner_id, url, secret, old_secrets, claimed_until as token, ${nowMs} as now`.execute(
          transaction,
        );
        const [claimed] = rows;
        if (claimed === undefined) return { claimed: [], hasMore: false };
        const { token, owner_id: ownerId } = claimed;
        const { first, hasMore } = await findDeliveries(transaction, webhookId);
        if (first.length === 0) {
          await release(transaction, webhookId, token);
          return { claimed: [], hasMore };
        }
        const { secret } = claimed;
        const isOfJobs = secret === null;
        const secrets = toSecrets(
          isOfJobs ? await readOwnSecrets(transaction, ownerId, nowMs) : { ...claimed, secret },
        );
        const toClaimed = (row: DeliveryRow): ClaimedWebhook => ({
          webhookId,
          ownerId,
          isOfJobs,
          url: (isOfJobs ? row.job_url : null) ?? claimed.url,
          secrets,
          token,
          delivery: {
            id: row.id,
            jobId: row.job_id,
            event: row.event,
            disabledId: row.disabled_id,
            createdAt: new Date(row.created_at),
            dueAtMs: row.due_at,
            attempts: row.attempts + 1,
            tries: JSON.parse(row.tries),
          },
        });
        return { claimed: first.map(toClaimed), hasMore };
      });
    },

    /** Gives a claim up before its try has ended. */
    giveUp: ({ webhookId, token }: ClaimedWebhook) =>
      writeOne((transaction) => release(transaction, webhookId, token)),

    /**
     * Writes down the tries of a claim in their order, and ends it. Resolves with why the webhook is disabled by them, which
     * its owner's others are notified; null otherwise, and where the claim has ended: then they are made once more.
     */
    settle: (tried: readonly [TriedDelivery, ...TriedDelivery[]]): Promise<string | null> =>
      write(async (transaction) => {
        const { webhookId, ownerId, isOfJobs, token } = tried[0].claimed;
        const [last = tried[0]] = tried.slice(-1);
        const isDelivered = ({ state }: TriedDelivery): boolean => state === "DELIVERED";
        const failingSince = isDelivered(last)
          ? sql`null`
          : tried.some(isDelivered)
            ? nowMs
            : sql`coalesce(failing_since, ${nowMs})`;
        const { rows } = await sql<{ readonly failing_ms: number | null }>`
          update webhooks set claimed_until = ${nowMs}, failing_since = ${failingSince},
              rests_until = ${last.restMs > 0 ? sql`${nowMs} + ${last.restMs}` : sql`0`}
            where id = ${webhookId} and claimed_until = ${token}
            returning ${nowMs} - failing_since as failing_ms`.execute(transaction);
        const [webhook] = rows;
        if (webhook === undefined) return null;
        const changes = tried.map(({ claimed: { delivery }, state, made, retryMs }) => {
          const tries = JSON.stringify([...delivery.tries, made].slice(-MAX_TRIES_KEPT));
          return sql`(${delivery.id}, ${state}, ${tries}, cast(${delivery.attempts} as integer),
            cast(${retryMs} as bigint), cast(${delivery.dueAtMs} as bigint))`;
        });
        await sql`
          with tried (id, state, tries, attempts, retry_ms, due_at) as (values ${sql.join(changes)})
          update webhook_deliveries set tries = tried.tries,
            ${orAsWanted("state", sql`tried.state`)},
            ${orAsWanted("attempts", sql`tried.attempts`)},
            ${orAsWanted("due_at", sql`${nowMs} + tried.retry_ms`)},
            ${orAsWanted("ended_at", sql`case when tried.retry_ms is null then ${nowMs} end`)}
          from tried where webhook_deliveries.id = tried.id`.execute(transaction);
        // A server that answers too slowly lets as many wait as one that fails.
        const isTooSlow = await hasTooMany(transaction, webhookId);
        if (isTooSlow) await endOldest(transaction, webhookId);
        if (isTooSlow || tried.some(({ retryMs }) => retryMs === null))
          await forgetOldest(transaction, webhookId);
        // One-job URLs share their origin and nothing else, so each delivery ends by itself.
        if (isOfJobs) return null;
        const reason = last.isGone
          ? GONE
          : (webhook.failing_ms ?? 0) >= MAX_FAILING_MS
            ? FAILS
            : isTooSlow
              ? TOO_MANY
              : null;
        if (reason !== null) await disable(transaction, { webhookId, ownerId, reason });
        return reason;
      }),

    deleteUnused: createDeleteUnused(database),
  };

  async function disable(
    transaction: Kysely<Tables>,
    { webhookId, ownerId, reason }: Record<"webhookId" | "ownerId" | "reason", string>,
  ): Promise<void> {
    const { rows } = await sql<{ readonly at: number }>`
      update webhooks set disabled_at = ${nowMs}, disabled_reason = ${reason}
        where id = ${webhookId} and disabled_at is null returning disabled_at as at`.execute(
      transaction,
    );
    for (const { at } of rows) {
      await sql`
        insert into webhook_deliveries (id, webhook_id, event, disabled_id, created_at, due_at)
          select 'msg_' || substr(${webhookId}, 5) || '_' || substr(id, 5) || '_' || ${String(at)},
            id, 'WEBHOOK_DISABLED', ${webhookId}, ${nowMs}, ${nowMs}
          from webhooks where owner_id = ${ownerId} and secret is not null and disabled_at is null
            and (events is null or events like '%"WEBHOOK_DISABLED"%')
          on conflict (id) do nothing`.execute(transaction);
    }
  }

  /** Gives up those that came up first, of more than may wait. */
  async function endOldest(transaction: Kysely<Tables>, webhookId: string): Promise<void> {
    await sql`
      update webhook_deliveries set state = 'FAILED', due_at = null, ended_at = ${nowMs}
        where number in (
          select number from webhook_deliveries where webhook_id = ${webhookId} and due_at is not null
          order by number desc limit ${sql.lit(MAX_TRIMMED)} offset ${sql.lit(MAX_PENDING)})`.execute(
      transaction,
    );
  }
}

/** As a try has it, unless that failed while its owner asked for another. */
function orAsWanted(column: string, value: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`${sql.ref(column)} = case
    when tried.state <> 'DELIVERED' and webhook_deliveries.due_at <> tried.due_at
    then ${sql.ref(`webhook_deliveries.${column}`)} else ${value} end`;
}

async function forgetOldest(transaction: Kysely<Tables>, webhookId: string): Promise<void> {
  await sql`
    delete from webhook_deliveries where number in (
      select number from webhook_deliveries where webhook_id = ${webhookId} and ended_at is not null
      order by ended_at desc, number desc limit ${sql.lit(MAX_TRIMMED)} offset ${sql.lit(MAX_ENDED_KEPT)})`.execute(
    transaction,
  );
}

async function hasTooMany(transaction: Kysely<Tables>, webhookId: string): Promise<boolean> {
  const { rows } = await sql`
    select number from webhook_deliveries where webhook_id = ${webhookId} and due_at is not null
      limit 1 offset ${sql.lit(MAX_PENDING)}`.execute(transaction);
  return rows.length > 0;
}

const GONE =
  "Its server answered with 410, which asks for no more. Enable it again once its URL is right.";
const FAILS =
  "Every try has failed for five days. Mend what is behind its URL, then enable it again.";
const TOO_MANY = `More than ${MAX_PENDING} deliveries waited. Have its server answer, and sooner, then enable it again.`;

type DeliveryRow = {
  readonly number: number;
  readonly id: string;
  readonly job_id: string | null;
  readonly event: string;
  readonly disabled_id: string | null;
  readonly created_at: number;
  readonly due_at: number;
  readonly attempts: number;
  readonly tries: string;
  /** When what is before it is due; null where nothing is. */
  readonly behind_due_at: number | null;
  /** The URL for its job alone; null where it names none. */
  readonly job_url: string | null;
};

type ClaimedRow = Pick<WebhookTables["webhooks"], "owner_id" | "url" | "secret"> & {
  readonly old_secrets: string;
  readonly now: number;
  readonly token: number;
};
