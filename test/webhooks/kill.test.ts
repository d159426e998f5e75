import { fork } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { DatabaseSync } from "node:sqlite";

import { expect, onTestFinished, test } from "vitest";

import { runIn } from "../support/postgres.ts";
import { DATABASES, KINDS } from "../gateway/open-gateway.ts";
import { openSender } from "./open-sender.ts";
import { startReceiver } from "./receiver.ts";

const LATER = { timeout: 50_000 };
const WEBHOOKS = 5;

/** Opens a sender of this process over a database. */
async function open(databaseUrl: string) {
  const opened = await openSender({ databaseUrl });
  return { ...opened, close: () => opened.store.close() };
}

/** Lets what a dead gateway has claimed come due, as if time had passed. */
async function endClaims(databaseUrl: string): Promise<void> {
  const statement = "update webhooks set claimed_until = 0";
  if (!databaseUrl.startsWith("file:")) return await runIn(databaseUrl, statement);
  using database = new DatabaseSync(databaseUrl.slice("file:".length));
  database.exec(statement);
}

test.each(KINDS)("on %s a gateway that is killed takes no delivery with it", async (kind) => {
  const databaseUrl = await DATABASES[kind]();
  const { url, calls } = await startReceiver();
  const before = await open(databaseUrl);
  for (let number = 0; number < WEBHOOKS; number += 1)
    await before.store.webhooks.create({
      ...{ id: `whk_${number}`, ownerId: "o", url: `${url}/${number}`, secret: "whsec_AA==" },
      ...{ events: null, deploymentId: null, tag: null },
    });
  await before.close();
  const child = fork(new URL("./sender-child.ts", import.meta.url), [databaseUrl]);
  const ended = once(child, "exit");
  onTestFinished(() => void child.kill("SIGKILL"));
  const killedAt = randomInt(1, 60);
  await expect.poll(() => calls.length, { ...LATER, interval: 5 }).toBeGreaterThan(killedAt);
  child.kill("SIGKILL");
  await ended;
  await endClaims(databaseUrl);
  const { store, begin, close } = await open(databaseUrl);
  const sender = begin();
  onTestFinished(async () => {
    await sender.close();
    await close();
  });
  const filter = { statuses: ["SUCCEEDED"] } as const;
  const { jobs } = await store.jobs.list({ filter, direction: "forward", limit: 1_000 });
  const toIds = () => new Set(calls.map(({ headers }) => headers["webhook-id"]));
  await expect.poll(() => toIds().size, LATER).toBe(jobs.length * WEBHOOKS);
  // So many calls were under way at most.
  expect(calls.length - toIds().size).toBeLessThanOrEqual(WEBHOOKS);
});
