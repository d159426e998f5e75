import { performance } from "node:perf_hooks";

import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

import { createRunComfy } from "../../src/runcomfy/create-runcomfy.ts";
import { createHealth } from "../support/create-health.ts";
import type { RequestReference, RunComfy } from "../../src/runcomfy/runcomfy.ts";
import { RunComfyError } from "../../src/runcomfy/runcomfy-error.ts";
import type { FaultName } from "../support/faulty-upstream/faults.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";

const never = new AbortController().signal;
/** All get the time that a busy machine takes. */
const limits = { signal: never, timeoutMs: 10_000 };
const log = pino({ level: "silent" });
let upstream: FaultyUpstream;
let runComfy: RunComfy;

beforeAll(async () => {
  upstream = await startFaultyUpstream();
});
afterAll(() => upstream.close());
beforeEach(() => {
  upstream.setFault(null);
  runComfy = connect();
});

function connect(
  options: Partial<Parameters<typeof createRunComfy>[0]> = {},
  target: { readonly url: string; readonly token: string } = upstream,
): RunComfy {
  const health = createHealth({ now: () => performance.now() });
  return createRunComfy({
    baseUrl: target.url,
    token: target.token,
    submitTimeoutMs: 10_000,
    health,
    log,
    ...options,
  });
}

function submit(deploymentId: string, by = runComfy): Promise<string> {
  return by.submit({ apiVersion: "v1", deploymentId, input: { prompt: "a fox" } });
}

async function accept(deploymentId = "dep"): Promise<RequestReference> {
  return { apiVersion: "v1", deploymentId, requestId: await submit(deploymentId) };
}

async function failureOf(call: Promise<unknown>): Promise<RunComfyError> {
  const outcome = await call.then(
    (value: unknown) => new Error(`It succeeded with ${JSON.stringify(value)}.`),
    (error: unknown) => error,
  );
  if (!(outcome instanceof RunComfyError)) throw outcome;
  return outcome;
}

/** The three reads and the cancel, each as a call that falls into a fault. */
async function fallInto(
  name: FaultName,
  call: "status" | "result" | "cancel",
  { by = runComfy, timeoutMs = limits.timeoutMs } = {},
) {
  const request = await accept(`fault-${name}--${call}`);
  if (call === "status") return by.readStatus(request, { ...limits, timeoutMs });
  if (call === "result") return by.readResult(request, { ...limits, timeoutMs });
  return by.cancel(request, never);
}

// What the contract promises

test("A submit posts the input once, with the token, and returns the upstream's id", async () => {
  const before = upstream.requests.length;
  const requestId = await submit("dep-posts");
  const sent = upstream.requests.slice(before);
  expect(sent).toHaveLength(1);
  expect(sent[0]).toMatchObject({
    method: "POST",
    path: "/prod/v1/deployments/dep-posts/inference",
    isAuthorized: true,
    body: '{"prompt":"a fox"}',
  });
  expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
});

test("A job is followed through its statuses to its output", async () => {
  const request = await accept();
  const poll = () => runComfy.readStatus(request, limits);
  expect(await poll()).toEqual({ state: "queued", queuePosition: 0, word: "in_queue" });
  expect(await runComfy.readResult(request, limits)).toEqual({
    kind: "unfinished",
    state: "queued",
  });
  expect(await poll()).toEqual({ state: "running", queuePosition: null, word: "in_progress" });
  expect(await poll()).toEqual({ state: "succeeded", queuePosition: null, word: "succeeded" });
  upstream.finish(request.requestId, {
    output: { seed: 7 },
    finished_at: "2025-07-22T13:13:03.624471",
  });
  expect(await runComfy.readResult(request, limits)).toEqual({
    kind: "succeeded",
    output: { seed: 7 },
    finishedAt: new Date("2025-07-22T13:13:03.624Z"),
  });
});

test("A queued job is cancelled, a running one is not cancellable", async () => {
  const queued = await accept();
  expect(await runComfy.cancel(queued, never)).toBe("cancelled");
  expect((await runComfy.readStatus(queued, limits)).state).toBe("cancelled");
  expect((await runComfy.readResult(queued, limits)).kind).toBe("cancelled");
  const running = await accept();
  upstream.script(running.requestId, ["in_progress"]);
  await runComfy.readStatus(running, limits);
  expect(await runComfy.cancel(running, never)).toBe("not-cancellable");
});

