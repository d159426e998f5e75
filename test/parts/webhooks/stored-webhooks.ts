import type { TriedDelivery } from "../../../src/parts/webhooks/claims.ts";
import { insertJobWebhook } from "../../../src/parts/webhooks/job-webhooks.ts";
import type { AlsoWrite } from "../../../src/engine/store/admission.ts";

/** What came of a delivery, whichever it was. */
export type Tried = Omit<TriedDelivery, "claimed">;

export const MADE = { at: 1_000, status: 204, durationMs: 5 };
export const DELIVERED: Tried = {
  state: "DELIVERED",
  made: MADE,
  retryMs: null,
  restMs: 0,
  isGone: false,
};

/** SQL that lets secrets that were replaced within the last year sign no more. */
export function toOlder(table: "webhooks" | "webhook_secrets"): string {
  return `update ${table} set old_secrets = replace(old_secrets, '"until":1', '"until":0.1')`;
}

/** SQL that has so many deliveries wait for a webhook, all of them due. */
export function toWaiting(webhookId: string, count: number, name = webhookId): string {
  return `insert into webhook_deliveries (id, webhook_id, event, created_at, due_at)
    with recursive n (i) as (select 1 union all select i + 1 from n where i < ${count})
    select '${name}_' || i, '${webhookId}', 'JOB_FAILED', 0, 1 from n`;
}

/** What a submit has for a URL that is called for its job alone. */
export function withUrl(url: string): { readonly alsoWrite: AlsoWrite } {
  return { alsoWrite: (transaction, job) => insertJobWebhook(transaction, job, url) };
}
