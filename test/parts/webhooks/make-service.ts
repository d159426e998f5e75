import { createTargets } from "../../../src/parts/webhooks/target.ts";
import { WebhookService } from "../../../src/parts/webhooks/webhook-service.ts";
import { createWebhookStore } from "../../../src/parts/webhooks/webhook-store.ts";
import type { MakeService } from "../../support/part-services.ts";

export const makeService: MakeService = ({ store, channels }) => {
  const { webhooks } = createWebhookStore(store);
  const targets = createTargets([]);
  const service = new WebhookService({ webhooks, targets, channels, wake: () => undefined });
  return { service, submitOptions: { webhookUrl: service.jobUrl } };
};
