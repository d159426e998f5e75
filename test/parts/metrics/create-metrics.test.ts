import { expect, test } from "vitest";

import { createChannels } from "../../../src/engine/diagnostics/channels.ts";
import type { Figure } from "../../../src/engine/diagnostics/figure.ts";
import { createJob } from "../../../src/engine/job/job.ts";
import { NOT_KEPT } from "../../../src/engine/job/asset.ts";
import { createMetrics } from "../../../src/parts/metrics/create-metrics.ts";
import { openStore } from "../../../src/engine/store/open-store.ts";
import { pino } from "pino";

test("100 deployments have rows of their own, and the others share one", async () => {
  await using opened = await openForTest();
  const { channels, metrics } = opened;
  for (let count = 0; count < 105; count++) {
    const job = createJob({
      ...FACTS,
      kind: "lora",
      deploymentId: `d${count}`,
      now: new Date(count),
    });
    channels.stored.publish({ ...job, requestId: "r", status: "FAILED" });
  }
  const text = await metrics.metrics();
  const rows = text.split("\n").filter((line) => line.includes("jobs_ended_total{"));
  expect(rows).toHaveLength(101);
  expect(rows.at(-1)).toMatch(/status="FAILED",deployment="other"} 5$/);
});

test("an end is late only by the time that RunComfy gave, and the last unknown submit has its time", async () => {
  await using opened = await openForTest();
  const { channels, metrics } = opened;
  const updatedAt = new Date(5_000);
  const error = { code: "SUBMISSION_UNKNOWN", message: "", retryable: false } as const;
  const end = { requestId: "r", status: "FAILED", updatedAt, error } as const;
  for (const [deploymentId, finishedAt] of [
    ["reported", new Date(2_000)],
    ["untold", updatedAt],
  ] as const) {
    const job = createJob({ ...FACTS, kind: "lora", deploymentId, now: new Date(1_000) });
    channels.stored.publish({ ...job, ...end, finishedAt });
  }
  const text = await metrics.metrics();
  expect(text).toContain('job_end_lateness_seconds_sum{deployment="reported"} 3\n');
  expect(text).not.toContain('job_end_lateness_seconds_sum{deployment="untold"}');
  expect(text).toContain("submit_unknown_timestamp_seconds 5\n");
});

test("how long a job waited counts from when it was sent, however long ago it was created", async () => {
  await using opened = await openForTest();
  const { channels, metrics } = opened;
  const job = createJob({ ...FACTS, kind: "lora", deploymentId: "d", now: new Date(0) });
  const [sentAt, startedAt] = [new Date(86_400_000), new Date(86_402_000)];
  channels.stored.publish({ ...job, requestId: "r", status: "SUCCEEDED", sentAt, startedAt });
  expect(await metrics.metrics()).toContain('job_queue_seconds_sum{deployment="d"} 2\n');
});

test("ends are counted, and files by outcome, if that could be stored", async () => {
  await using opened = await openForTest();
  const { metrics, store } = opened;
  const job = createJob({ ...FACTS, kind: "lora", deploymentId: "d", now: new Date(0) });
  await store.jobs.insert({ job, input: {}, key: null });
  const ended = { ...job, status: "SUCCEEDED", version: 2, finishedAt: new Date(1) } as const;
  const result = { output: "{}", assets: [], keep: ["https://example.com/a.png"] };
  for (const _ of [1, 2]) await store.jobs.save(job, ended, result);
  const { files } = await store.files.claimDue({ limit: 1, claimMs: 1_000 });
  // The second one has no claim any more.
  for (const file of [...files, ...files])
    await store.files.settle(file, { ...NOT_KEPT, state: "FAILED" });
  const text = await metrics.metrics();
  expect(text).toContain('jobs_ended_total{status="SUCCEEDED",deployment="other"} 1\n');
  expect(text).toContain('files_settled_total{state="FAILED"} 1\n');
});

test("a database that is away is reported, and the rest with it", async () => {
  const { metrics, store, figures } = await openForTest();
  figures.push({ name: "sockets_open", help: "A figure.", read: () => 3 });
  expect(await metrics.metrics()).toContain(
    'runcomfy_gateway_jobs_unfinished{status="IN_QUEUE"} 0',
  );
  await store.close();
  const text = await metrics.metrics();
  expect(text).toContain("runcomfy_gateway_database_up 0");
  expect(text).toContain("runcomfy_gateway_outages_open 2");
  expect(text).toContain("runcomfy_gateway_sockets_open 3");
  expect(text).not.toContain("runcomfy_gateway_jobs_unfinished{");
});

test("nothing is reported of a database that is not open yet", async () => {
  const channels = createChannels();
  const log = pino({ level: "silent" });
  let engine: Parameters<typeof createMetrics>[0]["engine"] = () => null;
  const read = { channels, version: "1", figures: [], engine: () => engine(), log };
  const metrics = createMetrics(read);
  const isUp = /^runcomfy_gateway_database_up (\d)$/m;
  expect(await metrics.metrics()).not.toMatch(isUp);
  await using opened = await openForTest();
  engine = () => ({ store: opened.store, health: opened.health });
  expect(isUp.exec(await metrics.metrics())?.[1]).toBe("1");
});

const FACTS = { ownerId: "o", upstream: "sandbox", apiVersion: "v1" } as const;

async function openForTest() {
  const log = pino({ level: "silent" });
  const channels = createChannels();
  const store = await openStore({ upstream: "sandbox", databaseUrl: ":memory:", channels, log });
  const health = { outageMs: () => 1, failingDeployments: () => ["d"] };
  const figures: Figure[] = [];
  const engine = () => ({ store, health });
  const metrics = createMetrics({ channels, version: "1", figures, engine, log });
  return { channels, metrics, store, health, figures, [Symbol.asyncDispose]: () => store.close() };
}
