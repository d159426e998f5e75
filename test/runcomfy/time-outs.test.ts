import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";

import { createRunComfy } from "../../src/runcomfy/create-runcomfy.ts";
import { createHealth } from "../support/create-health.ts";
import type { RequestReference, RunComfy } from "../../src/runcomfy/runcomfy.ts";
import { collectGarbage } from "../support/collect-garbage.ts";
import type { FaultName } from "../support/faulty-upstream/faults.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";

const log = pino({ level: "silent" });
const never = new AbortController().signal;
/** Of every call; a call that forgets it goes on for longer than a test may take. */
const TIMEOUT_MS = 1_000;
const limits = { signal: never, timeoutMs: TIMEOUT_MS };

let upstream: FaultyUpstream;
let runcomfy: RunComfy;
let collecting: NodeJS.Timeout;

beforeEach(async () => {
  upstream = await startFaultyUpstream();
  const { url: baseUrl, token } = upstream;
  const health = createHealth();
  runcomfy = createRunComfy({
    baseUrl,
    token,
    submitTimeoutMs: TIMEOUT_MS,
    cancelTimeoutMs: TIMEOUT_MS,
    listTimeoutMs: TIMEOUT_MS,
    probeTimeoutMs: TIMEOUT_MS,
    health,
    log,
  });
  // What only an object that nobody holds would end does not end then.
  collecting = setInterval(collectGarbage, 300);
});

afterEach(async () => {
  clearInterval(collecting);
  await upstream.close();
});

function accept(deploymentId: string): RequestReference {
  return { apiVersion: "v1", deploymentId, requestId: upstream.accept(deploymentId) };
}

async function endOf(call: Promise<unknown>): Promise<unknown> {
  return await call.catch((error: unknown) => error);
}

test.each<[FaultName, number | null]>([
  ["no-answer", null],
  ["endless-body", 200],
  ["dripping-body", 200],
])(
  "every call that meets %s ends at its time-out, and its connection closes",
  async (fault, httpStatus) => {
    upstream.setFault(fault);
    const probing = runcomfy.probe(null, never);
    const calls = {
      submit: runcomfy.submit({ apiVersion: "v1", deploymentId: "dep", input: {} }),
      status: runcomfy.readStatus(accept("dep"), limits),
      result: runcomfy.readResult(accept("dep"), limits),
      cancel: runcomfy.cancel(accept("dep"), never),
      list: runcomfy.listDeployments(["dep"]),
    };
    for (const [call, error] of await Promise.all(
      Object.entries(calls).map(async ([call, made]) => [call, await endOf(made)] as const),
    )) {
      const timeout = { code: "TIMEOUT", delivery: "unknown", httpStatus };
      expect(error, call).toMatchObject(timeout);
    }
    await probing;
    await expect.poll(() => upstream.countUnanswered()).toBe(0);
  },
  10_000,
);

test("a refusal whose body never ends is told by its status, at the time-out", async () => {
  upstream.setFault("endless-402");
  const submitting = runcomfy.submit({ apiVersion: "v1", deploymentId: "dep", input: {} });
  await expect(submitting).rejects.toMatchObject({ code: "INSUFFICIENT_FUNDS" });
  await expect.poll(() => upstream.countUnanswered()).toBe(0);
}, 10_000);

test("an abort ends a body that drips at once", async () => {
  const request = accept("fault-dripping-body--result");
  const leaving = new AbortController();
  const reading = runcomfy.readResult(request, { signal: leaving.signal, timeoutMs: 60_000 });
  const settled = expect(reading).rejects.toBe("leaving");
  await upstream.whenRequested("result", 1);
  setTimeout(() => leaving.abort("leaving"), 100);
  await settled;
  await expect.poll(() => upstream.countUnanswered()).toBe(0);
}, 10_000);
