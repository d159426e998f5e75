import { beforeEach, describe, expect, onTestFinished, test } from "vitest";

import type { JobKind } from "../../src/engine/job/kind.ts";
import type { JsonObject } from "../../src/engine/job/json.ts";
import type { RequestReference } from "../../src/engine/runcomfy/adapter.ts";
import type { RunComfy } from "../../src/engine/runcomfy/create-runcomfy.ts";
import type { UpstreamHealth } from "../../src/engine/runcomfy/upstream-health.ts";
import { createHealth } from "../support/create-health.ts";
import type { FaultName } from "../support/faulty-upstream/faults.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { connect, failureOf, LIMITS, NEVER } from "./connect.ts";

const FILE = "https://files.runcomfy.net/output-1.png";
const WORKFLOW_FILE = { url: FILE, filename: "o.png", subfolder: "", type: "output" };

type Kind = {
  readonly kind: JobKind;
  readonly toId: (name: string) => string;
  readonly body: JsonObject;
  /** Where a submit goes, and before the calls of a request. */
  readonly paths: readonly [string, string];
  readonly result: string;
  readonly succeeded: object;
  /** What an accepted cancel says: where a running job may be cancelled too, only its status shows it. */
  readonly cancelled: string;
  readonly errors: readonly (readonly [FaultName, object])[];
};

const MONEY = { code: "INSUFFICIENT_FUNDS", issues: null, delivery: "refused" };
const TOKEN = { code: "UNAUTHORIZED", issues: null, delivery: "refused" };
const WIDTH = {
  code: "REJECTED",
  delivery: "refused",
  issues: [{ path: ["width"], message: "must be at least 64" }],
};
const DOUBT = { code: "REJECTED", delivery: "unknown", issues: null };
const ANOTHERS = { code: "FORBIDDEN", isAnothers: true };
const DEPLOYMENT_ERRORS: Kind["errors"] = [
  ["insufficient-funds", MONEY],
  ["insufficient-funds-200", MONEY],
  ["unauthorized", TOKEN],
  ["forbidden", ANOTHERS],
  ["not-found", { code: "NOT_FOUND" }],
  ["nested-error", { code: "DEPLOYMENT_DISABLED" }],
  ["deployment-deleted", { code: "DEPLOYMENT_DELETED" }],
  ["code-400999", { code: "REJECTED", delivery: "refused" }],
  ["validation", { code: "REJECTED", issues: [{ path: ["width"] }, {}] }],
];

const KINDS: readonly Kind[] = [
  {
    kind: "lora",
    toId: (name) => name,
    body: { prompt: "a fox" },
    paths: ["/prod/v1/deployments/dep/inference", "/prod/v1/deployments/dep/requests"],
    result: "result",
    succeeded: { kind: "succeeded", output: { images: [FILE] } },
    cancelled: "cancelled",
    errors: DEPLOYMENT_ERRORS,
  },
  {
    kind: "comfyui",
    toId: (name) => name,
    body: { overrides: { 6: { inputs: { text: "a fox" } } } },
    paths: ["/prod/v1/deployments/dep/inference", "/prod/v1/deployments/dep/requests"],
    result: "result",
    succeeded: { kind: "succeeded", output: { 9: { images: [WORKFLOW_FILE] } } },
    cancelled: "requested",
    errors: DEPLOYMENT_ERRORS,
  },
  {
    kind: "model",
    toId: (name) => `black-forest/flux-2.1/${name}`,
    body: { prompt: "a fox" },
    paths: ["/v1/models/black-forest/flux-2.1/dep", "/v1/requests"],
    result: "result?include_cost=true",
    succeeded: { kind: "succeeded", output: { image: FILE }, cost: 0.04 },
    cancelled: "requested",
    errors: [
      ["no-balance", MONEY],
      ["payment-required", MONEY],
      ["bad-token-400", TOKEN],
      ["not-the-owner", ANOTHERS],
      ["forbidden", ANOTHERS],
      ["not-found", { code: "NOT_FOUND" }],
      ["bad-model-id", { code: "NOT_FOUND", issues: null }],
      ["validation", { code: "REJECTED", issues: [{ path: ["width"] }, {}] }],
      ["validation-400", { code: "REJECTED", delivery: "refused", issues: [{ path: [] }] }],
      ["validation-code", WIDTH],
      ["validation-field", WIDTH],
      ["code-10001", MONEY],
      ["code-403001", { code: "FORBIDDEN", delivery: "refused", isAnothers: true }],
      ["code-404001", { code: "NOT_FOUND", delivery: "refused" }],
      ["code-422001", { code: "REJECTED", delivery: "refused", issues: [{ path: [] }] }],
      // What the vendor does not name may have been accepted all the same.
      ["code-400003", DOUBT],
      ["code-400005", DOUBT],
      ["code-409001", DOUBT],
      ["code-7", DOUBT],
      ["worded-code-400", DOUBT],
      ["code-10002", DOUBT],
    ],
  },
];

