import { pino } from "pino";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { UpstreamHealth } from "../../src/engine/runcomfy/upstream-health.ts";
import type { JobStore } from "../../src/engine/store/job-store.ts";
import { Recovery } from "../../src/engine/tracking/recovery.ts";
import { useSharedPostgres } from "../store/shared-postgres.ts";
import { insertJob } from "../store/store-jobs.ts";
import { createHealth } from "../support/create-health.ts";
import { recordOf } from "./connect-submitter.ts";

let logged: string[];
const log = pino({ level: "warn" }, { write: (line: string) => void logged.push(line) });
const BEAT_MS = 2_000;
const DEADLINE_SECONDS = 60;

let store: JobStore;
let recovery: Recovery;
let health: UpstreamHealth;
let nowMs: number;

const postgres = useSharedPostgres();

beforeEach(async () => {
  logged = [];
  nowMs = 0;
  store = await postgres.open();
  health = createHealth({ now: () => nowMs });
  recovery = new Recovery({
    ...{ store, health, log },
    record: recordOf(store, () => nowMs),
    sender: { isSubmitting: () => false },
    deadlineSeconds: DEADLINE_SECONDS,
    now: () => nowMs,
    monotonic: () => nowMs,
  });
});

afterEach(() => recovery.close());

async function insert(leaseMs: number): Promise<string> {
  return (await insertJob(store, { createdAt: new Date(nowMs) }, { leaseMs })).id;
}

async function accept(): Promise<string> {
  const jobId = await insert(600_000);
  await recordOf(store, () => nowMs)(jobId, { kind: "accepted", requestId: "r" });
  return jobId;
}

async function beat(beats = 1): Promise<void> {
  for (let count = 0; count < beats; count++) {
    nowMs += BEAT_MS;
    await recovery.beat();
  }
}

async function countOpen(): Promise<number | null> {
  return await store.jobs.count({ statuses: ["SUBMITTING"] });
}

test("an abandoned submit is settled once each beat of six seconds has found it so, and logged once", async () => {
  const jobId = await insert(0);
  await beat(3);
  expect(await countOpen()).toBe(1);
  await beat(3);
  expect(await countOpen()).toBe(0);
  expect(logged).toHaveLength(1);
  expect(logged[0]).toContain(jobId);
  expect(logged[0]).toMatch(/nobody knows whether RunComfy took it/);
});

test("a job that nobody can poll ends ten seconds after its deadline, and one that is submitting does not", async () => {
  const late = await accept();
  await insert(600_000);
  await beat(35);
  expect(await store.jobs.count({ statuses: ["FAILED"] })).toBe(0);
  await beat(1);
  expect((await store.jobs.read(late))?.error?.code).toBe("EXPIRED");
  expect(await countOpen()).toBe(1);
});

test("after a start, a job past its deadline is left to polls for ten seconds", async () => {
  const late = await accept();
  nowMs += 3_600_000;
  await beat(5);
  expect((await store.jobs.read(late))?.status).toBe("IN_QUEUE");
  await beat(1);
  expect((await store.jobs.read(late))?.error?.code).toBe("EXPIRED");
});

test("a beat that fails is logged once, the next ones come all the same, and what was found before is doubtful", async () => {
  await insert(0);
  const { listAbandonedSubmits } = store.jobs;
  let beats = 0;
  await recovery.start();
  store.jobs.listAbandonedSubmits = () => {
    beats += 1;
    return Promise.reject(new Error("away"));
  };
  await expect.poll(() => beats, { timeout: 10_000 }).toBe(2);
  store.jobs.listAbandonedSubmits = listAbandonedSubmits;
  expect(logged).toHaveLength(1);
  expect(logged[0]).toMatch(/The database does not answer.*Check/);
  nowMs += 6_000;
  await recovery.beat();
  expect(await countOpen()).toBe(1);
}, 20_000);

test("a first beat that fails fails the start", async () => {
  store.jobs.listAbandonedSubmits = () => Promise.reject(new Error("away"));
  await expect(recovery.start()).rejects.toThrow("away");
});

test("a pause is sent to other gateways at once, and theirs applies here, without being sent back", async () => {
  const { notePause } = store.pauses;
  const write = vi.spyOn(store.pauses, "notePause");
  for (let answers = 0; answers < 50; answers++) health.notePause(7_000);
  await expect.poll(() => store.pauses.readPauseMs()).toBeGreaterThan(6_000);
  expect(write).toHaveBeenCalledOnce();
  await notePause(60_000);
  await recovery.beat();
  expect(health.pausedForMs()).toBeGreaterThan(59_000);
  expect(write).toHaveBeenCalledOnce();
});

test("a pause that could not be sent is sent at a later beat", async () => {
  const { readPauseMs } = store.pauses;
  store.pauses.readPauseMs = () => Promise.reject(new Error("away"));
  health.notePause(7_000);
  store.pauses.readPauseMs = readPauseMs;
  await recovery.beat();
  expect(await readPauseMs()).toBeGreaterThan(6_000);
});
