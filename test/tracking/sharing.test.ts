import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";

import type { UpstreamHealth } from "../../src/runcomfy/upstream-health.ts";
import { startOutageProbe } from "../../src/runcomfy/upstream-health.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import type { Tracking } from "../../src/tracking/tracking.ts";
import { createHealth } from "../support/create-health.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { useSharedPostgres } from "../store/shared-postgres.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { LOCAL_VIEWER } from "../support/viewers.ts";
import { connectTracking } from "./connect-submitter.ts";

const WITHIN = { timeout: 15_000, interval: 50 };

type TestGateway = {
  readonly store: JobStore;
  readonly tracking: Tracking;
  readonly health: UpstreamHealth;
  readonly probe: { close(): Promise<void> };
};

let upstream: FaultyUpstream;
let gateways: TestGateway[];
const postgres = useSharedPostgres();

beforeEach(async () => {
  gateways = [];
  upstream = await startFaultyUpstream();
});

afterEach(async () => {
  for (const { tracking, probe } of gateways) {
    await tracking.close();
    await probe.close();
  }
  await upstream.close();
});

async function start(url = upstream.url): Promise<TestGateway> {
  const store = await postgres.open();
  const clock = { now: () => performance.now(), random: Math.random };
  const health = createHealth({ ...clock, longestBackOffMs: 1_000 });
  const connected = connectTracking({ upstream: { ...upstream, url }, store, health });
  const gateway = { ...connected, store, probe: startOutageProbe(connected) };
  gateways.push(gateway);
  await gateway.tracking.start();
  return gateway;
}

function request(deploymentId: string) {
  return { viewer: LOCAL_VIEWER, deploymentId, input: {}, idempotencyKey: null };
}

test("a gateway that alone can't reach RunComfy leaves all polls to the others, and polls again when it can", async () => {
  upstream.script("long", ["in_progress"]);
  const link = await startTcpProxy(upstream);
  onTestFinished(() => link.close());
  const cutOff = await start(`http://127.0.0.1:${link.port}`);
  const other = await start();
  const submit = () => other.tracking.submitJob(request("long"));
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
