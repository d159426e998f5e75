import { beforeEach, expect, test } from "vitest";

import type { Job } from "../../src/engine/job/job.ts";
import type { JsonObject, JsonValue } from "../../src/engine/job/json.ts";
import type { JobStore } from "../../src/engine/store/job-store.ts";
import type { Submitter } from "../../src/engine/tracking/submit-job.ts";
import { catalogueOf } from "../support/catalogue-of.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { createViewer, LOCAL_VIEWER } from "../support/viewers.ts";
import { connectSubmitter, openUpstreamAndStore } from "./connect-submitter.ts";

let upstream: FaultyUpstream;
let store: JobStore;
let submitter: Submitter;

beforeEach(async () => {
  ({ upstream, store } = await openUpstreamAndStore());
  submitter = connectSubmitter({ upstream, store });
});

async function submit(input: JsonObject, idempotencyKey: string | null = null): Promise<Job> {
  const request = { viewer: LOCAL_VIEWER, deploymentId: "dep", input, idempotencyKey };
  return (await submitter.submitJob(request)).job;
}

async function rerun(
  { id: jobId }: Pick<Job, "id">,
  changes: unknown = null,
  idempotencyKey: string | null = null,
  viewer = LOCAL_VIEWER,
): Promise<Job> {
  return (await submitter.rerunJob({ jobId, changes, viewer, idempotencyKey })).job;
}

function sent(): JsonValue {
  return JSON.parse(upstream.requests.findLast(({ call }) => call === "submit")?.body ?? "null");
}

test("a job runs again as it was, and stays as it is", async () => {
  const input = { prompt: "a glow", seed: 1, nested: { kept: [null] }, none: null };
  const job = await submit(input);
  const again = await rerun(job);
  expect(again.id).not.toBe(job.id);
  expect(again).toMatchObject({ deploymentId: "dep", ownerId: "local", status: "IN_QUEUE" });
  expect(sent()).toEqual(input);
  expect(await store.documents.readInput(again.id)).toEqual(input);
  expect(await store.jobs.read(job.id)).toEqual(job);
});

test("changes replace whole members of the input, and take away those that are null", async () => {
  const size = { width: 1, height: 2 };
  const job = await submit({ prompt: "a glow", seed: 1, size, none: null });
  await rerun(job, { seed: null, size: { width: 3 }, steps: 20, unknown: null });
  expect(sent()).toEqual({ prompt: "a glow", size: { width: 3 }, none: null, steps: 20 });
});

test("hostile names are members like any others", async () => {
  const job = await submit(
    JSON.parse(`{ "__proto__": { "a": 1 }, "constructor": "c", "then": 1 }`),
  );
  await rerun(job, JSON.parse(`{ "__proto__": { "b": 2 }, "constructor": null }`));
  expect(JSON.stringify(sent())).toBe(`{"__proto__":{"b":2},"then":1}`);
});

test("a key gives one job for the same changes, and a conflict for others", async () => {
  const job = await submit({ prompt: "a glow" });
  const first = await rerun(job, { seed: 1 }, "key");
  expect((await rerun(job, { seed: 1 }, "key")).id).toBe(first.id);
  expect((await submit({ seed: 1, prompt: "a glow" }, "key")).id).toBe(first.id);
  await expect(rerun(job, { seed: 2 }, "key")).rejects.toMatchObject({
    name: "IdempotencyConflictError",
    jobId: first.id,
  });
  expect(upstream.count("submit")).toBe(2);
});

test("somebody else's job is not there, nor is a deleted one, and nothing is sent", async () => {
  const job = await submit({ prompt: "a glow" });
  const notFound = { name: "JobNotFoundError", message: expect.stringContaining(job.id) };
  const viewer = createViewer({ ownerId: "other" });
  await expect(rerun(job, null, null, viewer)).rejects.toMatchObject(notFound);
  const { readInput } = store.documents;
  store.documents.readInput = async () => null;
  await expect(rerun(job)).rejects.toMatchObject(notFound);
  store.documents.readInput = readInput;
  expect(upstream.count("submit")).toBe(1);
});

function nested(levels: number): JsonObject {
  let value: JsonObject = {};
  for (let level = 0; level < levels; level++) value = { a: value };
  return value;
}

test.each([
  ["no object", [1], ["changes"], "must be an object"],
  ["a text that can't be stored", { prompt: "\u0000" }, ["prompt"], "invisible character"],
  ["what is nested 50,000 levels deep", nested(50_000), expect.any(Array), "flatten it"],
])("changes that are %s are an issue at their place", async (_what, changes, path, message) => {
  const job = await submit({ prompt: "a glow" });
  await expect(rerun(job, changes)).rejects.toMatchObject({
    name: "InvalidInputError",
    issues: [{ path, message: expect.stringContaining(message) }],
  });
  expect(upstream.count("submit")).toBe(1);
});

test("a job whose input would surely fail now is refused with what to do, unless changes mend it", async () => {
  // As a version that filled in defaults has left it.
  const old = { prompt: "a glow", fps: 16, num_frames: 41, neg: "" };
  const job = await submit(old);
  submitter = connectSubmitter({
    upstream,
    store,
    catalogue: catalogueOf({ id: "dep", name: "Dep", model: "minimax_h3" }),
  });
  const message =
    "must be 24, or left out: minimax_h3 fails otherwise; change it as you run the job again";
  const refused = { name: "InvalidInputError", issues: [{ path: ["fps"], message }] };
  await expect(rerun(job)).rejects.toMatchObject(refused);
  await expect(rerun(job, { fps: 30 })).rejects.toMatchObject({
    issues: [{ path: ["fps"], message: "must be 24, or left out: minimax_h3 fails otherwise" }],
  });
  expect(upstream.count("submit")).toBe(1);
  await rerun(job, { fps: null });
  expect(sent()).toEqual({ prompt: "a glow", num_frames: 41, neg: "" });
});
