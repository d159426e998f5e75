import { expect, test } from "vitest";

import { createJob } from "../../src/job/job.ts";
import { NOT_KEPT } from "../../src/job/kept-file.ts";
import { createMetrics } from "../../src/metrics/create-metrics.ts";
import { openStore } from "../../src/store/open-store.ts";
import { pino } from "pino";

test("100 deployments have rows of their own, and the others share one", async () => {
  const metrics = createMetrics();
  await using store = await openForTest();
  const watched = metrics.watchStore(store);
  for (let count = 0; count < 105; count++) {
    const now = new Date(count);
    const job = createJob({
      ownerId: "o",
      deploymentId: `d${count}`,
      upstream: "sandbox",
      apiVersion: "v1",
      now,
    });
    await watched.jobs.insert({ job, input: {}, key: null });
    const requestId = `r${count}`;
    const ended = { ...job, requestId, status: "FAILED", version: 2, finishedAt: now } as const;
    await watched.jobs.save(ended, null);
    // What was written down before is no end anew.
    await watched.jobs.save(ended, null);
  }
  const text = await metrics.read();
  const rows = text.split("\n").filter((line) => line.includes("jobs_ended_total{"));
  expect(rows).toHaveLength(101);
  expect(rows.at(-1)).toMatch(/status="FAILED",deployment="other"} 5$/);
});

test("an end is late only by the time that RunComfy told, and the last unknown submit has its time", async () => {
  const metrics = createMetrics();
  await using store = await openForTest();
  const watched = metrics.watchStore(store);
  const now = new Date(1_000);
  const updatedAt = new Date(5_000);
  for (const [deploymentId, finishedAt] of [
    ["told", new Date(2_000)],
    ["untold", updatedAt],
  ] as const) {
    const job = createJob({
      ownerId: "o",
      deploymentId,
      upstream: "sandbox",
      apiVersion: "v1",
      now,
    });
    await watched.jobs.insert({ job, input: {}, key: null });
    const error = { code: "SUBMISSION_UNKNOWN", message: "", retryable: false } as const;
    const ended = {
      ...job,
      requestId: "r",
      status: "FAILED",
      version: 2,
      finishedAt,
      updatedAt,
      error,
    } as const;
    await watched.jobs.save(ended, null);
  }
  const text = await metrics.read();
  expect(text).toContain('job_end_lateness_seconds_sum{deployment="told"} 3\n');
  expect(text).not.toContain('job_end_lateness_seconds_sum{deployment="untold"}');
  expect(text).toContain("submit_unknown_timestamp_seconds 5\n");
});

test("files are counted by what became of them, where that could be written down", async () => {
  const metrics = createMetrics();
  await using store = await openForTest();
  const answers = [true, false];
  const settle = async () => answers.shift() ?? false;
  const { files } = metrics.watchStore({ ...store, files: { ...store.files, settle } });
  const file = {
    jobId: "job_1",
    number: 0,
    url: "",
    upstream: null,
    attempts: 1,
    sinceEndMs: 0,
    token: 1,
  };
  for (const _ of [1, 2]) await files.settle(file, { ...NOT_KEPT, state: "FAILED" });
  expect(await metrics.read()).toContain('files_settled_total{state="FAILED"} 1\n');
});

test("a database that is away is told, and the rest with it", async () => {
  const metrics = createMetrics();
  const store = await openForTest();
  metrics.follow({
    version: "1",
    store,
    health: { outageMs: () => 1, failingDeployments: () => ["d"] },
    counts: () => ({ sockets: 3, subscriptions: 4 }),
  });
  expect(await metrics.read()).toContain('runcomfy_gateway_jobs_unfinished{status="IN_QUEUE"} 0');
  await store.close();
  const text = await metrics.read();
  expect(text).toContain("runcomfy_gateway_database_up 0");
  expect(text).toContain("runcomfy_gateway_outages_open 2");
  expect(text).toContain("runcomfy_gateway_sockets_open 3");
  expect(text).not.toContain("runcomfy_gateway_jobs_unfinished{");
});

async function openForTest() {
  const store = await openStore({
    upstream: "sandbox",
    databaseUrl: ":memory:",
    log: pino({ level: "silent" }),
  });
  return { ...store, [Symbol.asyncDispose]: () => store.close() };
}
