import { pino } from "pino";
import { beforeEach, expect, test, vi } from "vitest";

import type { Catalogue } from "../../src/engine/deployments/catalogue.ts";
import { OPEN_CATALOGUE } from "../../src/engine/deployments/catalogue.ts";
import {
  DeploymentNotFoundError,
  InvalidInputError,
  UpstreamError,
} from "../../src/engine/job/errors.ts";
import type { InputPath } from "../../src/engine/job/input.ts";
import { DatabaseBusyError, DatabaseDiskError } from "../../src/engine/store/database-error.ts";
import type { JobStore } from "../../src/engine/store/job-store.ts";
import { sleepFor } from "../../src/runtime/loop.ts";
import type { Submitter } from "../../src/engine/tracking/submit-job.ts";
import { catalogueOf } from "../support/catalogue-of.ts";
import { createHealth } from "../support/create-health.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { NO_FILES } from "../support/no-files.ts";
import { createViewer, LOCAL_VIEWER } from "../support/viewers.ts";
import {
  connectSubmitter,
  endOf,
  openUpstreamAndStore,
  readCounts,
  recordOf,
} from "./connect-submitter.ts";

let logged: unknown[] = [];
const log = pino({}, { write: (line: string) => void logged.push(JSON.parse(line)) });
const REQUEST = {
  viewer: LOCAL_VIEWER,
  deploymentId: "warm-glow",
  input: { prompt: "Glow" },
  idempotencyKey: "key",
};

const MINE = createViewer({ ownerId: "mine", limits: { jobsPerDay: 100, submitsPerMinute: 100 } });
const DAY_OF_TWO = createViewer({ ownerId: "mine", limits: { jobsPerDay: 2 } });

let upstream: FaultyUpstream;
let store: JobStore;
let submitter: Submitter;
let followed: number;
let slept: number[];
let sleep: typeof sleepFor;
let monotonicMs: number;

beforeEach(async () => {
  monotonicMs = 0;
  followed = 0;
  logged = [];
  slept = [];
  sleep = async (durationMs) => void slept.push(durationMs);
  ({ upstream, store } = await openUpstreamAndStore({ log }));
  submitter = connect();
});

function connect(catalogue: Catalogue = OPEN_CATALOGUE): Submitter {
  return connectSubmitter({
    ...{ upstream, store, catalogue, log },
    poller: { wakeIn: () => void (followed += 1) },
    monotonic: () => monotonicMs,
    sleep: (...rest) => sleep(...rest),
  });
}

/** Begins a submit whose POST has come, and is held until `release`. */
async function beginSubmit() {
  const release = upstream.hold("submit");
  const submitting = submitter.submitJob(REQUEST);
  await upstream.whenRequested("submit", 1);
  return { release, submitting };
}

/** Nothing was sent and nothing is stored. */
async function expectNoTrace(): Promise<void> {
  expect(upstream.count("submit")).toBe(0);
  expect(await store.jobs.count({})).toBe(0);
}

const away = () => Promise.reject(new Error("away"));

test("an acceptance outlives a database that is away for a moment", async () => {
  const { save } = store.jobs;
  let failures = 3;
  store.jobs.save = (...given) => (failures-- > 0 ? away() : save(...given));
  expect(await submitter.submitJob(REQUEST)).toMatchObject({ job: { status: "IN_QUEUE" } });
  expect(slept).toEqual([100, 500, 1_000]);
  expect(followed).toBe(1);
  expect(upstream.count("submit")).toBe(1);
});

test.each([{ isBack: true }, { isBack: false }])(
  "a stop while the database is away tries once more to store an acceptance ($isBack)",
  async ({ isBack }) => {
    const { save } = store.jobs;
    const failed = Promise.withResolvers<void>();
    let saves = 0;
    store.jobs.save = () => {
      saves += 1;
      failed.resolve();
      return away();
    };
    sleep = (_durationMs, signal) => sleepFor(60_000, signal);
    const submitting = endOf(submitter.submitJob(REQUEST));
    await failed.promise;
    if (isBack) store.jobs.save = save;
    submitter.stop(0);
    expect(await submitting).toMatchObject(
      isBack ? { job: { status: "IN_QUEUE" } } : { code: "SUBMISSION_UNKNOWN" },
    );
    expect(saves).toBe(isBack ? 1 : 2);
  },
);

