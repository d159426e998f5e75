import { type RawBuilder, sql } from "kysely";

import type { Database } from "../../engine/store/database.ts";

/** A webhook with something to be sent. */
export type DueWebhook = {
  readonly webhookId: string;
  readonly ownerId: string;
};

/** Some of those, and where to continue; `hasMore` until all were checked. */
export type DueWebhooks = {
  readonly due: readonly DueWebhook[];
  readonly next: DueAfter;
  readonly hasMore: boolean;
};

/** The webhook, and the delivery to an origin, after which to look for what is due. */
export type DueAfter = {
  readonly webhookId: string;
  readonly dueAt: number;
  readonly number: number;
};

export const FROM_START: DueAfter = { webhookId: "", dueAt: -1, number: -1 };

const MAX_WALKED = 1_000;
const MAX_OF_ORIGINS = 500;

/**
 * Makes what lists webhooks that are free and have something due, those first that were called longest ago. Owners have few webhooks, so it walks from one that has
 * deliveries to the next. Origins there are without end, most of which answer nobody and have something to come for days,
 * so of these it reads only what is due: what came due last, however much else waits, and the next of all.
 */
export function createListDue({ nowMs, queries, toTexts }: Database, isFree: RawBuilder<boolean>) {
  // Asked once in a statement, so that an index serves it: Postgres asks its clock for each row.
  const fixedMs = sql`(select ${nowMs})`;

  /** From one to the next, past all that wait there. */
  async function walkWebhooks(after: string): Promise<readonly string[]> {
    const { rows } = await sql<{ readonly id: string | null }>`
      with recursive waiting (id, number) as (
        select min(webhook_id), 1 from webhook_deliveries
          where due_at is not null and of_origin = 0 and webhook_id > ${after}
        union all
        select (select min(webhook_id) from webhook_deliveries
          where due_at is not null and of_origin = 0 and webhook_id > waiting.id), number + 1
        from waiting where waiting.id is not null and number < ${sql.lit(MAX_WALKED)}
      )
      select id from waiting`.execute(queries);
    return rows.flatMap(({ id }) => id ?? []);
  }

  async function listOfOrigins(isAfter: RawBuilder<unknown>, order: "asc" | "desc") {
    const by = sql.raw(order);
    const { rows } = await sql<DueAfter>`
      select webhook_id as "webhookId", due_at as "dueAt", number from webhook_deliveries
        where of_origin = 1 and due_at <= ${fixedMs} and ${isAfter}
        order by due_at ${by}, number ${by} limit ${sql.lit(MAX_OF_ORIGINS)}`.execute(queries);
    return rows;
  }

  return async (after: DueAfter): Promise<DueWebhooks> => {
    const webhooks = await walkWebhooks(after.webhookId);
    const latest = await listOfOrigins(sql`1 = 1`, "desc");
    const isAfter = sql`(due_at, number) > (${after.dueAt}, ${after.number})`;
    // Where these are fewer, they are all.
    const others = latest.length < MAX_OF_ORIGINS ? [] : await listOfOrigins(isAfter, "asc");
    const last = others.length < MAX_OF_ORIGINS ? FROM_START : (others.at(-1) ?? FROM_START);
    const lastId = webhooks.length < MAX_WALKED ? "" : (webhooks.at(-1) ?? "");
    const next = { ...last, webhookId: lastId };
    const hasMore = lastId !== "" || last !== FROM_START;
    const ids = [...webhooks, ...latest.concat(others).map(({ webhookId }) => webhookId)];
    if (ids.length === 0) return { due: [], next, hasMore };
    const { rows } = await sql<DueWebhook>`
      select id as "webhookId", owner_id as "ownerId" from webhooks where id in ${toTexts([...new Set(ids)])} and ${isFree} and exists (
        select 1 from webhook_deliveries
        where webhook_deliveries.webhook_id = webhooks.id and due_at <= ${fixedMs})
      order by claimed_until, id`.execute(queries);
    return { due: rows, next, hasMore };
  };
}
