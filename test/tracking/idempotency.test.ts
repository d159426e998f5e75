import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";

import type { Job } from "../../src/job/job.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import { openStore } from "../../src/store/open-store.ts";
import type { Submitter } from "../../src/tracking/submit-job.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { LOCAL_VIEWER } from "../support/viewers.ts";
import { connectSubmitter } from "./connect-submitter.ts";

const log = pino({ level: "silent" });

let upstream: FaultyUpstream;
let store: JobStore;
let submitter: Submitter;

beforeEach(async () => {
  upstream = await startFaultyUpstream();
  store = await openStore({ upstream: "sandbox", databaseUrl: ":memory:", log });
  submitter = connectSubmitter({ upstream, store });
});

afterEach(async () => {
  await upstream.close();
  await store.close();
});

/** Submits under the one key of these tests. */
async function submit(prompt: string, deploymentId = "dep", by = submitter): Promise<Job> {
  const request = { viewer: LOCAL_VIEWER, deploymentId, input: { prompt }, idempotencyKey: "key" };
  return (await by.submitJob(request)).job;
}

/** What a call ends with, of which nobody else hears. */
async function endOf(call: Promise<Job>): Promise<unknown> {
  return await call.catch((error: unknown) => error);
}

function conflictWith(job: Job): object {
  return { name: "IdempotencyConflictError", jobId: job.id };
}

/** Holds back what is read of a key next, until the returned function is called. */
function holdKey(): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { readKeyed } = store.jobs;
  store.jobs.readKeyed = async (...key) => {
    store.jobs.readKeyed = readKeyed;
    await promise;
    return await readKeyed(...key);
  };
  return resolve;
}

test("a conflict with a call that turns out to be a retry names the job that has the key", async () => {
  const job = await submit("first");
  const release = holdKey();
  const retry = submit("first");
  const other = endOf(submit("other"));
  release();
  expect(await other).toMatchObject(conflictWith(job));
  expect((await retry).id).toBe(job.id);
  expect(await store.jobs.read(job.id)).not.toBeNull();
});

test("a retry gets its job, although a call with another input was there before it", async () => {
  const job = await submit("first");
  const release = holdKey();
  const other = endOf(submit("other"));
  const retry = submit("first");
  release();
  expect(await other).toMatchObject(conflictWith(job));
  expect((await retry).id).toBe(job.id);
});

test("a conflict with a call under way waits for the job that it becomes", async () => {
  const release = upstream.hold("submit");
  const first = submit("first");
  await upstream.whenRequested("submit", 1);
  const others = Promise.all([submit("other"), submit("another"), submit("other")].map(endOf));
  release();
  const conflict = conflictWith(await first);
  expect(await others).toMatchObject([conflict, conflict, conflict]);
  expect(upstream.count("submit")).toBe(1);
});

test("behind a call that comes to no job the next input takes the key, and the one after it conflicts", async () => {
  const release = upstream.hold("submit");
  const refused = endOf(submit("first", "fault-insufficient-funds"));
  await upstream.whenRequested("submit", 1);
  const second = submit("second");
  const others = Promise.all([submit("third"), submit("third")].map(endOf));
  // They find the key taken one after the other.
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  release();
  expect(await refused).toMatchObject({ code: "INSUFFICIENT_FUNDS" });
  const conflict = conflictWith(await second);
  expect(await others).toMatchObject([conflict, conflict]);
  expect(upstream.count("submit", "dep")).toBe(1);
});

test("behind another gateway's call that is refused, another input takes the key", async () => {
  const release = upstream.hold("submit");
  const refused = endOf(
    submit("first", "fault-insufficient-funds", connectSubmitter({ upstream, store })),
  );
  await upstream.whenRequested("submit", 1);
  const other = submit("other");
  release();
  expect(await refused).toMatchObject({ code: "INSUFFICIENT_FUNDS" });
  expect(await other).toMatchObject({ status: "IN_QUEUE" });
});

test("behind another gateway's call that is accepted, another input conflicts with its job", async () => {
  const release = upstream.hold("submit");
  const first = submit("first", "dep", connectSubmitter({ upstream, store }));
  await upstream.whenRequested("submit", 1);
  const other = endOf(submit("other"));
  release();
  expect(await other).toMatchObject(conflictWith(await first));
  expect(upstream.count("submit")).toBe(1);
});
