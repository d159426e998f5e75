import { pino } from "pino";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";

import { OPEN_CATALOGUE } from "../../src/deployments/catalogue.ts";
import { createJob } from "../../src/job/job.ts";
import { createRunComfy } from "../../src/runcomfy/create-runcomfy.ts";
import { createHealth } from "../support/create-health.ts";
import { startOutageProbe } from "../../src/runcomfy/outage-probe.ts";
import type { UpstreamHealth } from "../../src/runcomfy/upstream-health.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import { openStore } from "../../src/store/open-store.ts";
import type { Tracking } from "../../src/tracking/tracking.ts";
import { createTracking } from "../../src/tracking/tracking.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { watchJobsOf } from "../support/watch-jobs-of.ts";
import { createDatabase } from "../support/postgres.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { LOCAL_VIEWER } from "../support/viewers.ts";
import { TRACKING_SETTINGS } from "../support/tracking-settings.ts";

const log = pino({ level: "silent" });
const WITHIN = { timeout: 15_000, interval: 50 };

type TestGateway = {
  readonly store: JobStore;
  readonly tracking: Tracking;
  readonly health: UpstreamHealth;
  readonly probe: { close(): Promise<void> };
};

let upstream: FaultyUpstream;
let database: Awaited<ReturnType<typeof createDatabase>>;
let gateways: TestGateway[];

beforeEach(async () => {
  gateways = [];
  upstream = await startFaultyUpstream();
  database = await createDatabase();
});

afterEach(async () => {
  for (const gateway of gateways.slice()) await stop(gateway);
  await database.drop();
  await upstream.close();
});

async function start(baseUrl = upstream.url): Promise<TestGateway> {
  const store = await openStore({ upstream: "sandbox", databaseUrl: database.url, log });
  const health = createHealth({
    now: () => performance.now(),
    random: Math.random,
    log,
    longestBackOffMs: 1_000,
  });
  const { token } = upstream;
  const runcomfy = createRunComfy({ baseUrl, token, submitTimeoutMs: 10_000, health, log });
  const tracking = createTracking({
    store,
    runcomfy,
    health,
    catalogue: OPEN_CATALOGUE,
    watchJob: watchJobsOf(store),
    ...TRACKING_SETTINGS,
    log,
  });
  const gateway = { store, tracking, health, probe: startOutageProbe({ health, runcomfy }) };
  gateways.push(gateway);
  await tracking.start();
  return gateway;
}

async function stop(gateway: TestGateway): Promise<void> {
  gateways = gateways.filter((one) => one !== gateway);
  await gateway.tracking.close();
  await gateway.probe.close();
  await gateway.store.close();
}

test("a gateway that alone can't reach RunComfy leaves all polls to the others, and polls again when it can", async () => {
  upstream.script("long", ["in_progress"]);
  const link = await startTcpProxy(upstream);
  onTestFinished(() => link.close());
  const cutOff = await start(`http://127.0.0.1:${link.port}`);
  const other = await start();
  const submit = async () =>
    await other.tracking.submitJob({
      viewer: LOCAL_VIEWER,
      deploymentId: "long",
      input: {},
      idempotencyKey: null,
    });
  const jobs = await Promise.all(Array.from({ length: 20 }, submit));
  link.drop();
  await vi.waitFor(() => expect(cutOff.health.isOutage()).toBe(true), WITHIN);
  expect(other.health.isOutage()).toBe(false);
  for (const { job } of jobs) upstream.finish(job.requestId ?? "", { output: {} });
  await vi.waitFor(
    async () => expect(await other.store.jobs.count({ statuses: ["SUCCEEDED"] })).toBe(20),
    WITHIN,
  );
  link.heal();
  await vi.waitFor(() => expect(cutOff.health.isOutage()).toBe(false), WITHIN);
});

test("a submit whose gateway is gone is settled by another, by the database's clock, and never sent", async () => {
  const gateway = await start();
  const dead = await openStore({ upstream: "sandbox", databaseUrl: database.url, log });
  const job = createJob({
    ownerId: "local",
    deploymentId: "long",
    upstream: "sandbox",
    apiVersion: "v1",
    // Its own clock was an hour ahead.
    now: new Date(Date.now() + 3_600_000),
  });
  await dead.jobs.insert({ job, input: {}, key: null, leaseMs: 1_000 });
  await dead.close();
  expect((await gateway.store.jobs.read(job.id))?.status).toBe("SUBMITTING");
  await vi.waitFor(async () => {
    const settled = await gateway.store.jobs.read(job.id);
    expect(settled?.error?.code).toBe("SUBMISSION_UNKNOWN");
  }, WITHIN);
  expect(upstream.count("submit")).toBe(0);
});

test("a pause that the upstream asked one gateway for holds for the others", async () => {
  const asked = await start();
  const other = await start();
  const request = {
    viewer: LOCAL_VIEWER,
    deploymentId: "fault-rate-limited",
    input: {},
    idempotencyKey: null,
  };
  await expect(asked.tracking.submitJob(request)).rejects.toMatchObject({ code: "RATE_LIMITED" });
  await vi.waitFor(() => expect(other.health.pausedForMs()).toBeGreaterThan(0), WITHIN);
  await expect(
    other.tracking.submitJob({ ...request, deploymentId: "warm-glow" }),
  ).rejects.toMatchObject({ code: "RATE_LIMITED", retryable: true });
  expect(upstream.count("submit")).toBe(1);
});

test("the first gateway's jobs are each followed to their end by whoever claims their polls", async () => {
  const first = await start();
  await start();
  await start();
  const requests = Array.from({ length: 40 }, (_, index) => ({
    viewer: LOCAL_VIEWER,
    deploymentId: "warm-glow",
    input: { index },
    idempotencyKey: null,
  }));
  await Promise.all(requests.map((request) => first.tracking.submitJob(request)));
  await vi.waitFor(
    async () => expect(await first.store.jobs.count({ statuses: ["SUCCEEDED"] })).toBe(40),
    WITHIN,
  );
  expect(upstream.count("submit")).toBe(40);
});
