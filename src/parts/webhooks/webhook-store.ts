import type { JobStore } from "../../engine/store/job-store.ts";
import { createWebhookClaims } from "./claims.ts";
import { createJobWebhooks } from "./job-webhooks.ts";
import { createWebhooks } from "./webhook-rows.ts";

export type WebhookStore = ReturnType<typeof createWebhookStore>;

/** What the part keeps in the gateway's database. */
export function createWebhookStore({ database, publish }: Pick<JobStore, "database" | "publish">) {
  return {
    webhooks: publish("webhooks", { ...createWebhooks(database), ...createJobWebhooks(database) }),
    claims: createWebhookClaims(database),
  };
}
