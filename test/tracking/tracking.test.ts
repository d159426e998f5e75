import { afterEach, beforeEach, expect, test, vi } from "vitest";

import {
  DeploymentNotFoundError,
  InvalidInputError,
  JobNotCancellableError,
  JobNotFoundError,
  LOST,
} from "../../src/engine/job/errors.ts";
import type { Job } from "../../src/engine/job/job.ts";
import { isFinished } from "../../src/engine/job/job.ts";
import type { JsonValue } from "../../src/engine/job/json.ts";
import type { JobStore } from "../../src/engine/store/job-store.ts";
import type { Tracking } from "../../src/engine/tracking/tracking.ts";
import { waitForJob } from "../../src/engine/watch/watch-job.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { LOCAL_VIEWER } from "../support/viewers.ts";
import { watchJobsOf } from "../support/watch-jobs-of.ts";
import { connectTracking, endOf, openUpstreamAndStore, recordOf } from "./connect-submitter.ts";

const INPUT = { prompt: "A warm glow", width: 1024 };

let upstream: FaultyUpstream;
let store: JobStore;
let tracking: Tracking;

beforeEach(async () => {
  ({ upstream, store } = await openUpstreamAndStore());
  tracking = connectTracking({ upstream, store, submitTimeoutSeconds: 1 });
  await tracking.start();
});

afterEach(() => tracking.close());

async function submit(
  deploymentId: string,
  idempotencyKey: string | null = null,
  input: JsonValue = INPUT,
): Promise<Job> {
  const request = { viewer: LOCAL_VIEWER, deploymentId, input, idempotencyKey };
  return (await tracking.submitter.submitJob(request)).job;
}

test("a job is queued when submitJob answers, and succeeds together with its output", async () => {
  const job = await submit("warm-glow");
  expect(job).toMatchObject({ status: "IN_QUEUE", deploymentId: "warm-glow", version: 2 });
  const ended = await waitForJob(watchJobsOf(store)(job.id), isFinished, 20_000);
  expect(ended).toMatchObject({ status: "SUCCEEDED", error: null });
  expect(await store.documents.readInput(job.id)).toEqual(INPUT);
  const output = await store.documents.readText(job.id, "output");
  expect(JSON.parse(output ?? "null")).toMatchObject({
    images: [expect.stringContaining("https://")],
  });
  const [history] = await store.jobs.readHistories([job.id]);
  const statuses = history?.map(({ status }) => status);
  expect(statuses).toEqual(["SUBMITTING", "IN_QUEUE", "IN_PROGRESS", "SUCCEEDED"]);
});

test("the same key and value give the same job, however the body is spelled and also at once", async () => {
  const [first, second] = await Promise.all([
    submit("warm-glow", "key", { a: 1, b: { c: 2, d: 3 } }),
    submit("warm-glow", "key", { b: { d: 3, c: 2 }, a: 1 }),
  ]);
  const third = await submit("warm-glow", "key", { a: 1, b: { c: 2, d: 3 } });
  expect([second.id, third.id]).toEqual([first.id, first.id]);
  expect(upstream.count("submit")).toBe(1);
});

test.each([
  ["insufficient-funds", "INSUFFICIENT_FUNDS"],
  ["rate-limited-without-time", "RATE_LIMITED"],
])("a refusal (%s) leaves no trace but the error, and frees the key", async (fault, code) => {
  const deploymentId = `fault-${fault}`;
  const refused = { name: "UpstreamError", code, unconfirmedJob: null };
  expect(await endOf(submit(deploymentId, "key"))).toMatchObject(refused);
  expect(await store.jobs.count({})).toBe(0);
  await endOf(submit(deploymentId, "key"));
  expect(upstream.count("submit")).toBe(2);
});

test.each(["html-502", "envelope-503", "timeout-408", "reset-before-answer", "no-id", "no-answer"])(
  "a submit of unknown outcome (%s) is kept, never sent again, and answers the same under its key",
  async (fault) => {
    for (let call = 0; call < 2; call++) {
      expect(await endOf(submit(`fault-${fault}`, "key"))).toMatchObject({
        name: "UpstreamError",
        code: "SUBMISSION_UNKNOWN",
        retryable: false,
        unconfirmedJob: { status: "FAILED", error: { code: "SUBMISSION_UNKNOWN" } },
      });
    }
    expect(upstream.count("submit")).toBe(1);
    expect(await store.jobs.count({})).toBe(1);
  },
);

test("a deployment that the upstream does not know, or an id that would change the path, is not found", async () => {
  expect(await endOf(submit("fault-not-found"))).toBeInstanceOf(DeploymentNotFoundError);
  expect(await endOf(submit("../../v2/deployments"))).toBeInstanceOf(DeploymentNotFoundError);
  expect(upstream.count("submit")).toBe(1);
});

test("hostile input and keys are refused before anything is sent", async () => {
  for (const [input, key] of [
    [{ prompt: "\0" }, null],
    [[1], null],
    [INPUT, ""],
    [INPUT, "\ud800"],
    [INPUT, "x".repeat(256)],
  ] as const) {
    expect(await endOf(submit("warm-glow", key, input))).toBeInstanceOf(InvalidInputError);
  }
  expect(upstream.requests).toEqual([]);
});

test("a queued job is cancelled, and cancelling it again changes nothing", async () => {
  upstream.script("queue", ["in_queue"]);
  const job = await submit("queue");
  const cancelled = await tracking.canceller.cancelJob(job.id, "local");
  expect(cancelled).toMatchObject({ status: "CANCELLED" });
  expect(await tracking.canceller.cancelJob(job.id, "local")).toEqual(cancelled);
  expect(upstream.count("cancel")).toBe(1);
});

