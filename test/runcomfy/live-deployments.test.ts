import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";

import type { JobKind } from "../../src/engine/job/kind.ts";
import type { LiveDeployments } from "../../src/engine/runcomfy/live-deployments.ts";
import { createLiveDeployments } from "../../src/engine/runcomfy/live-deployments.ts";
import type { FaultName } from "../support/faulty-upstream/faults.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { connect } from "./connect.ts";

let upstream: FaultyUpstream;
let nowMs: number;
let logged: string[];

beforeEach(async () => {
  upstream = await startFaultyUpstream();
  nowMs = 5_000;
  logged = [];
});
afterEach(() => upstream.close());

function open(
  ids: readonly string[] | "all" = "all",
  findListedKind: (id: string) => JobKind | null = () => null,
): LiveDeployments {
  const log = pino({ base: null }, { write: (line) => logged.push(line) });
  const runcomfy = connect(upstream);
  return createLiveDeployments({ runcomfy, ids, findListedKind, log, now: () => nowMs });
}

async function listNames(live: LiveDeployments) {
  return [...(await live.list())].map(([id, { name }]) => [id, name]);
}

/** The ids that each call asked for. */
function calls(): (readonly string[])[] {
  return upstream.requests.map(({ deploymentIds }) => deploymentIds);
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `dep-${index}`);
}

test("all who ask for deployments at once share one call, and its answer is good for ten seconds", async () => {
  upstream.setDeployments([{ id: "b", name: "Bee" }, { id: "a" }]);
  const live = open();
  expect(live.lastList()).toEqual(new Map());
  const [names, again, a, unlisted] = await Promise.all([
    listNames(live),
    listNames(live),
    live.read("a"),
    live.read("unlisted"),
  ]);
  const expected = [
    ["b", "Bee"],
    ["a", null],
  ];
  expect([names, again, a?.id, unlisted]).toEqual([expected, expected, "a", null]);
  nowMs += 10_000;
  expect((await live.read("b"))?.name).toBe("Bee");
  expect(calls()).toEqual([[]]);
  upstream.setDeployments([{ id: "new" }]);
  nowMs += 1;
  expect(await listNames(live)).toEqual([["new", null]]);
  nowMs += 60_000;
  expect([...live.lastList().keys()]).toEqual(["new"]);
  expect(upstream.count("list")).toBe(2);
});

test("a deployment that the last list lacks is looked for in a new one, which nobody waits long for", async () => {
  const live = open();
  upstream.setDeployments([{ id: "lora" }]);
  expect(await live.findKind("lora")).toBe("lora");
  upstream.setDeployments([{ id: "lora" }, { id: "robot", workflow_id: "5c1d" }]);
  expect(await live.findKind("robot")).toBeNull();
  nowMs += 10_001;
  expect(await live.findKind("lora")).toBe("lora");
  expect(upstream.count("list")).toBe(1);
  expect(await Promise.all([live.findKind("robot"), live.findKind("robot")])).toEqual([
    "comfyui",
    "comfyui",
  ]);
  expect(upstream.count("list")).toBe(2);
  nowMs += 10_001;
  const release = upstream.hold("list");
  expect(await live.findKind("other")).toBeNull();
  release();
});

test.each([
  [numbered(50), numbered(50)],
  [numbered(51), []],
  [[], []],
])("up to 50 deployments of a file are asked for by id, else all: %#", async (ids, asked) => {
  await open(ids).list();
  expect(calls()).toEqual([asked]);
});

test("no more than a thousand deployments are kept", async () => {
  upstream.setDeployments(numbered(1_200).map((id) => ({ id })));
  expect([...(await open().list()).keys()]).toEqual(numbered(1_000));
});

