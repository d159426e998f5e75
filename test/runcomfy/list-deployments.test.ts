import { performance } from "node:perf_hooks";

import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

import { createRunComfy } from "../../src/runcomfy/create-runcomfy.ts";
import { readLiveDeployments } from "../../src/runcomfy/live-deployment.ts";
import { createHealth } from "../support/create-health.ts";
import type { RunComfy } from "../../src/runcomfy/runcomfy.ts";
import { RunComfyError } from "../../src/runcomfy/runcomfy-error.ts";
import catalogue from "../../sandbox/src/deployments.json" with { type: "json" };
import { startSandbox } from "runcomfy-sandbox";
import type { FaultName } from "../support/faulty-upstream/faults.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";

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

function connect(options: Partial<Parameters<typeof createRunComfy>[0]> = {}): RunComfy {
  const health = createHealth({ now: () => performance.now() });
  const { url: baseUrl, token } = upstream;
  return createRunComfy({ baseUrl, token, submitTimeoutMs: 10_000, health, log, ...options });
}

async function failureOf(call: Promise<unknown>): Promise<RunComfyError> {
  const outcome = await call.then(
    (value: unknown) => new Error(`It succeeded with ${JSON.stringify(value)}.`),
    (error: unknown) => error,
  );
  if (!(outcome instanceof RunComfyError)) throw outcome;
  return outcome;
}

const STANDBY = {
  hardware: ["AMPERE_48"],
  minInstances: 0,
  queueSize: 1,
  keepWarmSeconds: 60,
  isEnabled: true,
  status: "standby",
};
const NOTHING = {
  name: null,
  hardware: [],
  minInstances: null,
  maxInstances: null,
  queueSize: null,
  keepWarmSeconds: null,
  isEnabled: null,
  status: null,
};

// What the contract promises

test("Deployments are listed by one GET with all ids, always in version 2", async () => {
  const before = upstream.requests.length;
  const listed = await runComfy.listDeployments(["dep-a", "dep-bb", "unlisted"]);
  expect(listed).toHaveLength(2);
  expect(listed).toContainEqual({
    id: "dep-a",
    name: "The deployment dep-a",
    maxInstances: 5,
    ...STANDBY,
  });
  expect(listed).toContainEqual({
    id: "dep-bb",
    name: "The deployment dep-bb",
    maxInstances: 6,
    ...STANDBY,
  });
  const sent = upstream.requests.slice(before);
  expect(sent).toHaveLength(1);
  expect(sent[0]).toMatchObject({
    method: "GET",
    path: "/prod/v2/deployments?ids=dep-a&ids=dep-bb&ids=unlisted",
    isAuthorized: true,
    body: "",
  });
});

test("All deployments are listed by one GET without ids", async () => {
  upstream.setDeployments([{ id: "dep-a", name: "A" }, { name: "no id" }, { id: "dep-b" }]);
  const listed = await runComfy.listDeployments("all");
  expect(listed.map(({ id, name }) => [id, name])).toEqual([
    ["dep-a", "A"],
    ["dep-b", null],
  ]);
  expect(upstream.requests.at(-1)).toMatchObject({
    method: "GET",
    path: "/prod/v2/deployments",
    isAuthorized: true,
  });
});

test("A path of the base URL becomes part of the list's path", async () => {
  await connect({ baseUrl: `${upstream.url}/proxy/` }).listDeployments(["dep"]);
  expect(upstream.requests.at(-1)?.path).toBe("/proxy/prod/v2/deployments?ids=dep");
});