test("of calls that cancel a job at once, here and at another gateway, one has changed it", async () => {
  const other = connectTracking({ upstream, store, submitTimeoutSeconds: 1 });
  const rows = [
    ["warm-glow", [tracking, tracking, other]],
    // Of two gateways whose cancels were only taken note of, nobody knows whose it was.
    ["fault-cancel-requested", [tracking, tracking]],
  ] as const;
  for (const [deploymentId, gateways] of rows) {
    upstream.script(deploymentId, ["in_queue", "cancelled"]);
    const { id } = await submit(deploymentId);
    const onChange = vi.fn<() => void>();
    const calls = gateways.map((one) => one.canceller.cancelJob(id, "local", onChange));
    for (const job of await Promise.all(calls)) expect(job.status).toBe("CANCELLED");
    await tracking.canceller.cancelJob(id, "local", onChange);
    expect(onChange).toHaveBeenCalledOnce();
  }
  await other.close();
});

test.each(["warm-glow", "fault-cancel-requested"])(
  "the call that cancelled a job of %s has changed it, also where another gateway writes it first",
  async (deploymentId) => {
    upstream.script(deploymentId, ["in_queue"]);
    const { id } = await submit(deploymentId);
    const release = upstream.hold("cancel");
    const onChange = vi.fn<() => void>();
    const call = tracking.canceller.cancelJob(id, "local", onChange);
    await expect.poll(() => upstream.count("cancel")).toBe(1);
    await recordOf(store)(id, { kind: "cancelled", finishedAt: null });
    release();
    expect(await call).toMatchObject({ status: "CANCELLED" });
    expect(onChange).toHaveBeenCalledOnce();
  },
);

test.each(["cancel-too-late", "teapot-418--cancel"])(
  "a call whose cancel can't have been the one (%s) has not changed the job, also where it is the first to see it",
  async (fault) => {
    upstream.script(`fault-${fault}`, ["cancelled"]);
    const { id } = await submit(`fault-${fault}`);
    const onChange = vi.fn<() => void>();
    const job = await tracking.canceller.cancelJob(id, "local", onChange);
    expect(job.status).toBe("CANCELLED");
    expect(onChange).not.toHaveBeenCalled();
  },
);

test("a call whose cancel was not answered may have changed the job", async () => {
  upstream.script("fault-html-502--cancel", ["cancelled"]);
  const { id } = await submit("fault-html-502--cancel");
  const onChange = vi.fn<() => void>();
  await tracking.canceller.cancelJob(id, "local", onChange);
  expect(onChange).toHaveBeenCalledOnce();
});

test.each(["cancel-too-late", "cancel-too-late-409"])(
  "a job that already runs upstream (%s) can't be cancelled, and is returned as it is now",
  async (fault) => {
    upstream.script(`fault-${fault}`, ["in_progress"]);
    const job = await submit(`fault-${fault}`);
    const error = await endOf(tracking.canceller.cancelJob(job.id, "local"));
    expect(error).toBeInstanceOf(JobNotCancellableError);
    expect(error).toMatchObject({ job: { id: job.id, status: "IN_PROGRESS" } });
  },
);

test("a cancel that the upstream merely took note of is final once the job shows it, which may still succeed", async () => {
  const deploymentId = "fault-cancel-requested";
  upstream.script(deploymentId, ["in_queue", "in_queue", "in_queue", "cancelled"]);
  const cancelled = await submit(deploymentId);
  expect(await tracking.canceller.cancelJob(cancelled.id, "local")).toMatchObject({
    status: "CANCELLED",
  });
  upstream.script(deploymentId, ["in_progress", "in_progress", "succeeded"]);
  const { id } = await submit(deploymentId);
  const error = await endOf(tracking.canceller.cancelJob(id, "local"));
  expect(error).toBeInstanceOf(JobNotCancellableError);
  expect(error).toMatchObject({ job: { id, status: "SUCCEEDED" } });
});

test("a cancel without an answer that counts is an upstream error while the job is open", async () => {
  upstream.script("fault-html-502--cancel", ["in_queue"]);
  const job = await submit("fault-html-502--cancel");
  expect(await endOf(tracking.canceller.cancelJob(job.id, "local"))).toMatchObject({
    name: "UpstreamError",
    retryable: true,
  });
  expect((await store.jobs.read(job.id))?.status).toBe("IN_QUEUE");
});

test("jobs that have ended or never were can't be cancelled", async () => {
  const job = await submit("warm-glow");
  await recordOf(store)(job.id, { kind: "failed", error: LOST, finishedAt: null });
  expect(await endOf(tracking.canceller.cancelJob(job.id, "local"))).toBeInstanceOf(
    JobNotCancellableError,
  );
  expect(await endOf(tracking.canceller.cancelJob("job_unknown", "local"))).toBeInstanceOf(
    JobNotFoundError,
  );
  expect(upstream.count("cancel")).toBe(0);
});

test("a cancel during the submit waits for its outcome", async () => {
  upstream.script("slow", ["in_queue"]);
  const release = upstream.hold("submit");
  const submitting = submit("slow");
  await upstream.whenRequested("submit", 1);
  const { jobs } = await store.jobs.list({ filter: {}, direction: "forward", limit: 1 });
  const [job] = jobs;
  const cancelling = tracking.canceller.cancelJob(job?.id ?? "", "local");
  release();
  await submitting;
  expect(await cancelling).toMatchObject({ status: "CANCELLED" });
});
