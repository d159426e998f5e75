import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";

import { createJob } from "../../src/job/job.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import { openStore } from "../../src/store/open-store.ts";
import { createLease } from "../../src/tracking/lease.ts";
import { createRecord } from "../../src/tracking/record.ts";
import type { TakeOver } from "../../src/tracking/take-over.ts";
import { createTakeOver } from "../../src/tracking/take-over.ts";
import { createDatabase } from "../support/postgres.ts";

const log = pino({ level: "silent" });
const LEASE_MS = 6_000;
const BEAT_MS = LEASE_MS / 3;

let database: Awaited<ReturnType<typeof createDatabase>>;
let store: JobStore;
let takeOver: TakeOver;
let nowMs: number;
let settlingMs: number;
let submitting: Set<string>;

beforeEach(async () => {
  nowMs = 0;
  settlingMs = 0;
  submitting = new Set();
  database = await createDatabase();
  store = await openStore({ databaseUrl: database.url, log, leaseMs: 60_000 });
  const monotonic = () => nowMs;
  const record = createRecord({ store, now: Date.now });
  takeOver = createTakeOver({
    store,
    poller: { resume: () => undefined, keepOnly: () => undefined, drop: () => undefined },
    lease: createLease({ leaseMs: LEASE_MS, monotonic }),
    leaseMs: LEASE_MS,
    record(...change) {
      nowMs += settlingMs;
      return record(...change);
    },
    isSubmitting: (jobId) => submitting.has(jobId),
    onGateways: () => undefined,
    monotonic,
    log,
  });
  await takeOver.renew();
});

afterEach(async () => {
  await store.close();
  await database.drop();
});

async function abandon(): Promise<string> {
  const job = createJob({ deploymentId: "d", apiVersion: "v1", now: new Date() });
  await store.insertJob(job, {}, null, 0);
  return job.id;
}

/** What a beat does of it, a beat's time after the one before. */
async function beat(): Promise<void> {
  nowMs += BEAT_MS;
  await takeOver.renew();
  await takeOver.settleAbandoned();
}

async function countOpen(): Promise<number> {
  return await store.countJobs({ statuses: ["SUBMITTING"] });
}

test("an abandoned submit is settled once each beat of a whole lease has found it so", async () => {
  await abandon();
  for (let beats = 0; beats < 3; beats++) {
    await beat();
    expect(await countOpen()).toBe(1);
  }
  await beat();
  expect(await countOpen()).toBe(0);
});

test("a submit that was found abandoned before a beat failed has to be found so again for a whole lease", async () => {
  await abandon();
  for (let beats = 0; beats < 3; beats++) await beat();
  takeOver.forgetAbandoned();
  for (let beats = 0; beats < 3; beats++) await beat();
  expect(await countOpen()).toBe(1);
  await beat();
  expect(await countOpen()).toBe(0);
});

test("a gateway whose own lease has run out believes nothing that it found before", async () => {
  await abandon();
  await beat();
  nowMs += LEASE_MS;
  await beat();
  expect(await countOpen()).toBe(1);
});

test("a submit of this very process is left to it", async () => {
  submitting.add(await abandon());
  for (let beats = 0; beats < 5; beats++) await beat();
  expect(await countOpen()).toBe(1);
});

test("a beat that settles many submits slowly leaves the rest to the next beats", async () => {
  for (let count = 0; count < 12; count++) await abandon();
  settlingMs = BEAT_MS / 10;
  for (let beats = 0; beats < 4; beats++) await beat();
  const left = await countOpen();
  expect(left).toBeGreaterThan(3);
  expect(left).toBeLessThan(12);
  await beat();
  await beat();
  expect(await countOpen()).toBe(0);
});