test("The API version of the request and a path of the base URL become part of every path", async () => {
  const behindPrefix = connect({ baseUrl: `${upstream.url}/proxy/` });
  await behindPrefix.submit({ apiVersion: "v2", deploymentId: "dep", input: {} });
  expect(upstream.requests.at(-1)?.path).toBe("/proxy/prod/v2/deployments/dep/inference");
});

test("An input's hostile keys arrive as they are", async () => {
  const input = JSON.parse('{"__proto__":{"then":1},"then":"x","constructor":null}');
  await runComfy.submit({ apiVersion: "v1", deploymentId: "dep", input });
  expect(upstream.requests.at(-1)?.body).toBe(
    '{"__proto__":{"then":1},"then":"x","constructor":null}',
  );
});

// Submits that are surely refused

test.each<[FaultName, string, number]>([
  ["insufficient-funds", "INSUFFICIENT_FUNDS", 400],
  ["insufficient-funds-200", "INSUFFICIENT_FUNDS", 200],
  ["payment-required", "INSUFFICIENT_FUNDS", 402],
  ["endless-402", "INSUFFICIENT_FUNDS", 402],
  ["deployment-disabled", "DEPLOYMENT_DISABLED", 400],
  ["nested-error", "DEPLOYMENT_DISABLED", 400],
  ["deployment-deleted", "DEPLOYMENT_DELETED", 400],
  ["unauthorized", "UNAUTHORIZED", 401],
  ["forbidden", "FORBIDDEN", 403],
  ["forbidden-message", "FORBIDDEN", 403],
  ["not-found", "NOT_FOUND", 404],
  ["envelope-200", "NOT_FOUND", 200],
  ["envelope-200-with-status", "FORBIDDEN", 200],
  ["html-404", "UNAVAILABLE", 404],
  ["plain-404", "UNAVAILABLE", 404],
  ["empty-404", "UNAVAILABLE", 404],
  ["timeout-408", "TIMEOUT", 408],
  ["rate-limited", "RATE_LIMITED", 429],
  ["envelope-503", "UNAVAILABLE", 503],
  ["teapot-418", "REJECTED", 418],
  ["validation", "REJECTED", 422],
])("A submit that meets %s is refused as %s and posted once", async (name, code, httpStatus) => {
  const by = connect({ submitTimeoutMs: 500 });
  const error = await failureOf(submit(`fault-${name}`, by));
  expect(error).toMatchObject({ code, delivery: "refused", httpStatus });
  expect(upstream.count("submit", `fault-${name}`)).toBe(1);
});

test("A 422's problems are told with paths of the input", async () => {
  const error = await failureOf(submit("fault-validation"));
  expect(error.issues).toEqual([
    { path: ["width"], message: "must be at least 64" },
    { path: ["prompts", 0, "text"], message: "see [removed]" },
  ]);
});

test.each<[FaultName]>([["validation-text"], ["validation-200"]])(
  "A validation error without a list still gives one issue, in our own words: %s",
  async (name) => {
    const error = await failureOf(submit(`fault-${name}`));
    expect(error).toMatchObject({ code: "REJECTED", delivery: "refused" });
    expect(error.issues).toEqual([
      { path: [], message: expect.stringContaining("not accepted by RunComfy") },
    ]);
  },
);

test("No other refusal has issues", async () => {
  expect((await failureOf(submit("fault-teapot-418"))).issues).toBeNull();
});

// Submits of which nobody knows

