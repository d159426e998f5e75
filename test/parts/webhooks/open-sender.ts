import { type Logger, pino } from "pino";

import { createSignedUrls } from "../../../src/engine/files/signed-urls.ts";
import { openStore } from "../../../src/engine/store/open-store.ts";
import { createMessages } from "../../../src/parts/webhooks/message.ts";
import { createPost } from "../../../src/parts/webhooks/post.ts";
import { WebhookSender } from "../../../src/parts/webhooks/sender.ts";
import { createTargets } from "../../../src/parts/webhooks/target.ts";
import { createWebhookStore } from "../../../src/parts/webhooks/webhook-store.ts";
import { PART_TABLES } from "../../support/part-tables.ts";

/** A database, and what makes senders for its webhooks, which may call loopback by default. */
export async function openSender(options: {
  readonly databaseUrl: string;
  readonly allow?: readonly string[];
  readonly patienceMs?: number;
  readonly log?: Logger;
}) {
  const { databaseUrl, allow = ["127.0.0.0/8"], log = pino({ level: "silent" }) } = options;
  const store = await openStore({ upstream: "sandbox", databaseUrl, parts: PART_TABLES, log });
  const { webhooks, claims } = createWebhookStore(store);
  const urls = createSignedUrls({ key: "key", publicUrl: () => "https://gateway.example" });
  return {
    store,
    webhooks,
    begin: () =>
      new WebhookSender({
        claims,
        toMessages: createMessages({ store, urls }),
        post: createPost(createTargets(allow), options.patienceMs),
        log,
      }),
  };
}
