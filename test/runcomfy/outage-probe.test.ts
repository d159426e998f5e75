import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";

import type { RunComfy } from "../../src/engine/runcomfy/create-runcomfy.ts";
import type { UpstreamHealth } from "../../src/engine/runcomfy/upstream-health.ts";
import { startOutageProbe } from "../../src/engine/runcomfy/upstream-health.ts";
import { createHealth } from "../support/create-health.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { connect, failureOf, NEVER } from "./connect.ts";

const PATIENCE = { timeout: 10_000, interval: 5 };

let upstream: FaultyUpstream;
let health: UpstreamHealth;
let runComfy: RunComfy;
/** Of a deployment, or of all. */
let mostUnderWay = 0;
let probe: { close(): Promise<void> };

beforeEach(async () => {
  upstream = await startFaultyUpstream();
  health = createHealth({ now: () => performance.now(), longestBackOffMs: 40 });
  runComfy = connect(upstream, { health, probeTimeoutMs: 10_000 });
  mostUnderWay = 0;
  const underWay = new Map<string | null, number>();
  probe = startOutageProbe({
    health,
    runcomfy: {
      async probe(deploymentId, signal) {
        const count = (underWay.get(deploymentId) ?? 0) + 1;
        underWay.set(deploymentId, count);
        mostUnderWay = Math.max(mostUnderWay, count);
        await runComfy.probe(deploymentId, signal);
        underWay.set(deploymentId, (underWay.get(deploymentId) ?? 0) - 1);
      },
    },
  });
});

afterEach(async () => {
  await probe.close();
  await upstream.close();
});

const submit = (deploymentId = "dep") =>
  runComfy.submit({ kind: "lora", apiVersion: "v1", deploymentId, body: {} });

/** Of the deployment, and of all where the list fails as well. */
async function beginOutage(): Promise<void> {
  while (!health.isOutage("dep")) await submit().catch(() => undefined);
}

const probes = () => upstream.count("list") + upstream.count("status");

test.each([
  ["all is answered", null, []],
  ["the list alone is not found", "html-404", ["list"]],
  ["the status alone fails", "html-502", ["status"]],
] as const)(
  "The end of an outage of all is found out without a job or a submit, by reads of the deployment that was called last, where %s",
  async (_title, fault, on) => {
    upstream.setFault("html-502");
    await beginOutage();
    await expect.poll(() => health.isOutage(), PATIENCE).toBe(true);
    await expect.poll(probes, PATIENCE).toBeGreaterThan(3);
    expect(health.submitRefusal("dep")).toBe("UNAVAILABLE");
    const posts = upstream.count("submit");
    upstream.setFault(fault, on);
    await expect.poll(() => health.isOutage(), PATIENCE).toBe(false);
    const reads = upstream.requests.filter(({ call }) => call !== "submit");
    expect(upstream.requests).toHaveLength(posts + reads.length);
    expect([...new Set(reads.map(({ path }) => path))].toSorted()).toEqual([
      "/prod/v1/deployments/dep/requests/probe/status",
      "/prod/v2/deployments?ids=dep",
    ]);
  },
);

test("A deployment that fails is asked after until it answers, and is no outage of all, because the list is answered", async () => {
  upstream.setFault("html-502", ["submit", "status"]);
  await beginOutage();
  await expect.poll(() => upstream.count("status", "dep"), PATIENCE).toBeGreaterThan(2);
  expect(upstream.count("list")).toBe(1);
  expect([health.isOutage(), health.isOutage("dep")]).toEqual([false, true]);
  upstream.setFault(null);
  await expect.poll(() => health.isOutage("dep"), PATIENCE).toBe(false);
});

test("Deployments that redirect refuse no submit to others so long as the list, or another deployment, is answered", async () => {
  const outages: unknown[] = [];
  health.on("outage", (deploymentId) => outages.push(deploymentId));
  const submitToEach = async (...ids: string[]): Promise<void> => {
    for (const id of [...ids, ...ids]) await submit(id).catch(() => undefined);
  };
  upstream.setFault("redirect", ["submit", "status"]);
  await submitToEach("a", "b", "c");
  await expect.poll(() => upstream.count("list"), PATIENCE).toBe(1);
  upstream.setFault(null);
  await submit();
  // Lists that name them are redirected too.
  await submitToEach("fault-redirect", "fault-redirect-307", "fault-html-502");
  await expect.poll(() => upstream.count("status", "dep"), PATIENCE).toBeGreaterThan(0);
  await submit();
  expect([outages, health.submitRefusal("idle")]).toEqual([[], null]);
});

test("A model that nobody has called is asked after where models are, and never as a deployment", async () => {
  const models = await startFaultyUpstream();
  onTestFinished(() => models.close());
  const client = connect(upstream, { health, modelUrl: models.url });
  await client.probe("labs/flux/dev", NEVER);
  expect([models.count("status"), upstream.requests.length]).toEqual([1, 0]);
});

test("What has failed is asked after as it was called, whatever was called since", async () => {
  const client = connect(upstream);
  upstream.setFault("html-502", ["submit"]);
  const failing = { kind: "lora", apiVersion: "v2", deploymentId: "dep", body: {} };
  await failureOf(client.submit(failing));
  upstream.setFault(null);
  await client.submit({ ...failing, apiVersion: "v1", deploymentId: "another" });
  await client.probe("dep", NEVER);
  expect(upstream.requests.at(-1)?.path).toBe("/prod/v2/deployments/dep/requests/probe/status");
});

test("Probes that hang end in time, and there is never more than one of a deployment, also when the outage ends and another begins", async () => {
  runComfy = connect(upstream, { health, probeTimeoutMs: 200 });
  upstream.setFault("html-502", ["submit"]);
  const release = upstream.hold("list");
  await beginOutage();
  await expect.poll(() => upstream.count("list"), PATIENCE).toBe(1);
  health.noteRead(null, "dep");
  await beginOutage();
  await expect.poll(() => health.isOutage("dep"), PATIENCE).toBe(false);
  expect(mostUnderWay).toBe(1);
  release();
});

test("A gateway that stops aborts the probe under way, and sends no other", async () => {
  upstream.setFault("html-502");
  upstream.hold("list");
  await beginOutage();
  await expect.poll(() => upstream.count("list"), PATIENCE).toBe(1);
  await probe.close();
  const before = probes();
  health.noteRead(null, "dep");
  await beginOutage();
  expect(probes()).toBe(before);
});
