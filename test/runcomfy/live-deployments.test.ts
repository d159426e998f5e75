import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";

import { createRunComfy } from "../../src/runcomfy/create-runcomfy.ts";
import type { LiveDeployments } from "../../src/runcomfy/live-deployments.ts";
import { createLiveDeployments } from "../../src/runcomfy/live-deployments.ts";
import { createHealth } from "../support/create-health.ts";
import type { FaultName } from "../support/faulty-upstream/faults.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";

const START_MS = 5_000;

let upstream: FaultyUpstream;
let liveDeployments: LiveDeployments;
let nowMs: number;
let logged: string[];

beforeEach(async () => {
  upstream = await startFaultyUpstream();
  nowMs = START_MS;
  logged = [];
  const log = pino({ base: null }, { write: (line) => logged.push(line) });
  const now = () => nowMs;
  const { url: baseUrl, token } = upstream;
  const health = createHealth({ now, log });
  const timeouts = { submitTimeoutMs: 1_000, listTimeoutMs: 2_000 };
  const runcomfy = createRunComfy({ baseUrl, token, health, log, ...timeouts });
  liveDeployments = createLiveDeployments({ runcomfy, log, now });
});
afterEach(() => upstream.close());

function readAll(ids: readonly string[]) {
  return Promise.all(ids.map((id) => liveDeployments.read(id)));
}

function numbered(count: number, prefix = "dep"): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
}

/** The ids that each call asked for. */
function calls(): (readonly string[])[] {
  return upstream.requests.map(({ deploymentIds }) => deploymentIds);
}

// Together

test("Fifty deployments that are read at the same moment are one call, and each read gets its own", async () => {
  const ids = numbered(50);
  const facts = await readAll(ids);
  expect(facts.map((one) => one?.id)).toEqual(ids);
  expect(facts.map((one) => one?.maxInstances)).toEqual(ids.map(({ length }) => length));
  expect(calls()).toEqual([ids]);
});

test("A hundred and twenty deployments are three calls", async () => {
  const ids = numbered(120);
  expect((await readAll(ids)).map((one) => one?.id)).toEqual(ids);
  expect(calls()).toEqual([ids.slice(0, 50), ids.slice(50, 100), ids.slice(100)]);
});

test("Whoever reads the same deployment while it is asked for gets the same answer", async () => {
  const release = upstream.hold("list");
  const first = liveDeployments.read("dep");
  await upstream.whenRequested("list", 1);
  const second = liveDeployments.read("dep");
  release();
  expect(await second).toBe(await first);
  expect(upstream.count("list")).toBe(1);
});

test("What the upstream does not list is null, and so is what can't be an id, which is not asked for", async () => {
  const facts = await readAll(["unlisted", "dep", "..", "", "x".repeat(129)]);
  expect(facts.map((one) => one?.id)).toEqual([undefined, "dep", undefined, undefined, undefined]);
  expect(calls()).toEqual([["unlisted", "dep"]]);
});

// Kept briefly

test("An answer is good for ten seconds, whether the deployment is listed or not", async () => {
  await readAll(["dep", "unlisted"]);
  nowMs += 10_000;
  const kept = await readAll(["dep", "unlisted", "other"]);
  expect(kept.map((one) => one?.id)).toEqual(["dep", undefined, "other"]);
  expect(calls()).toEqual([["dep", "unlisted"], ["other"]]);
  nowMs += 1;
  await readAll(["dep", "unlisted", "other"]);
  expect(calls()[2]).toEqual(["dep", "unlisted"]);
});

test("No more than a thousand deployments are kept", async () => {
  await liveDeployments.read("oldest");
  await readAll(numbered(1_000));
  await liveDeployments.read("dep-999");
  expect(upstream.count("list", "dep-999")).toBe(1);
  await liveDeployments.read("oldest");
  expect(upstream.count("list", "oldest")).toBe(2);
});

// Failures

test.each<[FaultName]>([
  ["html-500"],
  ["not-json"],
  ["unauthorized"],
  ["rate-limited"],
  ["no-answer"],
  ["reset-before-answer"],
  ["huge-body"],
])(
  "When the list meets %s all facts are null after one call, however many are read",
  async (name) => {
    upstream.setFault(name, ["list"]);
    expect(new Set(await readAll(numbered(120)))).toEqual(new Set([null]));
    expect(new Set(await readAll(numbered(120)))).toEqual(new Set([null]));
    expect(upstream.count("list")).toBe(1);
  },
);

test("While the list fails there is one call in ten seconds, whatever is read", async () => {
  upstream.setFault("html-500", ["list"]);
  for (let second = 0; second < 30; second += 1) {
    expect(new Set(await readAll(numbered(120, `at-${second}`)))).toEqual(new Set([null]));
    nowMs += 1_000;
  }
  expect(upstream.count("list")).toBe(3);
});

test("When the list works again everything is there again, ten seconds after the failure", async () => {
  upstream.setFault("html-500", ["list"]);
  await liveDeployments.read("dep");
  upstream.setFault(null);
  nowMs += 9_999;
  expect(await readAll(["dep", "other"])).toEqual([null, null]);
  nowMs += 2;
  const facts = await readAll(["dep", "other"]);
  expect(facts.map((one) => one?.id)).toEqual(["dep", "other"]);
  expect(upstream.count("list")).toBe(2);
});

test("What is still good is served while the list fails", async () => {
  await liveDeployments.read("dep");
  upstream.setFault("html-500", ["list"]);
  nowMs += 5_000;
  expect(await liveDeployments.read("other")).toBeNull();
  expect((await liveDeployments.read("dep"))?.id).toBe("dep");
});

