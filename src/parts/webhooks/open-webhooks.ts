import type { BaseLogger } from "pino";

import type { Channels } from "../../engine/diagnostics/channels.ts";
import type { SignedUrls } from "../../engine/files/signed-urls.ts";
import type { JobStore } from "../../engine/store/job-store.ts";
import { createMessages } from "./message.ts";
import { createPost } from "./post.ts";
import { WebhookSender } from "./sender.ts";
import { createTargets } from "./target.ts";
import { createWebhookService } from "./webhook-service.ts";
import { createWebhookStore } from "./webhook-store.ts";

/** Opens what owners do with their webhooks, and what calls them. */
export function openWebhooks({
  store,
  urls,
  allow,
  channels,
  log,
}: {
  readonly store: JobStore;
  readonly urls: Pick<SignedUrls, "create">;
  /** Ranges of addresses that may be called though they are not public. */
  readonly allow: readonly string[];
  readonly channels: Channels;
  readonly log: BaseLogger;
}) {
  const targets = createTargets(allow);
  const toMessages = createMessages({ store, urls });
  const { webhooks, claims } = createWebhookStore(store);
  const post = createPost(targets);
  const sender = new WebhookSender({ claims, toMessages, post, channels, log });
  return {
    ...createWebhookService({ webhooks, targets, wake: sender.wake }),
    close: () => sender.close(),
  };
}
