import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";

import { createRunComfy } from "../../src/runcomfy/create-runcomfy.ts";
import { startOutageProbe } from "../../src/runcomfy/outage-probe.ts";
import type { Pace } from "../../src/runcomfy/pace.ts";
import { createPace } from "../../src/runcomfy/pace.ts";
import type { RunComfy } from "../../src/runcomfy/runcomfy.ts";
import { RunComfyError } from "../../src/runcomfy/runcomfy-error.ts";
import type { UpstreamCall } from "../support/faulty-upstream/faults.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";

const log = pino({ level: "silent" });
const PATIENCE = { timeout: 10_000, interval: 5 };
const PROBE_TIMEOUT_MS = 200;

let upstream: FaultyUpstream;
let pace: Pace;
let runComfy: RunComfy;
/** How often the pace was asked for a probe, and how many were under way at once. */
let claims = 0;
let mostUnderWay = 0;
/** How many probes have told the pace of their end. */
let noted = 0;
let probe: { close(): Promise<void> };

beforeEach(async () => {
  upstream = await startFaultyUpstream();
  const now = () => performance.now();
  pace = createPace({ now, random: () => 1, log, longestBackOffMs: 40 });
  const { url: baseUrl, token } = upstream;
  const probeTimeoutMs = PROBE_TIMEOUT_MS;
  runComfy = createRunComfy({
    baseUrl,
    token,
    submitTimeoutMs: 10_000,
    probeTimeoutMs,
    pace: {
      ...pace,
      noteProbe(error, about) {
        noted += 1;
        pace.noteProbe(error, about);
      },
    },
    log,
  });
  claims = 0;
  mostUnderWay = 0;
  noted = 0;
  let underWay = 0;
  probe = startOutageProbe({
    pace: {
      ...pace,
      claimProbe() {
        claims += 1;
        return pace.claimProbe();
      },
    },
    runcomfy: {
      async probe(about, signal) {
        mostUnderWay = Math.max(mostUnderWay, ++underWay);
        await runComfy.probe(about, signal).finally(() => (underWay -= 1));
      },
    },
  });
});

afterEach(async () => {
  await probe.close();
  await upstream.close();
});

async function beginOutage(deploymentId = "dep"): Promise<void> {
  const submit = () => runComfy.submit({ apiVersion: "v1", deploymentId, input: {} });
  while (!pace.isOutage(deploymentId)) await submit().catch(() => undefined);
}

const probes = () => upstream.count("list") + upstream.count("status");

test("The end of an outage is found out without a job or a submit, by reads of the deployment that was called last", async () => {
  upstream.setFault("html-502");
  await beginOutage();
  await expect.poll(probes, PATIENCE).toBeGreaterThan(3);
  expect(pace.submitRefusal("dep")).toBe("UNAVAILABLE");
  const posts = upstream.count("submit");
  upstream.setFault(null);
  await expect.poll(() => pace.isOutage(), PATIENCE).toBe(false);
  expect(upstream.count("submit")).toBe(posts);
  const { requests } = upstream;
  const paths = new Set(requests.filter(({ call }) => call !== "submit").map(({ path }) => path));
  expect([...paths]).toEqual([
    "/prod/v2/deployments?ids=dep",
    "/prod/v1/deployments/dep/requests/probe/status",
  ]);
});

test.each([
  ["list", "html-404"],
  ["status", "html-502"],
] as const)("An outage ends although each %s is answered with %s", async (call, fault) => {
  upstream.setFault("html-502");
  await beginOutage();
  const only: readonly UpstreamCall[] = [call];
  upstream.setFault(fault, only);
  await expect.poll(() => pace.isOutage(), PATIENCE).toBe(false);
});

test("A deployment that fails is asked after until it answers, and is no outage of all, because the list is answered", async () => {
  upstream.setFault("html-502", ["submit", "status"]);
  await beginOutage();
  await expect.poll(() => upstream.count("status", "dep"), PATIENCE).toBeGreaterThan(2);
  expect(upstream.count("list")).toBe(1);
  expect([pace.isOutage(), pace.isOutage("dep")]).toEqual([false, true]);
  upstream.setFault(null);
  await expect.poll(() => pace.isOutage("dep"), PATIENCE).toBe(false);
});

test("Probes that hang end in time, and there is never more than one, also when the outage ends and another begins", async () => {
  upstream.setFault("html-502", ["submit"]);
  const release = upstream.hold("list");
  await beginOutage();
  await expect.poll(probes, PATIENCE).toBe(1);
  pace.noteRead(null, "dep");
  await beginOutage();
  await expect.poll(() => pace.isOutage(), PATIENCE).toBe(false);
  expect(mostUnderWay).toBe(1);
  release();
});

test("A second outage is probed as well", async () => {
  for (const outage of [1, 2]) {
    const before = probes();
    upstream.setFault("html-502");
    await beginOutage();
    await expect.poll(probes, PATIENCE).toBeGreaterThan(before + outage);
    upstream.setFault(null);
    await expect.poll(() => pace.isOutage("dep"), PATIENCE).toBe(false);
  }
});

test("A gateway that stops aborts the probe under way, which tells nothing, and sends no other", async () => {
  upstream.setFault("html-502", ["submit"]);
  upstream.hold("list");
  await beginOutage();
  await expect.poll(probes, PATIENCE).toBe(1);
  const before = claims;
  await probe.close();
  expect(noted).toBe(0);
  const error = new RunComfyError("It failed.", { code: "UNAVAILABLE", delivery: "unknown" });
  pace.noteRead(null, "dep");
  for (let reads = 0; reads < 5; reads += 1) pace.noteRead(error, "dep");
  expect(claims).toBe(before);
});