test("A failure is logged once until a call succeeds, with a next step and without an address", async () => {
  upstream.setFault("html-500", ["list"]);
  for (let failures = 0; failures < 3; failures += 1) {
    await liveDeployments.read("dep");
    nowMs += 10_001;
  }
  expect(logged).toHaveLength(1);
  upstream.setFault(null);
  await liveDeployments.read("dep");
  expect(logged).toHaveLength(1);
  nowMs += 10_001;
  upstream.setFault("unauthorized", ["list"]);
  await liveDeployments.read("dep");
  expect(upstream.count("list")).toBe(5);
  expect(logged).toHaveLength(2);
  for (const line of logged) {
    expect(JSON.parse(line)).toMatchObject({
      level: 40,
      msg: expect.stringMatching(/Check |Set /),
    });
    expect(line).not.toMatch(/127\.0\.0\.1|test-token|nginx|vendor/);
  }
});

test("While the upstream has asked for a pause it is not asked for the list either", async () => {
  await liveDeployments.read("fault-rate-limited-for-a-day");
  nowMs += 299_999;
  expect(await liveDeployments.read("dep")).toBeNull();
  expect(upstream.count("list")).toBe(1);
  nowMs += 10_001;
  expect((await liveDeployments.read("dep"))?.id).toBe("dep");
});

test("one call that fails each time, while others succeed, is logged once", async () => {
  const ids = [...numbered(99), "fault-html-500--list"];
  for (let round = 0; round < 5; round += 1) {
    const facts = await readAll(ids);
    expect(facts[0]?.id).toBe("dep-0");
    expect(facts.at(-1)).toBeNull();
    nowMs += 10_001;
  }
  expect(logged).toHaveLength(1);
});

// The list of all

const LISTED = [{ id: "b", name: "Bee" }, { id: "a" }];

async function listNames(): Promise<(readonly [string, string | null])[]> {
  return [...(await liveDeployments.list())].map(([id, { name }]) => [id, name]);
}

test("All who ask for the list at once share one call, and its answer is good for ten seconds", async () => {
  upstream.setDeployments(LISTED);
  const expected = [
    ["b", "Bee"],
    ["a", null],
  ];
  expect(await Promise.all([listNames(), listNames()])).toEqual([expected, expected]);
  nowMs += 10_000;
  expect(await listNames()).toEqual(expected);
  expect(calls()).toEqual([[]]);
  upstream.setDeployments([{ id: "new" }]);
  nowMs += 1;
  expect(await listNames()).toEqual([["new", null]]);
  expect(upstream.count("list")).toBe(2);
});

test("The last list is there without a call, and is empty at first", async () => {
  upstream.setDeployments(LISTED);
  expect(liveDeployments.lastList()).toEqual(new Map());
  const list = await liveDeployments.list();
  nowMs += 60_000;
  expect(liveDeployments.lastList()).toBe(list);
  expect(upstream.count("list")).toBe(1);
});

test("No more than a thousand deployments are listed", async () => {
  upstream.setDeployments(numbered(1_200).map((id) => ({ id })));
  expect([...(await liveDeployments.list()).keys()]).toEqual(numbered(1_000));
});

test.each<[FaultName]>([["html-500"], ["unauthorized"], ["rate-limited"], ["reset-before-answer"]])(
  "When the list meets %s the last one goes on, and there is one call in ten seconds",
  async (name) => {
    upstream.setDeployments(LISTED);
    await liveDeployments.list();
    upstream.setFault(name, ["list"]);
    nowMs += 10_001;
    for (let second = 0; second < 30; second += 1) {
      expect([...(await liveDeployments.list()).keys()]).toEqual(["b", "a"]);
      nowMs += 1_000;
    }
    expect(upstream.count("list")).toBeLessThanOrEqual(1 + 3);
    expect(logged).toHaveLength(1);
    upstream.setFault(null);
    upstream.setDeployments([{ id: "new" }]);
    nowMs += 10_001;
    expect(await listNames()).toEqual([["new", null]]);
  },
);

test.each<[FaultName]>([["no-answer"], ["unauthorized"], ["rate-limited"]])(
  "An upstream with %s costs one call in ten seconds, for single deployments and the list together",
  async (name) => {
    upstream.setFault(name, ["list"]);
    for (let second = 0; second < 10; second += 1) {
      expect(await Promise.all([listNames(), readAll(["a", `at-${second}`])])).toEqual([
        [],
        [null, null],
      ]);
      nowMs += 1_000;
    }
    expect(upstream.count("list")).toBe(1);
  },
);

test.each<[FaultName]>([["list-not-a-list"], ["not-found"], ["forbidden"], ["html-404"]])(
  "An upstream whose list of all meets %s is told of once, and single deployments are read as ever",
  async (name) => {
    upstream.setFault(name, ["list"]);
    expect(await listNames()).toEqual([]);
    upstream.setFault(null);
    expect((await liveDeployments.read("dep"))?.id).toBe("dep");
    upstream.setFault(name, ["list"]);
    for (let round = 0; round < 3; round += 1) {
      nowMs += 60_000;
      expect(await listNames()).toEqual([]);
    }
    expect(logged).toEqual([expect.stringContaining("DEPLOYMENTS_FILE")]);
    expect(upstream.count("list")).toBe(5);
  },
);

test("What the token is worth is known once a call was answered", async () => {
  expect(liveDeployments.token()).toBe("unknown");
  upstream.setFault("html-500", ["list"]);
  await liveDeployments.list();
  expect(liveDeployments.token()).toBe("unknown");
  upstream.setFault("unauthorized", ["list"]);
  nowMs += 10_001;
  await liveDeployments.list();
  expect(liveDeployments.token()).toBe("refused");
  upstream.setFault(null);
  nowMs += 10_001;
  await liveDeployments.read("dep");
  expect(liveDeployments.token()).toBe("accepted");
});