test.each([
  { outcome: "an acceptance", fault: null },
  { outcome: "an unknown fate", fault: "html-502" },
] as const)(
  "$outcome that the database never takes is reported as unknown, and not as worth another try",
  async ({ fault }) => {
    upstream.setFault(fault);
    store.jobs.save = () => Promise.reject(new DatabaseBusyError({}));
    const error = await endOf(submitter.submitJob(REQUEST));
    expect(error).toBeInstanceOf(UpstreamError);
    expect(error).toMatchObject({
      code: "SUBMISSION_UNKNOWN",
      retryable: false,
      unconfirmedJob: { status: "SUBMITTING", deploymentId: REQUEST.deploymentId },
    });
  },
);

test("an insert whose answer is lost leaves nothing behind, and the key is free", async () => {
  const { insert } = store.jobs;
  store.jobs.insert = async (row) => {
    await insert(row);
    throw new Error("the connection broke");
  };
  await expect(submitter.submitJob(REQUEST)).rejects.toThrow("the connection broke");
  expect(await store.jobs.count({})).toBe(0);
  store.jobs.insert = insert;
  expect(await submitter.submitJob(REQUEST)).toMatchObject({ job: { status: "IN_QUEUE" } });
});

test("a submit that can't be stored is not sent, and the log says nothing of an outcome", async () => {
  const fail = () => Promise.reject(new DatabaseDiskError("damaged", {}));
  Object.assign(store.jobs, { insert: fail, withdraw: fail });
  await expect(submitter.submitJob(REQUEST)).rejects.toMatchObject({ kind: "damaged" });
  expect(upstream.count("submit")).toBe(0);
  expect(logged).toEqual([]);
});

test("a submit that is not answered in time for a stop is stored as unknown", async () => {
  const { submitting } = await beginSubmit();
  submitter.stop(0);
  await expect(submitting).rejects.toMatchObject({
    code: "SUBMISSION_UNKNOWN",
    unconfirmedJob: { status: "FAILED" },
  });
  await submitter.close();
});

const CLOSED = {
  id: "warm-glow",
  name: "Warm Glow",
  inputSchema: {
    additionalProperties: false,
    properties: { prompt: { type: "string" } },
  },
};

test("what the schema refuses is not sent, not kept, and leaves the key free", async () => {
  submitter = connect(catalogueOf(CLOSED));
  const wrong = { ...REQUEST, input: { prompt: 5, stepps: 1 } };
  await expect(submitter.submitJob(wrong)).rejects.toMatchObject({
    issues: [{ path: ["stepps"] }, { path: ["prompt"] }],
  });
  await expectNoTrace();
  await submitter.submitJob({ ...REQUEST, input: { prompt: "a" } });
  expect(upstream.count("submit")).toBe(1);
});

test.each([new Error("An upload is gone."), new InvalidInputError([])])(
  "an input that can't be made ready to send is not sent, not kept, and leaves the key free: %s",
  async (failure) => {
    const { uploads } = NO_FILES;
    const toSent = (): Promise<never> => Promise.reject(failure);
    submitter = connectSubmitter({ upstream, store, log, uploads: { ...uploads, toSent } });
    await expect(submitter.submitJob(REQUEST)).rejects.toBe(failure);
    await expectNoTrace();
    await connect().submitJob(REQUEST);
    expect(upstream.count("submit")).toBe(1);
  },
);

