import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";

import type { Job } from "../../src/job/job.ts";
import { createRunComfy } from "../../src/runcomfy/create-runcomfy.ts";
import { createPace } from "../../src/runcomfy/pace.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import { openStore } from "../../src/store/open-store.ts";
import { createRecord } from "../../src/tracking/record.ts";
import type { Submitter } from "../../src/tracking/submit-job.ts";
import { createSubmitJob } from "../../src/tracking/submit-job.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";

const log = pino({ level: "silent" });
const REQUEST = { deploymentId: "warm-glow", input: { prompt: "Glow" }, idempotencyKey: "key" };

let upstream: FaultyUpstream;
let store: JobStore;
let submitter: Submitter;
let followed: string[];
let slept: number[];
let sleep: (durationMs: number) => Promise<unknown>;

beforeEach(async () => {
  followed = [];
  slept = [];
  sleep = (durationMs) => Promise.resolve(slept.push(durationMs));
  upstream = await startFaultyUpstream();
  store = await openStore({ databaseUrl: ":memory:", log });
  submitter = createSubmitter();
});

function createSubmitter(): Submitter {
  const pace = createPace({ now: () => 0, random: () => 0, log });
  const { url: baseUrl, token } = upstream;
  return createSubmitJob({
    store,
    runcomfy: createRunComfy({ baseUrl, token, submitTimeoutMs: 30_000, pace, log }),
    pace,
    record: createRecord({ store, now: () => 0 }),
    follow: ({ id }: Job) => followed.push(id),
    catalogue: null,
    apiVersion: "v1",
    submitTimeoutMs: 30_000,
    now: () => 0,
    sleep: (durationMs) => sleep(durationMs),
    log,
  });
}

afterEach(async () => {
  await upstream.close();
  await store.close();
});

test("the row is there before the upstream hears of the job", async () => {
  const release = upstream.hold("submit");
  const submitting = submitter.submitJob(REQUEST);
  await upstream.whenRequested("submit", 1);
  expect((await store.readKeyedJob("key"))?.job).toMatchObject({ status: "SUBMITTING" });
  expect(followed).toEqual([]);
  release();
  const { job } = await submitting;
  expect(followed).toEqual([job.id]);
});

test("an acceptance outlives a database that is away for a moment", async () => {
  const { saveJob } = store;
  let failures = 3;
  store.saveJob = (job, output) =>
    failures-- > 0 ? Promise.reject(new Error("away")) : saveJob(job, output);
  expect(await submitter.submitJob(REQUEST)).toMatchObject({ job: { status: "IN_QUEUE" } });
  expect(slept).toEqual([100, 500, 1_000]);
  expect(upstream.count("submit")).toBe(1);
});

test("a stop while the database is away tries once more to write down an acceptance", async () => {
  const { saveJob } = store;
  const away = Promise.withResolvers<void>();
  store.saveJob = () => {
    away.resolve();
    return Promise.reject(new Error("away"));
  };
  sleep = () => new Promise(() => undefined);
  const submitting = submitter.submitJob(REQUEST);
  await away.promise;
  store.saveJob = saveJob;
  submitter.stop(0);
  expect(await submitting).toMatchObject({ job: { status: "IN_QUEUE" } });
});

test("an insert whose answer is lost leaves nothing behind, and the key is free", async () => {
  const { insertJob } = store;
  store.insertJob = async (job, input, submissionKey) => {
    await insertJob(job, input, submissionKey);
    throw new Error("the connection broke");
  };
  await expect(submitter.submitJob(REQUEST)).rejects.toThrow("the connection broke");
  expect(await store.countJobs({})).toBe(0);
  store.insertJob = insertJob;
  expect(await submitter.submitJob(REQUEST)).toMatchObject({ job: { status: "IN_QUEUE" } });
});

test("a stop takes no more submits and waits for the one under way", async () => {
  const release = upstream.hold("submit");
  const submitting = submitter.submitJob(REQUEST);
  await upstream.whenRequested("submit", 1);
  submitter.stop(60_000);
  const late = submitter.submitJob({ ...REQUEST, idempotencyKey: null });
  await expect(late).rejects.toMatchObject({ code: "UNAVAILABLE", retryable: true });
  release();
  await submitter.close();
  expect((await submitting).job.status).toBe("IN_QUEUE");
  expect(upstream.count("submit")).toBe(1);
});

test("a submit that is not answered in time for a stop is written down as unknown", async () => {
  upstream.hold("submit");
  const submitting = submitter.submitJob(REQUEST);
  await upstream.whenRequested("submit", 1);
  submitter.stop(0);
  await expect(submitting).rejects.toMatchObject({
    code: "SUBMISSION_UNKNOWN",
    unconfirmedJob: { status: "FAILED" },
  });
  await submitter.close();
  expect(submitter.isSubmitting((await store.readKeyedJob("key"))?.job.id ?? "")).toBe(false);
});

test("a key that another gateway is submitting under waits for that gateway's outcome", async () => {
  const release = upstream.hold("submit");
  const submitting = submitter.submitJob(REQUEST);
  await upstream.whenRequested("submit", 1);
  const again = createSubmitter().submitJob(REQUEST);
  release();
  expect((await again).job.id).toBe((await submitting).job.id);
  expect(upstream.count("submit")).toBe(1);
});