let upstream: FaultyUpstream;
/** Of the service that this kind of job is not sent to. */
let other: FaultyUpstream;
let health: UpstreamHealth;
let runComfy: RunComfy;

describe.each(KINDS)("a job of kind $kind", (given) => {
  const { kind, toId, body, paths } = given;
  const dep = { kind, apiVersion: "v1", deploymentId: toId("dep") } as const;
  const isModel = kind === "model";

  beforeEach(async () => {
    upstream = await startFaultyUpstream();
    other = await startFaultyUpstream();
    onTestFinished(async () => {
      await upstream.close();
      await other.close();
    });
    const [deployments, models] = isModel ? [other, upstream] : [upstream, other];
    health = createHealth();
    runComfy = connect(deployments, { modelUrl: models.url, health });
  });

  test("names what to call when it has ended, where its service takes that", async () => {
    const webhook = "https://gateway.example/upstream-webhooks/job_1?expires=1&signature=a";
    await runComfy.submit({ ...dep, deploymentId: toId("dep"), body, webhook });
    const path = `${paths[0]}?webhook=${encodeURIComponent(webhook)}`;
    expect(upstream.requests.at(-1)?.path).toBe(isModel ? paths[0] : path);
  });

  const submit = (name = "dep") => runComfy.submit({ ...dep, deploymentId: toId(name), body });
  const accept = async (name = "dep"): Promise<RequestReference> => ({
    ...dep,
    deploymentId: toId(name),
    requestId: await submit(name),
  });
  const readStatus = (request: RequestReference) => runComfy.readStatus(request, LIMITS);
  const readResult = (request: RequestReference) => runComfy.readResult(request, LIMITS);
  /** What /status and then /result say of one that ended so. */
  async function readEnd(result: Readonly<Record<string, unknown>>) {
    const request = await accept();
    upstream.finish(request.requestId, result);
    const { state } = await readStatus(request);
    return { state, result: await readResult(request) };
  }

  test("is posted once, and followed to its output, at its own service alone", async () => {
    const request = await accept();
    const path = `${paths[1]}/${request.requestId}`;
    expect(await readStatus(request)).toMatchObject({ state: "queued", queuePosition: 0 });
    expect(await readResult(request)).toEqual({ kind: "unfinished", state: "queued" });
    expect(await readStatus(request)).toMatchObject({ state: "running" });
    const { state } = await readStatus(request);
    expect(["succeeded", "finished"]).toContain(state);
    expect(await readResult(request)).toMatchObject(given.succeeded);
    expect(upstream.requests.map((one) => `${one.method} ${one.path}`).toSpliced(3, 2)).toEqual([
      `POST ${paths[0]}`,
      `GET ${path}/status`,
      `GET ${path}/${given.result}`,
      `GET ${path}/${given.result}`,
    ]);
    expect(JSON.parse(upstream.requests[0]?.body ?? "")).toEqual(body);
    expect(upstream.requests.every(({ isAuthorized }) => isAuthorized)).toBe(true);
    expect(other.requests).toEqual([]);
  });

  test.each([
    ["input image is missing", "input image is missing"],
    [{ type: "OOM", message: "out of memory" }, "out of memory"],
    [
      [
        { errorCode: 5_001, error: "node 4 failed", debugInfo: "/root/x" },
        { errorCode: 5_002, error: "node 31 failed", debugInfo: "a prompt" },
      ],
      "node 4 failed (5001); node 31 failed (5002)",
    ],
    [undefined, null],
  ])(
    "fails as its result says, whatever its status said, for the reason %j",
    async (error, reason) => {
      const { state, result } = await readEnd({ status: "failed", ...(error && { error }) });
      expect(["failed", "finished"]).toContain(state);
      expect(result).toMatchObject({ kind: "failed", reason });
    },
  );

  test("is cancelled in either spelling, and `completed` alone is no end", async () => {
    for (const status of ["cancelled", "canceled"])
      expect(await readEnd({ status })).toEqual({
        state: "cancelled",
        result: expect.objectContaining({ kind: "cancelled" }),
      });
    // Neither an output nor an error: it has ended, but not how.
    expect((await readStatus({ ...(await accept("fault-word-completed")) })).state).toBe(
      "finished",
    );
  });

  test("is cancelled while it waits; once it runs it is not cancellable", async () => {
    const queued = await accept();
    expect(await runComfy.cancel(queued, NEVER)).toBe(given.cancelled);
    expect(await readStatus(queued)).toMatchObject({ state: "cancelled" });
    const running = await accept();
    upstream.script(running.requestId, ["in_progress"]);
    await readStatus(running);
    expect(await runComfy.cancel(running, NEVER)).toBe("not-cancellable");
    expect(await runComfy.cancel(await accept("fault-cancel-requested"), NEVER)).toBe("requested");
    const late = await accept("fault-cancel-too-late-409");
    expect(await runComfy.cancel(late, NEVER)).toBe("not-cancellable");
  });

  test.each(given.errors)("means by %s: %j", async (fault, meaning) => {
    const error = await failureOf(submit(`fault-${fault}--submit`));
    expect(error).toMatchObject(meaning);
    expect(upstream.count("submit")).toBe(1);
  });

  test.each<FaultName>([
    "internal-500",
    "envelope-503",
    "timeout-408",
    "reset-before-answer",
    "html-502",
    "no-id",
    "odd-id",
  ])("has an unknown fate after a POST that meets %s, which is sent once", async (fault) => {
    expect(await failureOf(submit(`fault-${fault}`))).toMatchObject({ delivery: "unknown" });
    expect(upstream.count("submit")).toBe(1);
  });

  test.each(["..", "a/../b", "./a", "a//b", "a/b?c", "a%2Fb/c", "a\\b/c", "/a/b", ""])(
    "is not called by an id that would change a path: %j",
    async (id) => {
      for (const call of [
        runComfy.submit({ ...dep, deploymentId: id, body }),
        readStatus({ ...dep, requestId: id }),
        runComfy.cancel({ ...dep, requestId: id }, NEVER),
      ])
        expect(await failureOf(call)).toMatchObject({ code: "NOT_FOUND", delivery: "refused" });
      expect([...upstream.requests, ...other.requests]).toEqual([]);
    },
  );

  test("leaves the token with its service, whatever URLs an answer names", async () => {
    const request = await accept("fault-foreign-urls");
    await readStatus(request);
    await readResult(request);
    expect(upstream.requestsElsewhere).toEqual([]);
  });

  test("waits, like all others, while RunComfy asked for a pause", async () => {
    const request = await accept();
    upstream.setFault("rate-limited");
    await failureOf(readStatus(request));
    expect(await failureOf(submit())).toMatchObject({ code: "RATE_LIMITED", delivery: "refused" });
    expect(upstream.requests).toHaveLength(2);
  });

  test("shows an outage of its deployment, which a probe ends", async () => {
    const { deploymentId } = dep;
    const request = await accept();
    upstream.setFault("html-502");
    for (let reads = 0; reads < 5; reads += 1) await failureOf(readStatus(request));
    expect(health.failingDeployments()).toEqual([deploymentId]);
    upstream.setFault(null);
    await runComfy.probe(deploymentId, NEVER);
    expect(health.failingDeployments()).toEqual([]);
  });
});
