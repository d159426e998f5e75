import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { pino } from "pino";
import { expect, test } from "vitest";

import { createChannels } from "../../../src/engine/diagnostics/channels.ts";
import type { Job } from "../../../src/engine/job/job.ts";
import { createJob } from "../../../src/engine/job/job.ts";
import { openStore } from "../../../src/engine/store/open-store.ts";
import { createTraces } from "../../../src/parts/traces/open-traces.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const OPERATION = {
  kind: "mutation",
  name: null,
  traceparent: undefined,
  startedAt: 0,
  code: null,
};

async function open() {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  const log = pino({ level: "silent" });
  const channels = createChannels();
  const store = await openStore({ upstream: "sandbox", databaseUrl: ":memory:", channels, log });
  const { readTraceparent } = store.jobs;
  createTraces(provider.getTracer("test"), { channels, readTraceparent, log });
  return {
    channels,
    store,
    operate: (act: () => Promise<unknown>, traceparent?: unknown) =>
      channels.operation.tracePromise(act, { ...OPERATION, traceparent }),
    names: () => exporter.getFinishedSpans().map(({ name }) => name),
    spans: () => exporter.getFinishedSpans(),
    [Symbol.asyncDispose]: () => store.close(),
  };
}

function createEnded(now = new Date()): { readonly job: Job; readonly ended: Job } {
  const facts = { ownerId: "o", deploymentId: "d", upstream: "sandbox", apiVersion: "v1" };
  const job = createJob({ ...facts, kind: "lora", now });
  return { job, ended: { ...job, status: "FAILED", version: 2, finishedAt: now, updatedAt: now } };
}

test("an operation goes on with its caller's trace, a later version's too, and begins its own where there is none", async () => {
  await using opened = await open();
  for (const [traceparent, isRead] of [
    [`00-${TRACE}-${SPAN}-01`, true],
    [`01-${TRACE}-${SPAN}-01-more`, true],
    [undefined, false],
    [[1], false],
    [`00-${"0".repeat(32)}-${SPAN}-01`, false],
    [`00-${TRACE}-${"0".repeat(16)}-01`, false],
    [`ff-${TRACE}-${SPAN}-01`, false],
    [`00-${TRACE}-${SPAN}-011`, false],
    [`00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`, false],
  ] as const) {
    await opened.operate(async () => null, traceparent);
    const span = opened.spans().at(-1);
    expect(span?.parentSpanContext?.spanId).toBe(isRead ? SPAN : undefined);
    expect(span?.spanContext().traceId === TRACE).toBe(isRead);
  }
});

test("what goes on after its operation belongs to no trace", async () => {
  await using opened = await open();
  const { operate, store } = opened;
  const { promise: later, resolve } = Promise.withResolvers<void>();
  let left: Promise<unknown> = Promise.resolve();
  await operate(async () => {
    left = later.then(() => store.jobs.read("job_1"));
    await store.jobs.read("job_1");
  });
  resolve();
  await left;
  expect(opened.names()).toEqual(["read jobs", "mutation"]);
});

test("a watcher that a write wakes does not belong to its trace", async () => {
  await using opened = await open();
  const { operate, store } = opened;
  const { job, ended } = createEnded();
  await store.jobs.insert({ job, input: {}, key: null });
  const woken = new Promise((resolve) => {
    store.feed.subscribeToJob(job.id, () => resolve(store.jobs.read(job.id)));
  });
  await operate(async () => {
    await store.jobs.save(job, ended, null);
    await woken;
  });
  expect(opened.names()).toEqual(["save jobs", "mutation"]);
});

test("an end that nobody polled for is in the job's trace, and a job without one has none", async () => {
  await using opened = await open();
  const { operate, store } = opened;
  const [traced, untraced] = [createEnded(), createEnded()];
  await operate(() => store.jobs.insert({ job: traced.job, input: {}, key: null }));
  await store.jobs.insert({ job: untraced.job, input: {}, key: null });
  for (const { job, ended } of [untraced, traced]) await store.jobs.save(job, ended, null);
  await expect.poll(opened.names).toEqual(["insert jobs", "mutation", "end"]);
  const [, operation, end] = opened.spans();
  expect(end?.parentSpanContext?.spanId).toBe(operation?.spanContext().spanId);
  expect(end?.attributes).toMatchObject({ "runcomfy.job.id": traced.job.id });
});

test("an end is traced once on each gateway, and not for somebody who comes much later", async () => {
  await using opened = await open();
  const { channels, operate, store } = opened;
  const recent = createEnded();
  const old = createEnded(new Date(Date.now() - 3_600_000));
  await operate(async () => {
    for (const { job } of [recent, old]) await store.jobs.insert({ job, input: {}, key: null });
  });
  const reported = opened.names().length;
  for (const { ended: job } of [old, recent, recent])
    channels.sent.publish({ of: "job", job, at: Date.now() });
  // Two lost turns of the event loop are enough for a second one.
  await expect.poll(() => opened.names().slice(reported)).toEqual(["event"]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(opened.names().slice(reported)).toEqual(["event"]);
});