test("what a caller leaves out is left out of the job and the POST, and its default counts as work", async () => {
  const properties = {
    prompt: { type: "string", default: "a lake" },
    sample_steps: { type: "integer", default: 8 },
    size: { type: "object", properties: { width: { type: "integer", default: 64 } } },
  };
  submitter = connect(
    catalogueOf(
      { id: "warm-glow", name: "Warm Glow", model: "ltx2", inputSchema: { properties } },
      { id: "of-model", name: "Of Model", model: "zimage_turbo" },
    ),
  );
  const input = { prompt: "a", size: {}, width: null };
  const { job } = await submitter.submitJob({ ...REQUEST, input });
  expect(await store.documents.readInput(job.id)).toEqual(input);
  expect(upstream.requests[0]?.body).toBe('{"prompt":"a","size":{},"width":null}');
  // The schema's steps, and the model's frames.
  expect(job.work).toBe(41 * 8);

  const ofModel = { ...REQUEST, deploymentId: "of-model", idempotencyKey: null };
  const usual = await submitter.submitJob({ ...ofModel, input: { prompt: "a" } });
  expect(usual.job.work).toBe(8);
  const given = await submitter.submitJob({ ...ofModel, input: { prompt: "a", width: 512 } });
  expect(given.job.work).toBe(4);
});

test("a retry under its key gives the same job, whatever has become of the schema since", async () => {
  const request = { ...REQUEST, input: { prompt: "a", width: 1_000 } };
  const first = await submitter.submitJob(request);
  const stricter = connect(catalogueOf(CLOSED));
  expect((await stricter.submitJob(request)).job.id).toBe(first.job.id);
  const withDefaults = connect(
    catalogueOf({ ...CLOSED, inputSchema: { properties: { steps: { default: 30 } } } }),
  );
  expect((await withDefaults.submitJob(request)).job.id).toBe(first.job.id);
  const withoutIt = connect(catalogueOf({ ...CLOSED, id: "another" }));
  expect((await withoutIt.submitJob(request)).job.id).toBe(first.job.id);
  await expect(
    withoutIt.submitJob({ ...request, idempotencyKey: "a new key" }),
  ).rejects.toBeInstanceOf(DeploymentNotFoundError);
  await expect(
    stricter.submitJob({ ...request, idempotencyKey: "another key" }),
  ).rejects.toBeInstanceOf(InvalidInputError);
  expect(upstream.count("submit")).toBe(1);
});

test("a job has each of its tags once, and a retry with others gives the same job as it is", async () => {
  const { job } = await submitter.submitJob({ ...REQUEST, tags: ["b", "a", "b"] });
  expect(job.tags).toEqual(["b", "a"]);
  const retry = await submitter.submitJob({ ...REQUEST, tags: ["c"] });
  expect(retry.job).toEqual(job);
  expect(await store.jobs.count({ tag: "c" })).toBe(0);
  expect(await store.jobs.count({ tag: "b" })).toBe(1);
});

test("tags that can't be kept are issues beside all others, and nothing is sent", async () => {
  const request = { ...REQUEST, idempotencyKey: "", input: { prompt: "\u0000" } };
  await expect(submitter.submitJob({ ...request, tags: ["a", "\n"] })).rejects.toMatchObject({
    issues: [{ path: ["idempotencyKey"] }, { path: ["tags", 1] }, { path: ["prompt"] }],
  });
  expect(upstream.count("submit")).toBe(0);
});

test("paths are reported as the caller spells them, those of the upstream too", async () => {
  const spell = (path: InputPath) => path.map((part) => `typed ${part}`);
  const request = { ...REQUEST, deploymentId: "fault-validation", spell };
  await expect(submitter.submitJob(request)).rejects.toMatchObject({
    issues: [{ path: ["typed width"] }, { path: ["typed prompts", "typed 0", "typed text"] }],
  });
  const hostile = { ...REQUEST, input: { prompt: "\0" }, spell };
  await expect(submitter.submitJob(hostile)).rejects.toMatchObject({
    issues: [{ path: ["typed prompt"] }],
  });
});