test.each<[FaultName, string]>([
  ["internal-500", "UNAVAILABLE"],
  ["internal-400", "UNAVAILABLE"],
  ["envelope-200-internal", "UNAVAILABLE"],
  ["html-502", "UNAVAILABLE"],
  ["plain-502", "UNAVAILABLE"],
  ["html-503", "UNAVAILABLE"],
  ["unavailable-for-a-while", "UNAVAILABLE"],
  ["redirect", "UNAVAILABLE"],
  ["redirect-307", "UNAVAILABLE"],
  ["reset-before-answer", "UNAVAILABLE"],
  ["reset-in-body", "UNAVAILABLE"],
  ["no-answer", "TIMEOUT"],
  ["endless-body", "TIMEOUT"],
  ["huge-body", "INVALID_RESPONSE"],
  ["deep-body", "INVALID_RESPONSE"],
  ["html-200", "INVALID_RESPONSE"],
  ["not-json", "INVALID_RESPONSE"],
  ["empty-200", "INVALID_RESPONSE"],
  ["empty-204", "INVALID_RESPONSE"],
  ["null-200", "INVALID_RESPONSE"],
  ["no-id", "INVALID_RESPONSE"],
  ["odd-id", "INVALID_RESPONSE"],
])("A submit that meets %s has an unknown outcome, and is posted once", async (name, code) => {
  const by = connect({ submitTimeoutMs: 500 });
  const error = await failureOf(submit(`fault-${name}`, by));
  expect(error).toMatchObject({ code, delivery: "unknown" });
  expect(upstream.count("submit", `fault-${name}`)).toBe(1);
});

// Submits that never arrive

test.each(["127.0.0.1", "localhost", "runcomfy.invalid"])(
  "A submit to a host that nobody can reach (%s) is tried three times within a second, then never arrived",
  async (host) => {
    const gone = await startFaultyUpstream();
    await gone.close();
    const slept: number[] = [];
    const by = connect({
      baseUrl: `http://${host}:${gone.port}`,
      random: () => 1,
      sleep: async (durationMs) => slept.push(durationMs),
    });
    const error = await failureOf(submit("dep", by));
    expect(error).toMatchObject({
      code: "UNAVAILABLE",
      delivery: "never-arrived",
      httpStatus: null,
    });
    expect(slept).toHaveLength(2);
    expect(slept.reduce((sum, one) => sum + one)).toBeLessThan(1_000);
  },
);

test("A submit arrives when the upstream begins to listen between two tries", async () => {
  const gone = await startFaultyUpstream();
  await gone.close();
  let back: FaultyUpstream | null = null;
  const sleep = async () => {
    back ??= await startFaultyUpstream({ port: gone.port });
  };
  await submit("dep", connect({ baseUrl: gone.url, sleep }));
  await using started: FaultyUpstream = back ?? gone;
  expect(started.count("submit")).toBe(1);
});

// Polls

test.each<[FaultName, string]>([
  ["unauthorized", "UNAUTHORIZED"],
  ["forbidden", "FORBIDDEN"],
  ["not-found", "NOT_FOUND"],
  ["envelope-200", "NOT_FOUND"],
  ["envelope-200-with-status", "FORBIDDEN"],
  ["html-404", "UNAVAILABLE"],
  ["plain-404", "UNAVAILABLE"],
  ["empty-404", "UNAVAILABLE"],
  ["payment-required", "INSUFFICIENT_FUNDS"],
  ["timeout-408", "TIMEOUT"],
  ["rate-limited", "RATE_LIMITED"],
  ["internal-500", "UNAVAILABLE"],
  ["envelope-200-internal", "UNAVAILABLE"],
  ["html-502", "UNAVAILABLE"],
  ["plain-502", "UNAVAILABLE"],
  ["envelope-503", "UNAVAILABLE"],
  ["redirect", "UNAVAILABLE"],
  ["reset-before-answer", "UNAVAILABLE"],
  ["reset-in-body", "UNAVAILABLE"],
  ["no-answer", "TIMEOUT"],
  ["endless-body", "TIMEOUT"],
  ["huge-body", "INVALID_RESPONSE"],
  ["deep-body", "INVALID_RESPONSE"],
  ["html-200", "INVALID_RESPONSE"],
  ["not-json", "INVALID_RESPONSE"],
  ["empty-200", "INVALID_RESPONSE"],
  ["empty-204", "INVALID_RESPONSE"],
  ["null-200", "INVALID_RESPONSE"],
])("A status, a result and a cancel that meet %s fail as %s", async (name, code) => {
  for (const call of ["status", "result", "cancel"] as const) {
    const timeoutMs = code === "TIMEOUT" ? 500 : limits.timeoutMs;
    const by = connect({ cancelTimeoutMs: timeoutMs });
    expect(await failureOf(fallInto(name, call, { by, timeoutMs }))).toMatchObject({ code });
    expect(upstream.count(call, `fault-${name}--${call}`)).toBe(1);
  }
});

