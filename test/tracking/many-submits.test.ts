import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";

import { OPEN_CATALOGUE } from "../../src/deployments/catalogue.ts";
import type { Job } from "../../src/job/job.ts";
import { UpstreamError } from "../../src/job/errors.ts";
import { createRunComfy } from "../../src/runcomfy/create-runcomfy.ts";
import { createHealth } from "../support/create-health.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import { openStore } from "../../src/store/open-store.ts";
import type { Submitted } from "../../src/tracking/submit-job.ts";
import type { Tracking } from "../../src/tracking/tracking.ts";
import { createTracking } from "../../src/tracking/tracking.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { watchJobsOf } from "../support/watch-jobs-of.ts";
import { createViewer } from "../support/viewers.ts";
import { TRACKING_SETTINGS } from "../support/tracking-settings.ts";

const log = pino({ level: "silent" });
const AT_ONCE = 50;
const POLLS_AT_ONCE = 64;
/** Polls, those that somebody waits for, and what a list or a probe may need beside them. */
const OTHER_CALLS = POLLS_AT_ONCE + 16 + 4;

let upstream: FaultyUpstream;
let store: JobStore;
let tracking: Tracking;

beforeEach(async () => {
  upstream = await startFaultyUpstream();
  upstream.script("dep", ["in_queue"]);
});

afterEach(async () => {
  await tracking.close();
  await store.close();
  await upstream.close();
});

async function startTracking(databaseUrl: string, submitTimeoutSeconds: number): Promise<void> {
  store = await openStore({ upstream: "sandbox", databaseUrl, log });
  const health = createHealth({ now: () => performance.now() });
  const { url: baseUrl, token } = upstream;
  const submitTimeoutMs = submitTimeoutSeconds * 1_000;
  tracking = createTracking({
    store,
    runcomfy: createRunComfy({ baseUrl, token, submitTimeoutMs, health, log }),
    health,
    catalogue: OPEN_CATALOGUE,
    watchJob: watchJobsOf(store),
    ...TRACKING_SETTINGS,
    submitTimeoutSeconds,
    submitsAtOnce: AT_ONCE,
    pollsAtOnce: POLLS_AT_ONCE,
    log,
  });
  await tracking.start();
}

/** Submits all at once, as fast as requests come from sockets: half of it with keys, by a few owners. */
async function submitAll(submits: number): Promise<{ jobs: Job[]; errors: unknown[] }> {
  const submitting: Promise<PromiseSettledResult<Submitted>>[] = [];
  while (submitting.length < submits) {
    const index = submitting.length;
    const call = tracking.submitJob({
      viewer: createViewer({ ownerId: `owner-${index % 3}` }),
      deploymentId: "dep",
      input: { prompt: `A fox, ${index}` },
      idempotencyKey: index % 2 === 0 ? `key-${index}` : null,
    });
    submitting.push(settle(call));
    if (index % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const ends = await Promise.all(submitting);
  return {
    jobs: ends.flatMap((end) => (end.status === "fulfilled" ? [end.value.job] : [])),
    errors: ends.flatMap((end): unknown[] => (end.status === "rejected" ? [end.reason] : [])),
  };
}

async function settle<Value>(call: Promise<Value>): Promise<PromiseSettledResult<Value>> {
  const [end] = await Promise.allSettled([call]);
  return end;
}

/** The upstream has these jobs and no others, so do the rows, and those that are looked for are followed to their end. */
async function expectNothingLost(jobs: readonly Job[], followed: readonly Job[]): Promise<void> {
  expect(upstream.count("submit")).toBe(jobs.length);
  expect(new Set(jobs.map(({ requestId }) => requestId)).size).toBe(jobs.length);
  expect(await store.jobs.count({})).toBe(jobs.length);
  expect(await store.jobs.count({ statuses: ["IN_QUEUE"] })).toBe(jobs.length);
  for (const { requestId } of followed) upstream.finish(requestId ?? "", { output: {} });
  await expect
    .poll(() => store.jobs.count({ statuses: ["SUCCEEDED"] }), { timeout: 60_000 })
    .toBe(followed.length);
}

test("of 750 submits at once to a slow RunComfy those that can't leave in time are told when to come back, and none is lost", async () => {
  upstream.slow("submit", 1_000);
  // No file: on a busy disk the time-outs of calls would pass while commits wait for it.
  await startTracking(":memory:", 10);
  const { jobs, errors } = await submitAll(750);
  expect(jobs.length).toBeGreaterThan(0);
  expect(jobs.length + errors.length).toBe(750);
  for (const error of errors) {
    expect(error).toBeInstanceOf(UpstreamError);
    expect(error).toMatchObject({ code: "RATE_LIMITED", retryable: true });
    expect(Object(error).retryAfterSeconds).toBeGreaterThan(0);
  }
  await expectNothingLost(jobs, jobs.slice(-20));
}, 120_000);

test("of 600 submits at once to a fast RunComfy all are accepted, in no more calls at once than may be", async () => {
  upstream.slow("submit", 10);
  await startTracking(":memory:", 30);
  const { jobs, errors } = await submitAll(600);
  expect(errors).toEqual([]);
  await expectNothingLost(jobs, jobs.slice(-20));
  expect(upstream.mostUnanswered()).toBeLessThanOrEqual(AT_ONCE + OTHER_CALLS);
  // Connections are used again, but one whose answer was read may be free only after the next was opened.
  expect(upstream.mostConnections()).toBeLessThan(2 * (AT_ONCE + OTHER_CALLS));
}, 120_000);
