import { fork } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { DatabaseSync } from "node:sqlite";

import { expect, onTestFinished, test } from "vitest";

import type { JobStore } from "../../../src/engine/store/job-store.ts";
import { runIn } from "../../support/postgres.ts";
import { DATABASES, KINDS } from "../../gateway/open-gateway.ts";
import { openSender } from "./open-sender.ts";
import { startReceiver } from "./receiver.ts";

const LATER = { timeout: 50_000 };
const WEBHOOKS = 4;
/** Those, and the URLs that jobs name for themselves. */
const ENDPOINTS = WEBHOOKS + 1;
const KILLS = 3;
/** So many deliveries share a claim. */
const CLAIMED = 16;

/** Lets what a dead gateway has claimed come due, as if time had passed. */
async function endClaims(databaseUrl: string): Promise<void> {
  const statement = "update webhooks set claimed_until = 0";
  if (!databaseUrl.startsWith("file:")) return await runIn(databaseUrl, statement);
  using database = new DatabaseSync(databaseUrl.slice("file:".length));
  database.exec(statement);
}

/** How many events there were of all jobs that have ended. */
async function countEvents({ jobs, files }: JobStore): Promise<number> {
  const filter = { statuses: ["SUCCEEDED"] } as const;
  const { jobs: ended } = await jobs.list({ filter, direction: "forward", limit: 1_000 });
  const kept = (await files.readMany(ended.map(({ id }) => id))).filter((one) =>
    [...(one?.values() ?? [])].every(({ state }) => state !== "PENDING"),
  );
  return ended.length + kept.length;
}

test.each(KINDS)(
  "on %s each event of a job arrives, in order, though one gateway is killed again and again",
  async (kind) => {
    const databaseUrl = await DATABASES[kind]();
    const { url, calls } = await startReceiver();
    let opened = await openSender({ databaseUrl });
    for (let number = 0; number < WEBHOOKS; number += 1)
      await opened.webhooks.create({
        ...{ id: `whk_${number}`, ownerId: "o", url: `${url}/${number}`, secret: "whsec_AA==" },
        ...{ events: null, deploymentId: null, tag: null },
      });
    // The one that lives; a file of SQLite has one gateway at a time.
    let sender = opened.store.isShared ? opened.begin() : null;
    if (sender === null) await opened.store.close();
    for (let kills = 0; kills < KILLS; kills += 1) {
      const child = fork(new URL("./sender-child.ts", import.meta.url), [databaseUrl, url]);
      const ended = once(child, "exit");
      onTestFinished(() => void child.kill("SIGKILL"));
      const killedAt = calls.length + randomInt(1, 60);
      await expect.poll(() => calls.length, { ...LATER, interval: 5 }).toBeGreaterThan(killedAt);
      child.kill("SIGKILL");
      await ended;
      await endClaims(databaseUrl);
    }
    if (sender === null) opened = await openSender({ databaseUrl });
    sender ??= opened.begin();
    const { store } = opened;
    const live = sender;
    onTestFinished(async () => {
      await live.close();
      await store.close();
    });
    const events = await countEvents(store);
    const toIds = () => new Set(calls.map(({ headers }) => headers["webhook-id"]));
    await expect.poll(() => toIds().size, LATER).toBe(events * ENDPOINTS);
    // An endpoint has one claim at most.
    expect(calls.length - toIds().size).toBeLessThanOrEqual(KILLS * ENDPOINTS * CLAIMED);
    const ends = new Set<string>();
    for (const { path, body } of calls) {
      const { type, data } = JSON.parse(body);
      const told = `${path} ${data.job.id}`;
      if (type === "job.succeeded") ends.add(told);
      else expect({ told, type, isAfterEnd: ends.has(told) }).toMatchObject({ isAfterEnd: true });
    }
  },
);