test("A job that was just accepted may be unknown at first", async () => {
  const request = await accept("fault-not-found-at-first");
  const poll = () => runComfy.readStatus(request, limits);
  expect((await failureOf(poll())).code).toBe("NOT_FOUND");
  expect((await failureOf(poll())).code).toBe("NOT_FOUND");
  expect((await poll()).state).toBe("queued");
});

test("A job that the upstream lost is unknown to both reads", async () => {
  const request = await accept("fault-lost");
  expect((await failureOf(runComfy.readStatus(request, limits))).code).toBe("NOT_FOUND");
  expect((await failureOf(runComfy.readResult(request, limits))).code).toBe("NOT_FOUND");
});

test("A result may be larger than other answers, but not endless", async () => {
  expect(await fallInto("two-mebibytes", "result")).toMatchObject({ kind: "unfinished" });
  const error = await failureOf(fallInto("two-mebibytes", "status"));
  expect(error.code).toBe("INVALID_RESPONSE");
});

test("A status without a status word can't be read", async () => {
  expect((await failureOf(fallInto("status-missing", "status"))).code).toBe("INVALID_RESPONSE");
});

test.each<[FaultName, string, number | null]>([
  ["word-QUEUED", "queued", 0],
  ["word-pending", "queued", 0],
  ["word-starting", "running", 0],
  ["word-Completed", "finished", 0],
  ["word-canceled", "cancelled", 0],
  ["word-archiving", "unknown", 0],
  ["queue-position-null", "queued", null],
  ["queue-position-absent", "queued", null],
  ["queue-position-garbage", "queued", null],
  ["completed-cancelled", "cancelled", 0],
  ["completed-but-failed", "finished", 0],
])("A status that meets %s is read as %s", async (name, state, queuePosition) => {
  expect(await fallInto(name, "status")).toMatchObject({ state, queuePosition });
});

const NO_TIME = { finishedAt: null };
const OUT_OF_MEMORY = { kind: "failed", reason: "CUDA out of memory", ...NO_TIME };
const NO_IMAGES = { kind: "succeeded", output: { images: [] } };

test.each<[FaultName, object]>([
  ["completed-but-failed", OUT_OF_MEMORY],
  ["completed-and-succeeded", NO_IMAGES],
  ["completed-with-error", { kind: "failed", reason: "bad" }],
  ["completed-with-output", NO_IMAGES],
  ["completed-with-cancel", { kind: "cancelled" }],
  ["error-string", OUT_OF_MEMORY],
  ["error-object", OUT_OF_MEMORY],
  ["error-array", OUT_OF_MEMORY],
  ["error-with-code", OUT_OF_MEMORY],
  ["error-absent", { kind: "failed", reason: null }],
  ["result-early", { kind: "unfinished", state: "running" }],
  ["result-unknown-word", { kind: "unfinished", state: "unknown" }],
  ["output-text", { kind: "succeeded", output: "https://a.example/1.png" }],
  ["time-with-offset", { finishedAt: new Date("2025-07-22T13:13:03.624Z") }],
  ["time-with-offset-and-z", { finishedAt: new Date("2025-07-22T13:13:03.624Z") }],
  ["time-garbage", NO_TIME],
])("A result that meets %s is read for what it says", async (name, report) => {
  expect(await fallInto(name, "result")).toMatchObject(report);
});

test.each<[FaultName]>([["output-null"], ["output-absent"], ["completed-with-nothing"]])(
  "A success without an output can't be read: %s",
  async (name) => {
    expect((await failureOf(fallInto(name, "result"))).code).toBe("INVALID_RESPONSE");
  },
);

test("A failed result's reason comes without addresses and in at most 500 characters", async () => {
  const report = await fallInto("error-with-addresses", "result");
  expect(JSON.stringify(report)).not.toMatch(/s3\.example|10\.1\.2\.3/);
  expect(report).toMatchObject({ reason: expect.stringMatching(/^Could not load .{480,485}$/) });
});