test("a gateway without polls sends no more than a few submits into an outage, however long it lasts, and any after it", async () => {
  const health = createHealth({ now: () => monotonicMs });
  submitter = connectSubmitter({ upstream, store, health });
  upstream.setFault("html-502");
  const request = { ...REQUEST, idempotencyKey: null };
  const codes: unknown[] = [];
  for (let submits = 0; submits < 8; submits++) {
    codes.push(Reflect.get(Object(await endOf(submitter.submitJob(request))), "code"));
    if (submits === 6) monotonicMs += 3_600_000;
  }
  const [unknown, refused] = ["SUBMISSION_UNKNOWN", "UNAVAILABLE"];
  expect(codes).toEqual([...Array.from({ length: 5 }, () => unknown), refused, refused, refused]);
  expect(upstream.count("submit")).toBe(5);
  upstream.setFault(null);
  health.noteProbe(null, request.deploymentId);
  expect(await submitter.submitJob(request)).toMatchObject({ job: { status: "IN_QUEUE" } });
});

/** As if the gateway had stood still between the row and its POST. */
function freezeAfterInsert(durationMs: number, meanwhile = () => Promise.resolve()): void {
  const { insert } = store.jobs;
  store.jobs.insert = async (row) => {
    const taken = await insert(row);
    monotonicMs += durationMs;
    await meanwhile();
    return taken;
  };
}

test("a submit that was held up renews its lease before it is sent, and no other does", async () => {
  const extend = vi.spyOn(store.jobs, "extendSubmit");
  await submitter.submitJob({ ...REQUEST, idempotencyKey: "before" });
  expect(extend).not.toHaveBeenCalled();
  freezeAfterInsert(2_001);
  expect(await submitter.submitJob(REQUEST)).toMatchObject({ job: { status: "IN_QUEUE" } });
  expect(extend).toHaveBeenCalledOnce();
});

test.each(["too slow", "away"])(
  "a submit whose lease can't be renewed, as the database is %s, is not sent, counts as neither a submit nor a job, and leaves its key free",
  async (why) => {
    freezeAfterInsert(60_000);
    const { extendSubmit } = store.jobs;
    store.jobs.extendSubmit = (...lease) => {
      monotonicMs += 10_000;
      return why === "away" ? away() : extendSubmit(...lease);
    };
    const code = why === "away" ? {} : { code: "UNAVAILABLE" };
    const submitting = submitter.submitJob({ ...REQUEST, viewer: MINE });
    await expect(submitting).rejects.toMatchObject(code);
    await expectNoTrace();
    expect(await readCounts(store)).toEqual([0, 0]);
  },
);

test("a submit that others settled while the gateway was frozen is never sent, and is reported as the row says", async () => {
  freezeAfterInsert(60_000, async () => {
    const keyed = await store.jobs.readKeyed("local", "key");
    await recordOf(store)(keyed?.job.id ?? "", { kind: "unanswered" });
  });
  const submitting = submitter.submitJob(REQUEST);
  await expect(submitting).rejects.toMatchObject({ code: "SUBMISSION_UNKNOWN" });
  expect(upstream.count("submit")).toBe(0);
});

test("an id that comes after the row was settled is logged, and the answer stays unknown", async () => {
  const { release, submitting } = await beginSubmit();
  const id = (await store.jobs.readKeyed("local", "key"))?.job.id ?? "";
  await recordOf(store)(id, { kind: "unanswered" });
  release();
  await expect(submitting).rejects.toMatchObject({ code: "SUBMISSION_UNKNOWN" });
  expect(logged).toContainEqual(
    expect.objectContaining({
      level: 50,
      jobId: id,
      requestId: expect.stringMatching(/./),
      msg: expect.stringContaining("after the gateway had given it up"),
    }),
  );
  expect(followed).toBe(0);
});

test("a key belongs to its owner, also while two submit under the same one at once", async () => {
  const mine = { ...REQUEST, viewer: createViewer({ ownerId: "mine" }) };
  const viewer = createViewer({ ownerId: "theirs" });
  const theirs = { ...REQUEST, viewer, input: { prompt: "?" } };
  const [first, second] = await Promise.all([
    submitter.submitJob(mine),
    submitter.submitJob(theirs),
  ]);
  expect([first.job.ownerId, second.job.ownerId]).toEqual(["mine", "theirs"]);
  expect(upstream.count("submit")).toBe(2);
  expect((await submitter.submitJob(mine)).job.id).toBe(first.job.id);
  expect((await submitter.submitJob(theirs)).job.id).toBe(second.job.id);
});