test.each<[FaultName, RegExp]>([
  ["html-500", /RunComfy does not list deployments.* Check .*RunComfy's status page/],
  ["list-not-a-list", /does not list/],
  ["unauthorized", /does not accept the gateway's token.* Set RUNCOMFY_API_TOKEN/],
])(
  "when the list meets %s the last one goes on, there is one call in ten seconds, and one line in the log",
  async (name, message) => {
    upstream.setDeployments([{ id: "a" }]);
    const live = open();
    await live.list();
    upstream.setFault(name, ["list"]);
    nowMs += 10_001;
    for (let second = 0; second < 30; second += 1) {
      expect([...(await live.list()).keys()]).toEqual(["a"]);
      // What it was is no news any more.
      expect(await live.read("a")).toBeNull();
      nowMs += 1_000;
    }
    expect(upstream.count("list")).toBeLessThanOrEqual(1 + 3);
    expect(logged).toEqual([expect.stringMatching(message)]);
    expect(logged[0]).not.toMatch(/127\.0\.0\.1|test-token|nginx|vendor/);
    upstream.setFault(null);
    nowMs += 10_001;
    expect((await live.read("a"))?.id).toBe("a");
    upstream.setFault(name, ["list"]);
    nowMs += 10_001;
    await live.list();
    expect(logged).toHaveLength(2);
  },
);

test("a workflow under an id that was taken for another kind's is warned of once", async () => {
  const workflow_id = "5c1d";
  upstream.setDeployments([{ id: "a", workflow_id }, { id: "w", workflow_id }, { id: "b" }]);
  const live = open("all", (id) => (id === "w" ? "comfyui" : "lora"));
  for (let call = 0; call < 3; call += 1) {
    await live.list();
    nowMs += 10_001;
  }
  expect(logged).toEqual([expect.stringContaining('"deploymentIds":["a"]')]);
  upstream.setDeployments([
    { id: "a", workflow_id },
    { id: "b", workflow_id },
  ]);
  await live.list();
  expect(logged.slice(1)).toEqual([expect.stringContaining('"deploymentIds":["b"]')]);
});

const GRAPH = { 6: { class_type: "CLIPTextEncode", inputs: { text: "a".repeat(900_000) } } };

test("what may be a workflow is asked about once, where that matters, and is what its payload shows", async () => {
  const workflow_id = "5c1d";
  upstream.setDeployments([
    { id: "lora", workflow_id, payload: { workflow_api_json: null } },
    { id: "null", workflow_id, payload: null },
    { id: "robot", workflow_id, payload: { workflow_api_json: GRAPH } },
    { id: "plain", workflow_id: null },
  ]);
  const live = open();
  const kinds = async () => [...(await live.list()).values()].map(({ kind }) => kind);
  expect(await kinds()).toEqual(["comfyui", "comfyui", "comfyui", "lora"]);
  expect(upstream.count("deployment")).toBe(0);
  for (let turn = 0; turn < 2; turn += 1) {
    const ids = ["lora", "lora", "null", "robot", "plain", "none"];
    expect(await Promise.all(ids.map((id) => live.findKind(id)))).toEqual([
      "lora",
      "lora",
      "lora",
      "comfyui",
      "lora",
      null,
    ]);
    expect(await kinds()).toEqual(["lora", "lora", "comfyui", "lora"]);
    // A new list does not forget it.
    nowMs += 10_001;
  }
  const paths = upstream.requests
    .filter(({ call }) => call === "deployment")
    .map(({ path }) => path);
  expect(paths).toEqual(
    ["lora", "null", "robot"].map((id) => `/prod/v2/deployments/${id}?includes=payload`),
  );
  expect(upstream.requests.filter(({ call }) => call === "list").map(({ path }) => path)).toEqual(
    Array(2).fill("/prod/v2/deployments"),
  );
});

test.each<[string, object, FaultName | null]>([
  ["has no payload", {}, null],
  ["fails", { payload: {} }, "html-500"],
  ["can't be read", { payload: {} }, "not-json"],
  ["is null", { payload: {} }, "null-200"],
])(
  "where an answer %s it stays a workflow, and is asked about again after ten seconds",
  async (_, more, fault) => {
    const other = { id: "other", workflow_id: "5c1d", payload: {} };
    upstream.setDeployments([{ id: "lora", workflow_id: "5c1d", ...more }, other]);
    upstream.setFault(fault, ["deployment"]);
    const live = open();
    // Nor is anything else asked about until then, which would be answered alike.
    for (const id of ["lora", "lora", "other"]) expect(await live.findKind(id)).toBe("comfyui");
    expect(upstream.count("deployment")).toBe(1);
    upstream.setDeployments([{ id: "lora", workflow_id: "5c1d", payload: {} }]);
    upstream.setFault(null);
    nowMs += 10_001;
    expect(await live.findKind("lora")).toBe("lora");
    expect(upstream.count("deployment")).toBe(2);
    expect(logged).toEqual([]);
  },
);

test("what shows more than a megabyte stays a workflow, and is not asked about again", async () => {
  const payload = { workflow_api_json: null, notes: "a".repeat(1_100_000) };
  upstream.setDeployments([{ id: "large", workflow_id: "5c1d", payload }]);
  const live = open();
  for (let turn = 0; turn < 3; turn += 1) {
    expect(await live.findKind("large")).toBe("comfyui");
    nowMs += 10_001;
  }
  expect(upstream.count("deployment")).toBe(1);
});

test("nobody waits long for what a deployment shows", async () => {
  upstream.setDeployments([{ id: "lora", workflow_id: "5c1d", payload: {} }]);
  const release = upstream.hold("deployment");
  const live = open();
  expect(await live.findKind("lora")).toBe("comfyui");
  release();
  await expect.poll(() => live.findKind("lora")).toBe("lora");
});

test("no LoRA of the file is warned of whose payload shows no workflow", async () => {
  const workflow_id = "5c1d";
  upstream.setDeployments([
    { id: "lora", workflow_id, payload: {} },
    { id: "robot", workflow_id, payload: { workflow_api_json: GRAPH } },
  ]);
  await open("all", () => "lora").list();
  await expect.poll(() => logged).toEqual([expect.stringContaining('"deploymentIds":["robot"]')]);
});

test("what the token is worth is known once a call was answered", async () => {
  const live = open();
  const seen = [live.token()];
  for (const fault of ["html-500", "unauthorized", "html-500", null] as const) {
    upstream.setFault(fault, ["list"]);
    nowMs += 10_001;
    await live.list();
    seen.push(live.token());
  }
  expect(seen).toEqual(["unknown", "unknown", "refused", "refused", "accepted"]);
});