test("An output's hostile keys are passed on as they are", async () => {
  const report = await fallInto("output-hostile-keys", "result");
  expect(JSON.stringify(report)).toContain(
    '"output":{"__proto__":{"then":1},"then":"x","constructor":null}',
  );
});

test.each<[FaultName, string]>([
  ["cancel-too-late", "not-cancellable"],
  ["cancel-too-late-old", "not-cancellable"],
  ["cancel-too-late-409", "not-cancellable"],
  ["cancel-requested", "requested"],
  ["cancel-merely-completed", "requested"],
])("A cancel that meets %s is %s", async (name, report) => {
  expect(await fallInto(name, "cancel")).toBe(report);
});

// Pauses and outages

test.each<[FaultName, number]>([
  ["rate-limited", 7_000],
  ["unavailable-for-a-while", 9_000],
  ["rate-limited-for-a-day", 300_000],
])("While a Retry-After runs no call is sent: %s", async (name, longestMs) => {
  const request = await accept();
  const first = await failureOf(submit(`fault-${name}`));
  expect(first.retryAfterMs).toBe(longestMs);
  const before = upstream.requests.length;
  for (const call of [
    submit("dep"),
    runComfy.readStatus(request, limits),
    runComfy.readResult(request, limits),
    runComfy.cancel(request, never),
  ]) {
    const error = await failureOf(call);
    expect(error).toMatchObject({ code: "RATE_LIMITED", delivery: "refused", httpStatus: null });
    expect(error.retryAfterMs).toBeGreaterThan(0);
    expect(error.retryAfterMs).toBeLessThanOrEqual(longestMs);
  }
  expect(upstream.requests).toHaveLength(before);
});

test("A Retry-After with a date counts from the time of its arrival", async () => {
  const error = await failureOf(submit("fault-rate-limited-by-date"));
  expect(error.retryAfterMs).toBeGreaterThan(50_000);
  expect(error.retryAfterMs).toBeLessThanOrEqual(60_000);
});

test("A 429 without a time pauses nobody", async () => {
  const error = await failureOf(submit("fault-rate-limited-without-time"));
  expect(error).toMatchObject({ code: "RATE_LIMITED", retryAfterMs: null });
  await submit("dep");
});

test("Failed reads and submits of unknown fate begin an outage together, and a good read ends it", async () => {
  const health = createHealth();
  runComfy = connect({ health });
  const request = await accept();
  upstream.setFault("html-502");
  for (let reads = 0; reads < 3; reads += 1) await failureOf(runComfy.readStatus(request, limits));
  await failureOf(submit("dep"));
  expect(health.isOutage("dep")).toBe(false);
  await failureOf(runComfy.readResult(request, limits));
  expect(health.failingDeployments()).toEqual(["dep"]);
  upstream.setFault(null);
  await runComfy.readStatus(request, limits);
  expect(health.failingDeployments()).toEqual([]);
});

test("Submits to an upstream where nobody listens begin an outage, and one that is accepted ends it", async () => {
  const health = createHealth();
  runComfy = connect({ health, sleep: () => Promise.resolve() });
  const { port } = upstream;
  await upstream.close();
  // The first may still take a connection that was open before, and then nobody knows how far it came.
  for (let submits = 0; submits < 6; submits += 1) {
    if (submits < 5) expect(health.isOutage()).toBe(false);
    await failureOf(submit("dep"));
  }
  expect(health.isOutage()).toBe(true);
  upstream = await startFaultyUpstream({ port });
  await submit("dep");
  expect(health.isOutage()).toBe(false);
});

test("A gateway that was frozen between two tries of a submit does not send it again", async () => {
  const { port } = upstream;
  await upstream.close();
  let frozenMs = 0;
  const health = createHealth();
  runComfy = connect({
    health,
    monotonic: () => frozenMs,
    sleep: async () => {
      frozenMs = 60_000;
      upstream = await startFaultyUpstream({ port });
    },
  });
  expect(await failureOf(submit("dep"))).toMatchObject({ delivery: "never-arrived" });
  expect(upstream.count("submit")).toBe(0);
});