test.each([
  [{ submitsPerMinute: 2 }, "RATE_LIMITED", 60, 0],
  [{ jobsPerDay: 2 }, "QUOTA_EXCEEDED", 86_400, 2],
  [{ jobsInFlight: 2 }, "QUOTA_EXCEEDED", 10, 0],
])("an owner at %j is refused, and nobody else", async (limits, code, mostSeconds, ofDay) => {
  const greedy = { ...REQUEST, viewer: createViewer({ ownerId: "greedy", limits }) };
  const quiet = { ...REQUEST, viewer: createViewer({ ownerId: "quiet", limits }) };
  const first = await submitter.submitJob(greedy);
  await submitter.submitJob({ ...greedy, idempotencyKey: "second" });
  const error = await endOf(submitter.submitJob({ ...greedy, idempotencyKey: "third" }));
  expect(error).toMatchObject({ name: "LimitError", code, limit: 2 });
  const { retryAfterSeconds, message } = Object(error);
  expect(retryAfterSeconds).toBeGreaterThan(0);
  expect(retryAfterSeconds).toBeLessThanOrEqual(mostSeconds);
  expect(message).toMatch(/2 .*[Ss]ubmit again/);
  expect(upstream.count("submit")).toBe(2);
  expect(await store.jobs.readKeyed("greedy", "third")).toBeNull();
  expect((await store.quotas.count("jobs", "greedy")).count).toBe(ofDay + 1);

  // A key that has its job costs nothing, however often it is sent.
  expect((await submitter.submitJob(greedy)).job.id).toBe(first.job.id);
  expect((await submitter.submitJob(quiet)).job.ownerId).toBe("quiet");
});

test("a submit to a paused deployment reaches nobody, counts as neither a submit nor a job, and leaves its key free", async () => {
  const limits = { jobsPerDay: 100, submitsPerMinute: 100 };
  const request = { ...REQUEST, viewer: createViewer({ ownerId: "mine", limits }) };
  await store.pausedDeployments.pause(REQUEST.deploymentId, "Its price has changed");
  const error = await endOf(submitter.submitJob(request));
  expect(error).toMatchObject({ code: "DEPLOYMENT_PAUSED", retryable: false });
  expect(error).toHaveProperty("message", expect.stringContaining(": Its price has changed. "));
  expect(upstream.requests).toEqual([]);
  expect(await readCounts(store)).toEqual([0, 0]);
  await store.pausedDeployments.resume(REQUEST.deploymentId);
  const { job, wasThere } = await submitter.submitJob(request);
  expect([job.status, wasThere]).toEqual(["IN_QUEUE", false]);
});

test("a retry whose key is found taken or spent with the row counts as neither a submit nor a job", async () => {
  const limits = { jobsPerDay: 100, submitsPerMinute: 100 };
  const request = { ...REQUEST, viewer: createViewer({ ownerId: "mine", limits }) };
  const { job } = await submitter.submitJob(request);
  const { readKeyed } = store.jobs;
  // As another gateway's submit of the same moment looks.
  store.jobs.readKeyed = () => Promise.resolve(null);
  const { insert } = store.jobs;
  store.jobs.insert = async (row) => {
    store.jobs.readKeyed = readKeyed;
    return await insert(row);
  };
  expect((await submitter.submitJob(request)).job.id).toBe(job.id);

  await recordOf(store)(job.id, { kind: "cancelled", finishedAt: null });
  await store.jobs.delete(job.id);
  await expect(submitter.submitJob(request)).rejects.toMatchObject({
    name: "IdempotencyConflictError",
  });
  expect(await readCounts(store)).toEqual([1, 1]);
});

test.each([
  ["fault-insufficient-funds", [0, 1]],
  ["fault-validation", [0, 1]],
  ["fault-html-502", [1, 1]],
  ["../x", [0, 0]],
  // Models are off, which only its call shows.
  ["a/model", [0, 0]],
])("a submit to %s counts as a job and a submit as far as it came: %j", async (id, counts) => {
  const isModel = id === "a/model";
  const catalogue = isModel ? catalogueOf({ id, kind: "model", name: "A" }) : OPEN_CATALOGUE;
  submitter = connectSubmitter({ upstream, store, catalogue });
  const request = { ...REQUEST, viewer: MINE, deploymentId: id };
  await expect(submitter.submitJob(request)).rejects.toThrow();
  expect(await readCounts(store)).toEqual(counts);
});

