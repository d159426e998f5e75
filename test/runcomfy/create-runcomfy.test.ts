import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";

import type { RunComfy } from "../../src/engine/runcomfy/create-runcomfy.ts";
import type { RequestReference } from "../../src/engine/runcomfy/adapter.ts";
import { DEPLOYMENT_ERRORS } from "../../src/engine/runcomfy/services.ts";
import { createChannels } from "../../src/engine/diagnostics/channels.ts";
import { createTransport } from "../../src/engine/runcomfy/transport.ts";
import { collectGarbage } from "../support/collect-garbage.ts";
import { createHealth } from "../support/create-health.ts";
import type { FaultName } from "../support/faulty-upstream/faults.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { connect, failureOf, LIMITS, NEVER } from "./connect.ts";

const V1 = { kind: "lora", apiVersion: "v1" } as const;
let upstream: FaultyUpstream;
let runComfy: RunComfy;

beforeAll(async () => {
  upstream = await startFaultyUpstream();
});
afterAll(() => upstream.close());
beforeEach(() => {
  upstream.setFault(null);
  runComfy = connect(upstream);
});

function submit(deploymentId: string, by = runComfy): Promise<string> {
  return by.submit({ ...V1, deploymentId, body: { prompt: "a fox" } });
}

async function accept(deploymentId = "dep"): Promise<RequestReference> {
  return { ...V1, deploymentId, requestId: await submit(deploymentId) };
}

type JobCall = "status" | "result" | "cancel";

function follow(call: JobCall, request: RequestReference, limits = LIMITS) {
  if (call === "status") return runComfy.readStatus(request, limits);
  if (call === "result") return runComfy.readResult(request, limits);
  return runComfy.cancel(request, limits.signal);
}

/** A read or a cancel of a job that falls into a fault. */
async function fallInto(name: FaultName, call: JobCall) {
  return await follow(call, await accept(`fault-${name}--${call}`));
}

/** Forgets all that only a signal holds which nobody else holds. */
function keepCollecting(): void {
  const timer = setInterval(collectGarbage, 300);
  onTestFinished(() => clearInterval(timer));
}