// Where the token and our requests may go

test("A redirect and the upstream's own URLs are never followed", async () => {
  await failureOf(submit("fault-redirect-307"));
  for (const call of ["status", "result", "cancel"] as const) {
    await failureOf(fallInto("redirect", call));
  }
  const request = await accept("fault-foreign-urls");
  await runComfy.readStatus(request, limits);
  await runComfy.readResult(request, limits);
  await runComfy.cancel(request, never);
  expect(upstream.requestsElsewhere).toEqual([]);
});

test.each(["..", ".", "a/b", "a%2Fb", "a?b", "a#b", "a b", "", "é", "x".repeat(129)])(
  "An id that would change a path is not sent: %j",
  async (id) => {
    const before = upstream.requests.length;
    expect(await failureOf(submit(id))).toMatchObject({ code: "NOT_FOUND", delivery: "refused" });
    const good = { apiVersion: "v1", deploymentId: "dep", requestId: "r" };
    for (const request of [
      { ...good, requestId: id },
      { ...good, deploymentId: id },
      { ...good, apiVersion: id },
    ]) {
      expect((await failureOf(runComfy.readStatus(request, limits))).code).toBe("NOT_FOUND");
      expect((await failureOf(runComfy.cancel(request, never))).code).toBe("NOT_FOUND");
    }
    expect(upstream.requests).toHaveLength(before);
  },
);

test("A wrong token is UNAUTHORIZED", async () => {
  const by = connect({ token: "wrong" });
  expect((await failureOf(submit("dep", by))).code).toBe("UNAUTHORIZED");
});

test("No error tells the token, the address or a word of the answer", async () => {
  const gone = await startFaultyUpstream();
  await gone.close();
  const refused = connect({ baseUrl: gone.url, sleep: async () => {} });
  const hurried = connect({ submitTimeoutMs: 100 });
  const errors = [
    await failureOf(submit("dep", refused)),
    await failureOf(submit("fault-no-answer", hurried)),
    await failureOf(submit("fault-reset-before-answer")),
    await failureOf(submit("fault-unauthorized")),
    await failureOf(submit("fault-html-502")),
    await failureOf(submit("fault-not-json")),
  ];
  for (const error of errors) {
    const told = `${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`;
    expect(told).not.toMatch(/127\.0\.0\.1|test-token|vendor|nginx|succ"/);
    expect(error.message).toMatch(/\. .+\.$/);
  }
});

// The caller's signal

test("An abort ends a call with the abort's own reason, and says nothing of the upstream", async () => {
  const health = createHealth();
  runComfy = connect({ health });
  const request = await accept("fault-no-answer--polls");
  for (let reads = 0; reads < 6; reads += 1) {
    const controller = new AbortController();
    const poll = runComfy.readStatus(request, { ...limits, signal: controller.signal });
    const settled = expect(poll).rejects.toBe("leaving");
    await upstream.whenRequested("status", reads + 1, request.requestId);
    controller.abort("leaving");
    await settled;
  }
  expect(health.isOutage("dep")).toBe(false);
});

test("An abort ends a cancel and a body that is being read", async () => {
  const controller = new AbortController();
  const reading = await accept("fault-endless-body--result");
  const cancelling = await accept("fault-no-answer--cancel");
  const settled = Promise.all([
    expect(runComfy.readResult(reading, { ...limits, signal: controller.signal })).rejects.toBe(
      "leaving",
    ),
    expect(runComfy.cancel(cancelling, controller.signal)).rejects.toBe("leaving"),
  ]);
  await upstream.whenRequested("result", 1, reading.requestId);
  await upstream.whenRequested("cancel", 1, cancelling.requestId);
  controller.abort("leaving");
  await settled;
});

test("A call that is aborted before it begins is not sent", async () => {
  const request = await accept();
  const before = upstream.requests.length;
  const signal = AbortSignal.abort("gone");
  await expect(runComfy.readStatus(request, { ...limits, signal })).rejects.toBe("gone");
  await expect(runComfy.cancel(request, signal)).rejects.toBe("gone");
  expect(upstream.requests).toHaveLength(before);
});