test("The sandbox's deployments are read with all their facts", async () => {
  const sandbox = await startSandbox({ port: 0, token: "sandbox", speed: 1, dataFolder: null });
  try {
    const bySandbox = connect({ baseUrl: sandbox.url, token: "sandbox" });
    const ids = catalogue.deployments.map(({ id }) => id);
    for (const asked of ["all", [...ids, "no-such-deployment"]] as const) {
      const listed = await bySandbox.listDeployments(asked);
      expect(listed.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
      for (const deployment of listed) {
        expect(deployment.hardware).not.toEqual([]);
        expect(Object.values(deployment)).not.toContain(null);
      }
    }
  } finally {
    await sandbox.close();
  }
});

// Tolerance

test("A list inside of an object is read like a bare one", async () => {
  const listed = await runComfy.listDeployments(["fault-list-in-object", "dep-a"]);
  expect(listed).toContainEqual({
    id: "dep-a",
    name: "The deployment dep-a",
    maxInstances: 5,
    ...STANDBY,
  });
});

test("An empty list is an answer", async () => {
  expect(await runComfy.listDeployments(["fault-list-empty"])).toEqual([]);
});

test("Entries that name no deployment are left out", async () => {
  const listed = await runComfy.listDeployments(["fault-list-with-odd-entries", "dep-a"]);
  expect(listed.map(({ id }) => id)).toEqual(["dep-a", "fault-list-with-odd-entries"]);
});

test("Members that are missing or can't be read are null, and the hardware may be one name", async () => {
  const bare = "fault-list-of-bare-ids";
  expect(await runComfy.listDeployments([bare])).toEqual([{ id: bare, ...NOTHING }]);
  const odd = "fault-list-with-odd-members";
  expect(await runComfy.listDeployments([odd])).toEqual([
    { id: odd, ...NOTHING, name: `The deployment ${odd}`, hardware: ["AMPERE_48"] },
  ]);
});

test.each([
  ["two\nlines\u0000", "two lines"],
  ["\u202eright to left", "right to left"],
  [" standby ", "standby"],
  ["x".repeat(200), "x".repeat(128)],
  [`${"x".repeat(127)}😀`, "x".repeat(127)],
  ["half \ud83d.", "half \ufffd."],
  ["\u0000", null],
  ["", null],
  [true, null],
  [["standby"], null],
])("The text %j is read as %j, be it a status or a name", (text, expected) => {
  const read = readLiveDeployments([{ id: "dep", status: text, name: text }]);
  expect(read).toMatchObject([{ status: expected, name: expected }]);
});

test.each([
  [
    ["A", 7, null, "", "B"],
    ["A", "B"],
  ],
  [
    Array.from({ length: 20 }, (_, index) => `GPU ${index}`),
    [0, 1, 2, 3, 4, 5, 6, 7].map((index) => `GPU ${index}`),
  ],
  [{ name: "A" }, []],
  [null, []],
])("The hardware %j is read as %j", (hardware, expected) => {
  expect(readLiveDeployments([{ id: "dep", hardware }])).toMatchObject([{ hardware: expected }]);
});

test.each([
  [2 ** 31 - 1, 2 ** 31 - 1],
  [-1, -1],
  [2 ** 31, null],
  [1.5, null],
  ["3", null],
])("The number %j is read as %j", (number, expected) => {
  const entry = { id: "dep", min_instances: number, keep_warm_duration_in_seconds: number };
  expect(readLiveDeployments([entry])).toMatchObject([
    { minInstances: expected, keepWarmSeconds: expected },
  ]);
});

// Failures

test.each<[FaultName, string]>([
  ["unauthorized", "UNAUTHORIZED"],
  ["forbidden", "FORBIDDEN"],
  ["rate-limited-without-time", "RATE_LIMITED"],
  ["html-500", "UNAVAILABLE"],
  ["internal-500", "UNAVAILABLE"],
  ["html-404", "UNAVAILABLE"],
  ["envelope-200", "NOT_FOUND"],
  ["redirect", "UNAVAILABLE"],
  ["reset-before-answer", "UNAVAILABLE"],
  ["reset-in-body", "UNAVAILABLE"],
  ["no-answer", "TIMEOUT"],
  ["endless-body", "TIMEOUT"],
  ["two-mebibytes", "INVALID_RESPONSE"],
  ["huge-body", "INVALID_RESPONSE"],
  ["deep-body", "INVALID_RESPONSE"],
  ["html-200", "INVALID_RESPONSE"],
  ["not-json", "INVALID_RESPONSE"],
  ["empty-204", "INVALID_RESPONSE"],
  ["null-200", "INVALID_RESPONSE"],
  ["list-not-a-list", "INVALID_RESPONSE"],
])("A list that meets %s fails as %s after one call", async (name, code) => {
  const id = `fault-${name}--list`;
  const by = connect({ listTimeoutMs: 500 });
  const error = await failureOf(by.listDeployments(["dep", id]));
  expect(error).toMatchObject({ name: "RunComfyError", code });
  expect(`${error.stack} ${String(error.cause)}`).not.toMatch(
    /127\.0\.0\.1|test-token|vendor|nginx/,
  );
  expect(upstream.count("list", id)).toBe(1);
});

test("Lists that fail are no outage, and one that succeeds ends none", async () => {
  const health = createHealth();
  const by = connect({ health });
  const request = {
    apiVersion: "v1",
    deploymentId: "dep",
    requestId: await by.submit({ apiVersion: "v1", deploymentId: "dep", input: {} }),
  };
  const poll = () =>
    by.readStatus(request, { signal: new AbortController().signal, timeoutMs: 10_000 });
  upstream.setFault("html-502", ["list"]);
  for (let lists = 0; lists < 6; lists += 1) await failureOf(by.listDeployments(["dep"]));
  expect(health.isOutage()).toBe(false);
  upstream.setFault("html-502", ["status"]);
  for (let polls = 0; polls < 5; polls += 1) await failureOf(poll());
  expect(health.isOutage("dep")).toBe(true);
  await by.listDeployments(["dep"]);
  expect(health.isOutage("dep")).toBe(true);
});

test("A list's Retry-After holds for every call, and a list obeys that of others", async () => {
  const error = await failureOf(runComfy.listDeployments(["fault-rate-limited"]));
  expect(error).toMatchObject({ code: "RATE_LIMITED", retryAfterMs: 7_000 });
  const before = upstream.requests.length;
  const submit = runComfy.submit({ apiVersion: "v1", deploymentId: "dep", input: {} });
  expect(await failureOf(submit)).toMatchObject({ code: "RATE_LIMITED", httpStatus: null });
  const list = runComfy.listDeployments(["dep"]);
  expect(await failureOf(list)).toMatchObject({ code: "RATE_LIMITED", httpStatus: null });
  expect(upstream.requests).toHaveLength(before);
});

// What is asked for

test("Ids that would change the path are not asked for, and without any other there is no call", async () => {
  const odd = ["..", "a&ids=b", "a b", "a#b", "", "é", "x".repeat(129)];
  await runComfy.listDeployments([...odd, "dep"]);
  expect(upstream.requests.at(-1)?.path).toBe("/prod/v2/deployments?ids=dep");
  const before = upstream.requests.length;
  expect(await runComfy.listDeployments(odd)).toEqual([]);
  expect(await runComfy.listDeployments([])).toEqual([]);
  expect(upstream.requests).toHaveLength(before);
});

test("Of more than fifty ids, each as long as can be, the first fifty are asked for", async () => {
  const ids = Array.from({ length: 51 }, (_, index) => String(index).padEnd(128, "x"));
  const listed = await runComfy.listDeployments(ids);
  expect(listed.map(({ id }) => id).toSorted()).toEqual(ids.slice(0, 50).toSorted());
});

test.each<[FaultName]>([["not-found"], ["html-404"]])(
  "A list that meets %s is a sign of a wrong base URL, rather than of a missing deployment",
  async (name) => {
    upstream.setFault(name, ["list"]);
    for (const ids of ["all", ["dep"]] as const)
      expect((await failureOf(runComfy.listDeployments(ids))).message).toMatch(
        /HTTP 404.* Check RUNCOMFY_BASE_URL, .*\.$/,
      );
  },
);
