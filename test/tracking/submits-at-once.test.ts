import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";

import type { UpstreamHealth } from "../../src/runcomfy/upstream-health.ts";
import { createHealth } from "../support/create-health.ts";
import { RunComfyError } from "../../src/runcomfy/runcomfy-error.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import { openStore } from "../../src/store/open-store.ts";
import type { Submitted, Submitter } from "../../src/tracking/submit-job.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { createViewer } from "../support/viewers.ts";
import { connectSubmitter } from "./connect-submitter.ts";

const log = pino({ level: "silent" });
const LIMITS = { submitsPerMinute: 100, jobsPerDay: 100 };

let upstream: FaultyUpstream;
let store: JobStore;
let submitter: Submitter;

beforeEach(async () => {
  upstream = await startFaultyUpstream();
  store = await openStore({ upstream: "sandbox", databaseUrl: ":memory:", log });
});

afterEach(async () => {
  await upstream.close();
  await store.close();
});

async function submit(
  idempotencyKey: string | null = null,
  deploymentId = "dep",
  prompt = "Glow",
): Promise<Submitted> {
  const viewer = createViewer({ ownerId: "mine", limits: LIMITS });
  return await submitter.submitJob({ viewer, deploymentId, input: { prompt }, idempotencyKey });
}

/** What a submit ends with, of which nobody else hears. */
async function endOf(submitting: Promise<Submitted>): Promise<unknown> {
  return await submitting.catch((error: unknown) => error);
}

/** Holds the one place there is with a submit, and lets it go with the returned function. */
async function fillPlace(): Promise<() => Promise<void>> {
  const release = upstream.hold("submit");
  const running = endOf(submit("running"));
  await upstream.whenRequested("submit", upstream.count("submit") + 1);
  return async () => {
    release();
    await running;
  };
}

/** How many jobs of the day and submits of the minute are counted, with one more of each. */
async function readCounts(): Promise<number[]> {
  const counts = [
    await store.quotas.count("jobs", "mine"),
    await store.quotas.count("submits", "mine"),
  ];
  return counts.map(({ count }) => count - 1);
}

test("a submit that waits has neither a row nor a POST, and gets both in its turn", async () => {
  submitter = connectSubmitter({ upstream, store, submitsAtOnce: 2 });
  const release = upstream.hold("submit");
  const all = Promise.all(Array.from({ length: 6 }, () => submit()));
  await upstream.whenRequested("submit", 2);
  await new Promise((resolve) => setImmediate(resolve));
  expect(upstream.count("submit")).toBe(2);
  expect(await store.jobs.count({})).toBe(2);
  release();
  expect(await all).toHaveLength(6);
  expect(upstream.count("submit")).toBe(6);
});

test("the time-out of a POST begins when it leaves, not when its submit comes", async () => {
  upstream.slow("submit", 1_100);
  submitter = connectSubmitter({ upstream, store, submitsAtOnce: 1, timeoutMs: 2_000 });
  const [first, second] = await Promise.all([submit(), submit()]);
  expect([first.job.status, second.job.status]).toEqual(["IN_QUEUE", "IN_QUEUE"]);
});

test("a retry under a known key does not wait, and a second call under one that waits gets the same job", async () => {
  submitter = connectSubmitter({ upstream, store, submitsAtOnce: 1 });
  const known = await submit("known");
  const empty = await fillPlace();
  expect((await submit("known")).job.id).toBe(known.job.id);
  const waiting = submit("waiting");
  const joined = submit("waiting");
  await empty();
  expect((await joined).job.id).toBe((await waiting).job.id);
  expect(upstream.count("submit")).toBe(3);
});

test("who has waited for as long as a POST may take is refused, and nothing is left of it", async () => {
  submitter = connectSubmitter({ upstream, store, submitsAtOnce: 1, timeoutMs: 300 });
  upstream.hold("submit");
  const first = endOf(submit());
  await upstream.whenRequested("submit", 1);
  // Its turn comes when the time-out of the first has passed, and then it keeps the third one waiting.
  const unknown = [first, endOf(submit())];
  const late = await endOf(submit("late"));
  expect(late).toMatchObject({ code: "RATE_LIMITED", retryable: true, retryAfterSeconds: 1 });
  expect(await store.jobs.readKeyed("mine", "late")).toBeNull();
  for (const end of await Promise.all(unknown)) {
    expect(end).toMatchObject({ code: "SUBMISSION_UNKNOWN" });
  }
  expect(await readCounts()).toEqual([2, 3]);
  expect(await store.jobs.count({})).toBe(2);
  expect(upstream.count("submit")).toBe(2);
});

