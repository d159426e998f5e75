import { pino } from "pino";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";

import { OPEN_CATALOGUE } from "../../src/deployments/catalogue.ts";
import { advance } from "../../src/job/advance.ts";
import { createJob } from "../../src/job/job.ts";
import { createRunComfy } from "../../src/runcomfy/create-runcomfy.ts";
import { createPace } from "../../src/runcomfy/pace.ts";
import { startOutageProbe } from "../../src/runcomfy/outage-probe.ts";
import type { Pace } from "../../src/runcomfy/pace.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import { openStore } from "../../src/store/open-store.ts";
import { createTurns } from "../../src/store/turns.ts";
import type { Tracking } from "../../src/tracking/tracking.ts";
import { createTracking } from "../../src/tracking/tracking.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { createDatabase } from "../support/postgres.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { LOCAL_VIEWER } from "../support/viewers.ts";

const log = pino({ level: "silent" });
const LEASE_SECONDS = 1.5;
const WITHIN = { timeout: 15_000, interval: 50 };

type TestGateway = {
  readonly store: JobStore;
  readonly tracking: Tracking;
  readonly pace: Pace;
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

async function start(
  changes: (store: JobStore) => Partial<JobStore["ownership"]> = () => ({}),
  baseUrl = upstream.url,
) {
  const opened = await openStore({
    databaseUrl: database.url,
    log,
    leaseMs: LEASE_SECONDS * 1_000,
  });
  const store: JobStore = {
    ...opened,
    ownership: { ...opened.ownership, ...changes(opened) },
  };
  const pace = createPace({
    now: () => performance.now(),
    random: Math.random,
    log,
    longestBackOffMs: 1_000,
    cutOffAfterMs: LEASE_SECONDS * 1_000,
  });
  const { token } = upstream;
  const runcomfy = createRunComfy({ baseUrl, token, submitTimeoutMs: 10_000, pace, log });
  const tracking = createTracking({
    store,
    runcomfy,
    pace,
    catalogue: OPEN_CATALOGUE,
    apiVersion: "v1",
    deadlineSeconds: 86_400,
    submitTimeoutSeconds: 10,
    leaseSeconds: LEASE_SECONDS,
    log,
  });
  const gateway = { store, tracking, pace, probe: startOutageProbe({ pace, runcomfy }) };
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

/** Jobs that nobody ends, and that are seldom looked at once they are old. */
async function addJobs(
  store: JobStore,
  count: number,
  { deploymentId = "long", ageMs = 0 } = {},
): Promise<void> {
  const now = new Date(Date.now() - ageMs);
  const jobs = Array.from({ length: count }, () =>
    createJob({ ownerId: "local", deploymentId, apiVersion: "v1", now }),
  );
  // As many as there are connections: others wait for theirs no longer than 5 s.
  const inTurn = createTurns(6);
  await Promise.all(
    jobs.map((job, index) =>
      inTurn(job.ownerId, async () => {
        await store.jobs.insert({ job, input: {}, key: null });
        const requestId = `request-${index}`;
        await store.jobs.save(advance(job, { kind: "accepted", requestId }, now), null);
      }),
    ),
  );
}

async function owned({ store }: TestGateway): Promise<number> {
  return (await store.ownership.readShares()).owned;
}

test("work spreads: a new gateway gets its share, and one that shuts down hands its own over at once", async () => {
  const first = await start();
  // More than one claim takes.
  await addJobs(first.store, 700, { ageMs: 3_600_000 });
  const second = await start();
  const third = await start();
  await vi.waitFor(async () => {
    const shares = await Promise.all([first, second, third].map(owned));
    expect(Math.max(...shares)).toBeLessThanOrEqual(300);
    expect(shares.reduce((sum, share) => sum + share)).toBe(700);
  }, WITHIN);
  await stop(first);
  await vi.waitFor(async () => {
    const shares = await Promise.all([second, third].map(owned));
    expect(Math.max(...shares)).toBeLessThanOrEqual(400);
    expect(shares.reduce((sum, share) => sum + share)).toBe(700);
  }, WITHIN);
});

test("a gateway that falls silent loses its jobs, and goes on as one of many when it is back", async () => {
  let isSilent = false;
  const silent = await start((store) => ({
    renew: () => (isSilent ? Promise.reject(new Error("away")) : store.ownership.renew()),
  }));
  await addJobs(silent.store, 60);
  isSilent = true;
  const other = await start();
  await vi.waitFor(async () => expect(await owned(other)).toBe(60), WITHIN);
  isSilent = false;
  await vi.waitFor(async () => expect(await owned(silent)).toBeGreaterThanOrEqual(20), WITHIN);
});

test.for([
  { jobs: 60, why: "as others are answered" },
  { jobs: 5, why: "as another finds out that had no jobs" },
])("a gateway that alone can't reach the upstream loses its $jobs jobs, $why", async ({ jobs }) => {
  const link = await startTcpProxy(upstream);
  onTestFinished(() => link.close());
  const cutOff = await start(() => ({}), `http://127.0.0.1:${link.port}`);
  await addJobs(cutOff.store, jobs);
  await vi.waitFor(async () => expect(await owned(cutOff)).toBe(jobs), WITHIN);
  const other = await start();
  const most = Math.ceil(jobs / 2) + 10;
  await vi.waitFor(async () => expect(await owned(cutOff)).toBeLessThanOrEqual(most), WITHIN);
  link.drop();
  await vi.waitFor(async () => expect(await owned(other)).toBe(jobs), WITHIN);

  link.heal();
  await vi.waitFor(() => expect(cutOff.pace.isOutage()).toBe(false), WITHIN);
  await addJobs(other.store, 60);
  await vi.waitFor(async () => expect(await owned(cutOff)).toBeGreaterThanOrEqual(20), WITHIN);
});

test("in an outage of the upstream itself no job moves", async () => {
  const gateways = [await start(), await start()];
  for (const { store } of gateways) await addJobs(store, 15);
  upstream.setFault("envelope-503");
  await vi.waitFor(
    () => expect(gateways.map(({ pace }) => pace.isOutage())).toEqual([true, true]),
    WITHIN,
  );
  const before = await Promise.all(gateways.map(owned));
  const since = performance.now();
  const isOver = () => performance.now() - since > 2 * LEASE_SECONDS * 1_000;
  await vi.waitFor(() => expect(isOver()).toBe(true), WITHIN);
  expect(await Promise.all(gateways.map(owned))).toEqual(before);
  upstream.setFault(null);
});

test("gateways whose jobs fail, with an answer each time, keep them, though others are answered well and the list is not", async () => {
  const [good, bad] = [await start(), await start()];
  upstream.setFault("html-502", ["list"]);
  await addJobs(good.store, 15);
  await addJobs(bad.store, 15, { deploymentId: "fault-html-502" });
  await vi.waitFor(() => expect(bad.pace.isOutage()).toBe(true), WITHIN);
  const since = performance.now();
  const seen = new Set<string>();
  await vi.waitFor(async () => {
    seen.add(`${await owned(good)} ${await owned(bad)} ${bad.pace.reach().isCutOff}`);
    expect(performance.now() - since).toBeGreaterThan(2 * LEASE_SECONDS * 1_000);
  }, WITHIN);
  expect([...seen]).toEqual(["15 15 false"]);
});

test("of the looks that may be under way at once a gateway has the share of those that it leaves no jobs to", async () => {
  const cutOff = { isOutage: true, isCutOff: true, answeredMsAgo: null } as const;
  const leave = (store: JobStore) => ({ renew: () => store.ownership.renew(cutOff) });
  const last = await start();
  await start(leave);
  await start(leave);
  upstream.hold("status");
  const alone = { gateways: 3, sharing: 1 };
  await vi.waitFor(
    async () => expect(await last.store.ownership.readShares()).toMatchObject(alone),
    WITHIN,
  );
  await addJobs(last.store, 60);
  await vi.waitFor(() => expect(upstream.count("status")).toBeGreaterThanOrEqual(32), WITHIN);
});

test("a gateway that is the only one goes on looking while it can't renew its lease", async () => {
  let isRefused = false;
  const gateway = await start((store) => ({
    renew: () => (isRefused ? Promise.reject(new Error("refused")) : store.ownership.renew()),
  }));
  await addJobs(gateway.store, 2);
  await vi.waitFor(() => expect(upstream.count("status")).toBeGreaterThan(0), WITHIN);
  isRefused = true;
  const refusedAt = performance.now();
  const hasLapsed = () => performance.now() - refusedAt > LEASE_SECONDS * 1_000;
  await vi.waitFor(() => expect(hasLapsed()).toBe(true), WITHIN);
  const looks = upstream.count("status");
  await vi.waitFor(() => expect(upstream.count("status")).toBeGreaterThan(looks + 2), WITHIN);
});

test("a submit whose gateway is gone is settled by another, by the database's clock, and never sent", async () => {
  const gateway = await start();
  const dead = await openStore({ databaseUrl: database.url, log });
  const job = createJob({
    ownerId: "local",
    deploymentId: "long",
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
  await vi.waitFor(() => expect(other.pace.pausedForMs()).toBeGreaterThan(0), WITHIN);
  await expect(
    other.tracking.submitJob({ ...request, deploymentId: "warm-glow" }),
  ).rejects.toMatchObject({ code: "RATE_LIMITED", retryable: true });
  expect(upstream.count("submit")).toBe(1);
});

test("the first gateway's jobs are each followed to their end by whoever has them", async () => {
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