test("a submit that never arrived counts as neither a submit nor a job", async () => {
  await upstream.close();
  const submitting = submitter.submitJob({ ...REQUEST, viewer: MINE });
  await expect(submitting).rejects.toMatchObject({ code: "UNAVAILABLE" });
  expect(await readCounts(store)).toEqual([0, 0]);
});

test.each([
  ["the day's jobs", { jobsPerDay: 1 }],
  ["jobs in flight", { jobsInFlight: 1 }],
])("a submit above the limit of %s takes nothing from the minute", async (_, limit) => {
  const limits = { submitsPerMinute: 2, ...limit };
  const request = { ...REQUEST, viewer: createViewer({ ownerId: "mine", limits }) };
  const { job } = await submitter.submitJob(request);
  const next = { ...request, idempotencyKey: "next" };
  for (let tries = 0; tries < 3; tries++)
    await expect(submitter.submitJob(next)).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" });
  expect((await store.quotas.count("submits", "mine")).count - 1).toBe(1);
  expect((await submitter.submitJob(request)).job.id).toBe(job.id);
});

test("submits above those of a minute count as none, and the message counts those that were sent", async () => {
  const limits = { submitsPerMinute: 2, jobsPerDay: 100 };
  const viewer = createViewer({ ownerId: "mine", limits });
  const submit = (idempotencyKey: string, deploymentId = "warm-glow") =>
    submitter.submitJob({ ...REQUEST, viewer, deploymentId, idempotencyKey });
  await submit("first");
  await expect(submit("second", "fault-insufficient-funds")).rejects.toThrow();
  for (let tries = 0; tries < 3; tries++)
    await expect(submit("third")).rejects.toThrow(
      /^You have sent 2 jobs within a minute, the most allowed\. Submit again in \d+ seconds\.$/,
    );
  expect(await readCounts(store)).toEqual([1, 2]);
});

test("a count that can't be given back leaves the answer as it is", async () => {
  upstream.setFault("rate-limited-without-time");
  store.quotas.discount = away;
  const submitting = submitter.submitJob({ ...REQUEST, viewer: DAY_OF_TWO });
  await expect(submitting).rejects.toMatchObject({ name: "UpstreamError", code: "RATE_LIMITED" });
});

test("a submit that repeats another without a key waits for its outcome and gets its job, at one POST", async () => {
  const blind = { ...REQUEST, idempotencyKey: null, repeats: "found" } as const;
  const release = upstream.hold("submit");
  const all = Promise.all([1, 2, 3].map(() => submitter.submitJob(blind)));
  await upstream.whenRequested("submit", 1);
  release();
  const [first, ...others] = await all;
  const again = await connect().submitJob(blind);
  expect(new Set([first, ...others, again].map((one) => one?.job.id)).size).toBe(1);
  expect([first, ...others].filter((one) => one?.wasThere)).toHaveLength(2);
  expect(again.wasThere).toBe(true);
  expect(upstream.count("submit")).toBe(1);
  const different = await submitter.submitJob({ ...blind, input: { prompt: "Other" } });
  const asked = await submitter.submitJob({ ...blind, repeats: "noted" });
  expect(new Set([first?.job.id, different.job.id, asked.job.id]).size).toBe(3);
  expect((await submitter.submitJob(blind)).job.id).toBe(asked.job.id);
  expect(upstream.count("submit")).toBe(3);
});

test("a submit that repeats one that was refused is sent", async () => {
  const blind = { ...REQUEST, idempotencyKey: null, repeats: "found" } as const;
  upstream.setFault("forbidden");
  await expect(submitter.submitJob(blind)).rejects.toThrow(UpstreamError);
  upstream.setFault(null);
  expect((await submitter.submitJob(blind)).wasThere).toBe(false);
});