test("a stop refuses who waits, with no row and no POST", async () => {
  submitter = connectSubmitter({ upstream, store, submitsAtOnce: 1 });
  const empty = await fillPlace();
  const waiting = [endOf(submit()), endOf(submit("waiting"))];
  // They get in line one after the other.
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  submitter.stop(60_000);
  for (const end of await Promise.all(waiting)) {
    expect(end).toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringMatching(/is restarting/),
    });
  }
  await empty();
  await submitter.close();
  expect(upstream.count("submit")).toBe(1);
  expect(await store.jobs.count({})).toBe(1);
  expect(await readCounts()).toEqual([1, 3]);
});

test.each([
  {
    why: "a pause",
    begin: (health: UpstreamHealth) => health.notePause(7_000),
    told: { code: "RATE_LIMITED", retryAfterSeconds: 7 },
  },
  {
    why: "an outage",
    begin: (health: UpstreamHealth) => {
      const options = { code: "UNAVAILABLE", delivery: "unknown" } as const;
      const error = new RunComfyError("It failed.", options);
      for (let reads = 0; reads < 5; reads++) health.noteRead(error, "dep");
    },
    told: { code: "UNAVAILABLE", retryAfterSeconds: null },
  },
])("who waits while $why begins is refused in its turn, and not sent", async ({ begin, told }) => {
  const health = createHealth();
  upstream.setFault("insufficient-funds");
  submitter = connectSubmitter({
    upstream,
    store,
    // The end of the POST itself is no sign that the upstream is back.
    health: { ...health, noteSubmit: () => undefined },
    submitsAtOnce: 1,
  });
  const empty = await fillPlace();
  const waiting = endOf(submit());
  await new Promise((resolve) => setImmediate(resolve));
  begin(health);
  await empty();
  expect(await waiting).toMatchObject(told);
  expect(await readCounts()).toEqual([0, 2]);
  expect(upstream.count("submit")).toBe(1);
});

test.each(["fault-insufficient-funds", "fault-html-502", "fault-reset-before-answer"])(
  "a place is free again whatever its submit came to: %s",
  async (deploymentId) => {
    submitter = connectSubmitter({ upstream, store, submitsAtOnce: 1 });
    await endOf(submit(null, deploymentId));
    expect((await submit()).job.status).toBe("IN_QUEUE");
  },
);

test("a place is free again after a submit that the database or a limit refused", async () => {
  submitter = connectSubmitter({ upstream, store, submitsAtOnce: 1 });
  const { insert } = store.jobs;
  store.jobs.insert = () => Promise.reject(new Error("away"));
  await expect(submit()).rejects.toThrow("away");
  store.jobs.insert = insert;
  store.quotas.count = () => Promise.reject(new Error("away"));
  await expect(submit()).rejects.toThrow("away");
  const viewer = createViewer({ ownerId: "another" });
  const request = { viewer, deploymentId: "dep", input: {}, idempotencyKey: null };
  expect((await submitter.submitJob(request)).job.status).toBe("IN_QUEUE");
});

test("a submit that waits for another gateway's under its key holds no place", async () => {
  submitter = connectSubmitter({ upstream, store, submitsAtOnce: 1 });
  const release = upstream.hold("submit");
  const other = connectSubmitter({ upstream, store });
  const viewer = createViewer({ ownerId: "mine", limits: LIMITS });
  const request = { viewer, deploymentId: "dep", input: { prompt: "Glow" }, idempotencyKey: "key" };
  const theirs = other.submitJob(request);
  await upstream.whenRequested("submit", 1);
  // As if both had looked for the key at the same moment.
  const { readKeyed } = store.jobs;
  store.jobs.readKeyed = () => {
    store.jobs.readKeyed = readKeyed;
    return Promise.resolve(null);
  };
  const ours = submit("key");
  const next = submit();
  await upstream.whenRequested("submit", 2);
  release();
  expect((await ours).job.id).toBe((await theirs).job.id);
  expect((await next).job.status).toBe("IN_QUEUE");
});
