import { afterEach, beforeEach, expect, test } from "vitest";

import { UpstreamError } from "../../src/job/errors.ts";
import type { Job } from "../../src/job/job.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import type { Submitted } from "../../src/tracking/submit-job.ts";
import type { Tracking } from "../../src/tracking/tracking.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { createViewer } from "../support/viewers.ts";
import { connectTracking, openUpstreamAndStore } from "./connect-submitter.ts";

const AT_ONCE = 20;
const POLLS_AT_ONCE = 64;
/** Polls, those that somebody waits for, and what a list or a probe may need beside them. */
const OTHER_CALLS = POLLS_AT_ONCE + 16 + 4;

let upstream: FaultyUpstream;
let store: JobStore;
let tracking: Tracking;

beforeEach(async () => {
  // No file: on a busy disk the time-outs of calls would pass while commits wait for it.
  ({ upstream, store } = await openUpstreamAndStore());
  upstream.script("dep", ["in_queue"]);
});

afterEach(async () => await tracking.close());

async function start(submitTimeoutSeconds: number): Promise<void> {
  const options = { submitTimeoutSeconds, submitsAtOnce: AT_ONCE, pollsAtOnce: POLLS_AT_ONCE };
  ({ tracking } = connectTracking({ upstream, store, ...options }));
  await tracking.start();
}

/** Submits all at once, as fast as requests come from sockets: half of it with keys, by a few owners. */
async function submitAll(submits: number): Promise<{ jobs: Job[]; errors: unknown[] }> {
  const submitting: Promise<Submitted>[] = [];
  while (submitting.length < submits) {
    const index = submitting.length;
    const call = tracking.submitJob({
      viewer: createViewer({ ownerId: `owner-${index % 3}` }),
      deploymentId: "dep",
      input: { prompt: `A fox, ${index}` },
      idempotencyKey: index % 2 === 0 ? `key-${index}` : null,
    });
    call.catch(() => undefined);
    submitting.push(call);
    if (index % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const ends = await Promise.allSettled(submitting);
  return {
    jobs: ends.flatMap((end) => (end.status === "fulfilled" ? [end.value.job] : [])),
    errors: ends.flatMap((end): unknown[] => (end.status === "rejected" ? [end.reason] : [])),
  };
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

test("of 160 submits at once to a slow RunComfy those that can't leave in time are told when to come back, and none is lost", async () => {
  upstream.slow("submit", 1_000);
  await start(4);
  const { jobs, errors } = await submitAll(160);
  expect(jobs.length).toBeGreaterThan(0);
  expect(errors.length).toBeGreaterThan(0);
  expect(jobs.length + errors.length).toBe(160);
  for (const error of errors) {
    expect(error).toBeInstanceOf(UpstreamError);
    expect(error).toMatchObject({ code: "RATE_LIMITED", retryable: true });
    expect(Object(error).retryAfterSeconds).toBeGreaterThan(0);
  }
  await expectNothingLost(jobs, jobs.slice(-5));
});

test("of 200 submits at once to a fast RunComfy all are accepted, in no more calls at once than may be", async () => {
  upstream.slow("submit", 10);
  await start(30);
  const { jobs, errors } = await submitAll(200);
  expect(errors).toEqual([]);
  await expectNothingLost(jobs, jobs.slice(-5));
  expect(upstream.mostUnanswered()).toBeLessThanOrEqual(AT_ONCE + OTHER_CALLS);
  // Connections are used again, but one whose answer was read may be free only after the next was opened.
  expect(upstream.mostConnections()).toBeLessThan(2 * (AT_ONCE + OTHER_CALLS));
});
