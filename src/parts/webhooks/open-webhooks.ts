import type { Engine } from "../../engine/engine.ts";
import type { OpenPart } from "../../part.ts";
import { createMessages } from "./message.ts";
import { createPost } from "./post.ts";
import { WebhookSender } from "./sender.ts";
import { createTargets } from "./target.ts";
import { WebhookService } from "./webhook-service.ts";
import { createWebhookStore } from "./webhook-store.ts";

/**
 * Opens what owners do with their webhooks, and what calls them; `allow` are ranges of addresses that may be called though
 * they are not public.
 */
export function openWebhooks(
  { store, files, channels, log }: Engine,
  allow: readonly string[],
): OpenPart {
  const targets = createTargets(allow);
  const { webhooks, claims } = createWebhookStore(store);
  const toMessages = createMessages({ store, urls: files.urls });
  const sender = new WebhookSender({ claims, toMessages, post: createPost(targets), log });
  const service = new WebhookService({ webhooks, targets, channels, wake: sender.wake });
  return {
    service,
    submitOptions: { webhookUrl: service.jobUrl },
    figures: sender.figures,
    close: () => sender.close(),
  };
}
