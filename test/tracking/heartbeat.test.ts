import { pino } from "pino";
import { afterEach, expect, test } from "vitest";

import type { Heartbeat } from "../../src/tracking/heartbeat.ts";
import { createHeartbeat } from "../../src/tracking/heartbeat.ts";
import type { TakeOver } from "../../src/tracking/take-over.ts";

const BEAT_MS = 3_600_000;

let heartbeat: Heartbeat;
let nowMs = 0;

afterEach(() => heartbeat.close());

async function start(takeOver: Partial<TakeOver>): Promise<void> {
  const nothing = (): Promise<void> => Promise.resolve();
  heartbeat = createHeartbeat({
    ownership: { onHandover: () => () => undefined },
    takeOver: {
      renew: nothing,
      share: () => Promise.resolve(true),
      settleAbandoned: nothing,
      forgetAbandoned: () => undefined,
      reconcile: nothing,
      handOver: nothing,
      ...takeOver,
    },
    exchangePauses: nothing,
    leaseMs: 3 * BEAT_MS,
    monotonic: () => nowMs,
    log: pino({ level: "silent" }),
  });
  await heartbeat.start();
}

test("a beat that took long is followed by the next one as soon as one that took no time", async () => {
  let renewals = 0;
  await start({
    async renew() {
      renewals += 1;
    },
    async share() {
      nowMs += BEAT_MS;
      return true;
    },
  });
  await expect.poll(() => renewals, { timeout: 5_000 }).toBeGreaterThan(3);
});

test("a beat that leaves jobs to take up is followed at once by the next one, which renews the lease first", async () => {
  const calls: string[] = [];
  await start({
    async renew() {
      calls.push("renew");
    },
    async share() {
      calls.push("share");
      return calls.length >= 6;
    },
  });
  await expect
    .poll(() => calls, { timeout: 5_000 })
    .toEqual(["renew", "share", "renew", "share", "renew", "share"]);
});

test("a beat that fails makes what was found abandoned doubtful, and the next one comes all the same", async () => {
  const calls: string[] = [];
  await start({
    async renew() {
      nowMs += BEAT_MS;
      calls.push("renew");
      if (calls.length === 2) throw new Error("away");
    },
    forgetAbandoned: () => calls.push("forget"),
  });
  await expect
    .poll(() => calls.slice(0, 4), { timeout: 5_000 })
    .toEqual(["renew", "renew", "forget", "renew"]);
});