describe("the contract", () => {
  test("A submit posts the input once, with the token, and returns the upstream's id", async () => {
    const body = JSON.parse('{"__proto__":{"then":1},"then":"x","constructor":null}');
    const before = upstream.requests.length;
    const requestId = await runComfy.submit({ ...V1, deploymentId: "dep", body });
    expect(upstream.requests.slice(before)).toMatchObject([
      {
        method: "POST",
        path: "/prod/v1/deployments/dep/inference",
        isAuthorized: true,
        body: '{"__proto__":{"then":1},"then":"x","constructor":null}',
      },
    ]);
    expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("A job is followed through its statuses to its output", async () => {
    const request = await accept();
    const poll = () => runComfy.readStatus(request, LIMITS);
    expect(await poll()).toEqual({ state: "queued", queuePosition: 0, word: "in_queue" });
    const early = { kind: "unfinished", state: "queued" };
    expect(await runComfy.readResult(request, LIMITS)).toEqual(early);
    expect(await poll()).toEqual({ state: "running", queuePosition: null, word: "in_progress" });
    expect(await poll()).toEqual({ state: "succeeded", queuePosition: null, word: "succeeded" });
    upstream.finish(request.requestId, {
      output: { seed: 7 },
      finished_at: "2025-07-22T13:13:03.624471",
    });
    expect(await runComfy.readResult(request, LIMITS)).toEqual({
      kind: "succeeded",
      output: { seed: 7 },
      finishedAt: new Date("2025-07-22T13:13:03.624Z"),
    });
    const report = await fallInto("output-hostile-keys", "result");
    expect(JSON.stringify(report)).toContain(
      '"output":{"__proto__":{"then":1},"then":"x","constructor":null}',
    );
  });

  test("A queued job is cancelled, a running one is not cancellable", async () => {
    const queued = await accept();
    expect(await runComfy.cancel(queued, NEVER)).toBe("cancelled");
    expect((await runComfy.readResult(queued, LIMITS)).kind).toBe("cancelled");
    const running = await accept();
    upstream.script(running.requestId, ["in_progress"]);
    await runComfy.readStatus(running, LIMITS);
    expect(await runComfy.cancel(running, NEVER)).toBe("not-cancellable");
    expect(await fallInto("cancel-too-late-409", "cancel")).toBe("not-cancellable");
    expect(await fallInto("cancel-requested", "cancel")).toBe("requested");
    const refused = await failureOf(fallInto("cancel-refused-409", "cancel"));
    expect(refused).toMatchObject({ code: "REJECTED", httpStatus: 409 });
  });

  test("Deployments are listed by one GET, all or those asked for, always in version 2", async () => {
    upstream.setDeployments([{ id: "dep-a", name: "A" }, { name: "no id" }, { id: "dep-b" }]);
    const before = upstream.requests.length;
    const listed = await runComfy.listDeployments("all");
    expect(listed.map(({ id, name }) => [id, name])).toEqual([
      ["dep-a", "A"],
      ["dep-b", null],
    ]);
    await runComfy.listDeployments(["dep-a", "dep-b"]);
    const get = { method: "GET", isAuthorized: true, body: "" };
    expect(upstream.requests.slice(before)).toMatchObject([
      { ...get, path: "/prod/v2/deployments" },
      { ...get, path: "/prod/v2/deployments?ids=dep-a&ids=dep-b" },
    ]);
  });

  test("The API version of the request and a path of the base URL become part of every path", async () => {
    const by = connect(upstream, { baseUrl: `${upstream.url}/proxy/` });
    await by.submit({ ...V1, apiVersion: "v2", deploymentId: "dep", body: {} });
    expect(upstream.requests.at(-1)?.path).toBe("/proxy/prod/v2/deployments/dep/inference");
  });

  test("An answer about another request is believed, and logged once a deployment, without a word of it", async () => {
    const lines: string[] = [];
    const log = pino({}, { write: (line: string) => void lines.push(line) });
    const client = connect(upstream, { log });
    for (const deploymentId of ["fault-another-request", "fault-another-request--result", "dep"])
      for (const _ of [1, 2]) {
        const requestId = await client.submit({ ...V1, deploymentId, body: {} });
        upstream.finish(requestId, { output: 1 });
        const request = { ...V1, deploymentId, requestId };
        expect((await client.readStatus(request, LIMITS)).state).toBe("succeeded");
        expect(await client.readResult(request, LIMITS)).toMatchObject({ output: 1 });
      }
    expect(lines.map((line) => JSON.parse(line).deploymentId)).toEqual([
      "fault-another-request",
      "fault-another-request--result",
    ]);
    expect(lines.join("")).not.toContain('"another"');
  });

  test("A result may be larger than other answers, but not endless", async () => {
    expect(await fallInto("two-mebibytes", "result")).toMatchObject({ kind: "unfinished" });
    const error = await failureOf(fallInto("two-mebibytes", "status"));
    expect(error.code).toBe("INVALID_RESPONSE");
  });
});

describe("a call that is refused or of unknown outcome", () => {
  test.each<[FaultName, string, number]>([
    ["insufficient-funds", "INSUFFICIENT_FUNDS", 400],
    ["payment-required", "INSUFFICIENT_FUNDS", 402],
    ["nested-error", "DEPLOYMENT_DISABLED", 400],
    ["deployment-deleted", "DEPLOYMENT_DELETED", 400],
    ["unauthorized", "UNAUTHORIZED", 401],
    ["forbidden-message", "FORBIDDEN", 403],
    ["not-found", "NOT_FOUND", 404],
    ["envelope-200-with-status", "FORBIDDEN", 200],
    ["html-404", "UNAVAILABLE", 404],
    ["rate-limited-without-time", "RATE_LIMITED", 429],
    ["teapot-418", "REJECTED", 418],
  ])("A submit that meets %s is refused as %s and posted once", async (name, code, httpStatus) => {
    const error = await failureOf(submit(`fault-${name}`));
    expect(error).toMatchObject({ code, delivery: "refused", httpStatus, issues: null });
    expect(upstream.count("submit", `fault-${name}`)).toBe(1);
    // A 429 without a time pauses nobody either.
    await submit("dep");
  });

  test("The problems of an input are reported with paths of the input", async () => {
    const refused = { code: "REJECTED", delivery: "refused" };
    const issues = [
      { path: ["width"], message: "must be at least 64" },
      { path: ["prompts", 0, "text"], message: "see [removed]" },
    ];
    expect(await failureOf(submit("fault-validation"))).toMatchObject({ ...refused, issues });
    const none = [{ path: [], message: expect.stringContaining("gives no reason") }];
    const error = await failureOf(submit("fault-validation-text"));
    expect(error).toMatchObject({ ...refused, issues: none });
  });

  test.each<[FaultName, string]>([
    ["internal-500", "UNAVAILABLE"],
    ["internal-400", "UNAVAILABLE"],
    ["code-503001", "UNAVAILABLE"],
    ["code-408001", "TIMEOUT"],
    ["timeout-408", "TIMEOUT"],
    ["envelope-503", "UNAVAILABLE"],
    ["envelope-200-internal", "UNAVAILABLE"],
    ["html-502", "UNAVAILABLE"],
    ["unavailable-for-a-while", "UNAVAILABLE"],
    ["redirect", "UNAVAILABLE"],
    ["reset-before-answer", "UNAVAILABLE"],
    ["reset-in-body", "UNAVAILABLE"],
    ["huge-body", "INVALID_RESPONSE"],
    ["deep-body", "INVALID_RESPONSE"],
    ["html-200", "INVALID_RESPONSE"],
    ["not-json", "INVALID_RESPONSE"],
    ["empty-204", "INVALID_RESPONSE"],
    ["no-id", "INVALID_RESPONSE"],
    ["odd-id", "INVALID_RESPONSE"],
  ])("A submit that meets %s has an unknown outcome, and is posted once", async (name, code) => {
    const error = await failureOf(submit(`fault-${name}`));
    expect(error).toMatchObject({ code, delivery: "unknown" });
    expect(upstream.count("submit", `fault-${name}`)).toBe(1);
  });

  test.each<[FaultName, string]>([
    ["not-found", "NOT_FOUND"],
    ["html-502", "UNAVAILABLE"],
    ["envelope-200-with-status", "FORBIDDEN"],
    ["not-json", "INVALID_RESPONSE"],
  ])("A status, a result and a cancel that meet %s fail as %s", async (name, code) => {
    for (const call of ["status", "result", "cancel"] as const) {
      expect(await failureOf(fallInto(name, call))).toMatchObject({ code });
      expect(upstream.count(call, `fault-${name}--${call}`)).toBe(1);
    }
  });

  test("A list that is not found is a sign of a wrong base URL", async () => {
    for (const [name, code] of [
      ["not-found", "NOT_FOUND"],
      ["html-404", "UNAVAILABLE"],
    ] as const) {
      upstream.setFault(name, ["list"]);
      const { message, ...error } = await failureOf(runComfy.listDeployments("all"));
      expect(error).toMatchObject({ code });
      expect(message).toMatch(/HTTP 404.* Check RUNCOMFY_BASE_URL, .*\.$/);
    }
  });
});

describe("a submit that can't be sent", () => {
  test.each(["127.0.0.1", "localhost", "runcomfy.invalid"])(
    "never arrives at a host that nobody can reach (%s), and is tried three times within a second",
    async (host) => {
      const gone = await startFaultyUpstream();
      await gone.close();
      const slept: number[] = [];
      const by = connect(upstream, {
        baseUrl: `http://${host}:${gone.port}`,
        random: () => 1,
        sleep: async (durationMs) => slept.push(durationMs),
      });
      const never = { code: "UNAVAILABLE", delivery: "never-arrived", httpStatus: null };
      expect(await failureOf(submit("dep", by))).toMatchObject(never);
      expect(slept).toEqual([250, 500]);
    },
  );

  test("arrives when the upstream begins to listen between two tries", async () => {
    const gone = await startFaultyUpstream();
    await gone.close();
    let back: FaultyUpstream | null = null;
    const sleep = async () => {
      back ??= await startFaultyUpstream({ port: gone.port });
    };
    await submit("dep", connect(gone, { sleep }));
    await using started: FaultyUpstream = back ?? gone;
    expect(started.count("submit")).toBe(1);
  });

  test("is not sent again by a gateway that was frozen between two tries", async () => {
    const gone = await startFaultyUpstream();
    await gone.close();
    let frozenMs = 0;
    const by = connect(gone, {
      monotonic: () => frozenMs,
      sleep: async () => {
        frozenMs = 60_000;
      },
    });
    expect(await failureOf(submit("dep", by))).toMatchObject({ delivery: "never-arrived" });
    expect(frozenMs).toBe(60_000);
  });

  test("is not sent again once it had to have left", async () => {
    const gone = await startFaultyUpstream();
    await gone.close();
    let passedMs = 0;
    const by = connect(gone, {
      monotonic: () => passedMs,
      sleep: async () => {
        passedMs += 100;
      },
    });
    const target = { kind: "lora", apiVersion: "v1", deploymentId: "dep" } as const;
    const submitting = by.submit({ ...target, body: {}, leavesWithinMs: 100 });
    expect(await failureOf(submitting)).toMatchObject({ delivery: "never-arrived" });
    expect(passedMs).toBe(100);
  });
});

describe("pauses and outages", () => {
  test.each<[FaultName, number]>([
    ["rate-limited", 7_000],
    ["unavailable-for-a-while", 9_000],
  ])("While a Retry-After runs no call is sent: %s", async (name, longestMs) => {
    const request = await accept();
    upstream.setFault(name);
    const { retryAfterMs } = await failureOf(runComfy.listDeployments("all"));
    expect(retryAfterMs).toBeLessThanOrEqual(longestMs);
    expect(retryAfterMs).toBeGreaterThan(longestMs - 10_000);
    const before = upstream.requests.length;
    for (const call of [
      submit("dep"),
      runComfy.readStatus(request, LIMITS),
      runComfy.readResult(request, LIMITS),
      runComfy.cancel(request, NEVER),
      runComfy.listDeployments("all"),
    ]) {
      const error = await failureOf(call);
      expect(error).toMatchObject({ code: "RATE_LIMITED", delivery: "refused", httpStatus: null });
      expect(error.retryAfterMs).toBeGreaterThan(0);
    }
    expect(upstream.requests).toHaveLength(before);
  });

  test("Failed reads and submits of unknown fate begin an outage together, and a good read ends it", async () => {
    const health = createHealth();
    runComfy = connect(upstream, { health });
    const request = await accept();
    upstream.setFault("html-502");
    for (let reads = 0; reads < 3; reads += 1)
      await failureOf(runComfy.readStatus(request, LIMITS));
    await failureOf(submit("dep"));
    // No job depends on a list.
    for (let lists = 0; lists < 6; lists += 1) await failureOf(runComfy.listDeployments("all"));
    expect([health.isOutage(), health.isOutage("dep")]).toEqual([false, false]);
    await failureOf(runComfy.readResult(request, LIMITS));
    expect(health.failingDeployments()).toEqual(["dep"]);
    upstream.setFault(null);
    await runComfy.listDeployments("all");
    expect(health.failingDeployments()).toEqual(["dep"]);
    await runComfy.readStatus(request, LIMITS);
    expect(health.failingDeployments()).toEqual([]);
  });
});

describe("where the token and requests may go", () => {
  test("A redirect and the upstream's own URLs are never followed", async () => {
    await failureOf(submit("fault-redirect-307"));
    for (const call of ["status", "result", "cancel"] as const)
      await failureOf(fallInto("redirect", call));
    const request = await accept("fault-foreign-urls");
    await runComfy.readStatus(request, LIMITS);
    await runComfy.readResult(request, LIMITS);
    await runComfy.cancel(request, NEVER);
    expect(upstream.requestsElsewhere).toEqual([]);
  });

  test.each(["..", ".", "a/b", "a%2Fb", "a?b", "a#b", "a&ids=b", "", "é", "x".repeat(129)])(
    "An id that would change a path is not sent, and reveals nothing of the upstream: %j",
    async (id) => {
      const health = createHealth();
      runComfy = connect(upstream, { health });
      for (let reads = 0; reads < 5; reads += 1)
        health.noteRead(await failureOf(submit("fault-internal-500")), id);
      const before = upstream.requests.length;
      const good = { ...V1, deploymentId: "dep", requestId: "r" };
      for (const call of [
        submit(id),
        runComfy.readStatus({ ...good, requestId: id }, LIMITS),
        runComfy.readStatus({ ...good, deploymentId: id }, LIMITS),
        runComfy.cancel({ ...good, apiVersion: id }, NEVER),
        runComfy.listDeployments([id]),
      ])
        expect(await failureOf(call)).toMatchObject({ code: "NOT_FOUND", delivery: "refused" });
      expect(upstream.requests).toHaveLength(before);
      expect(health.isOutage(id)).toBe(true);
    },
  );

  test("No error reveals the token, the address or a word of the answer", async () => {
    const gone = await startFaultyUpstream();
    await gone.close();
    const wrong = connect({ ...upstream, token: "wrong" });
    const errors = [
      await failureOf(submit("dep", connect(gone, { sleep: async () => {} }))),
      await failureOf(submit("fault-no-answer", connect(upstream, { submitTimeoutMs: 100 }))),
      await failureOf(submit("fault-reset-before-answer")),
      await failureOf(submit("dep", wrong)),
      await failureOf(submit("fault-html-502")),
      await failureOf(submit("fault-not-json")),
      await failureOf(runComfy.listDeployments(["fault-html-500"])),
    ];
    expect(errors[3]?.code).toBe("UNAUTHORIZED");
    for (const error of errors) {
      const reported = `${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`;
      expect(reported).not.toMatch(/127\.0\.0\.1|test-token|vendor|nginx|succ"/);
      expect(error.message).toMatch(/\. .+\.$/);
    }
  });
});

describe("the end of a call", () => {
  test.each<[FaultName, number | null]>([
    ["no-answer", null],
    ["dripping-body", 200],
  ])(
    "Every call that meets %s ends at its time-out, and its connection closes",
    async (fault, httpStatus) => {
      // A call that forgets it goes on for longer than a test may take.
      const timeoutMs = 3_000;
      keepCollecting();
      await using slow = await startFaultyUpstream();
      const by = connect(slow, {
        ...{ submitTimeoutMs: timeoutMs, cancelTimeoutMs: timeoutMs },
        ...{ listTimeoutMs: timeoutMs, probeTimeoutMs: timeoutMs },
      });
      slow.setFault(fault);
      const dep = { ...V1, deploymentId: "dep" };
      const request = () => ({ ...dep, requestId: slow.accept("dep") });
      const limits = { signal: NEVER, timeoutMs };
      const probing = by.probe(null, NEVER);
      const calls = {
        submit: failureOf(submit("dep", by)),
        status: failureOf(by.readStatus(request(), limits)),
        result: failureOf(by.readResult(request(), limits)),
        cancel: failureOf(by.cancel(request(), NEVER)),
        list: failureOf(by.listDeployments(["dep"])),
      };
      const timeout = { code: "TIMEOUT", delivery: "unknown", httpStatus };
      for (const [call, failure] of Object.entries(calls))
        expect(await failure, call).toMatchObject(timeout);
      await probing;
      await expect.poll(() => slow.countUnanswered()).toBe(0);
    },
    20_000,
  );

  test("A refusal whose body never ends is reported by its status, at the time-out", async () => {
    await using slow = await startFaultyUpstream();
    const by = connect(slow, { submitTimeoutMs: 500 });
    const error = await failureOf(submit("fault-endless-402", by));
    expect(error).toMatchObject({ code: "INSUFFICIENT_FUNDS", delivery: "refused" });
    await expect.poll(() => slow.countUnanswered()).toBe(0);
  }, 20_000);

  test.each<[FaultName, JobCall]>([
    ["no-answer", "status"],
    ["dripping-body", "result"],
    ["no-answer", "cancel"],
  ])(
    "An abort ends %s of a %s with its own reason, and says nothing of the upstream",
    async (fault, call) => {
      keepCollecting();
      const health = createHealth();
      runComfy = connect(upstream, { health });
      const request = await accept(`fault-${fault}--${call}`);
      for (let calls = 1; calls <= 5; calls += 1) {
        const controller = new AbortController();
        const made = follow(call, request, { signal: controller.signal, timeoutMs: 60_000 });
        const settled = expect(made).rejects.toBe("leaving");
        await upstream.whenRequested(call, calls, request.requestId);
        controller.abort("leaving");
        await settled;
      }
      expect(health.isOutage(request.deploymentId)).toBe(false);
      await expect.poll(() => upstream.countUnanswered()).toBe(0);
    },
    20_000,
  );

  test("A call that is aborted before it begins is not sent", async () => {
    const request = await accept();
    const before = upstream.requests.length;
    const signal = AbortSignal.abort("gone");
    await expect(runComfy.readStatus(request, { ...LIMITS, signal })).rejects.toBe("gone");
    await expect(runComfy.cancel(request, signal)).rejects.toBe("gone");
    expect(upstream.requests).toHaveLength(before);
  });
});

test("A bug in a reader says nothing of the answer that it was about", async () => {
  const { url: baseUrl, token } = upstream;
  const perform = createTransport({
    baseUrl,
    token,
    health: createHealth({ now: () => performance.now() }),
    channels: createChannels(),
  });
  const readReport = (body: unknown): never => {
    throw new Error(JSON.stringify(body));
  };
  const path = "prod/v2/deployments";
  const reading = { readReport, errors: DEPLOYMENT_ERRORS, timeoutMs: 10_000 };
  const failure = await failureOf(perform({ call: "list", path, ...reading }));
  expect(failure.code).toBe("INVALID_RESPONSE");
  expect(failure.message).toMatch(/^The gateway could not read RunComfy's answer to the list\. /);
  expect(failure.cause).toBeUndefined();
});
