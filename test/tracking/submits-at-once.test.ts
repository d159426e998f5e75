import { pino } from "pino";
import { beforeEach, describe, expect, test } from "vitest";

import type { JobStore } from "../../src/engine/store/job-store.ts";
import type { Submitted, Submitter } from "../../src/engine/tracking/submit-job.ts";
import { createHealth } from "../support/create-health.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { createViewer } from "../support/viewers.ts";
import { connectSubmitter, endOf, openUpstreamAndStore, readCounts } from "./connect-submitter.ts";

const LIMITS = { submitsPerMinute: 1_000, jobsPerDay: 1_000 };

let upstream: FaultyUpstream;
let store: JobStore;
let submitter: Submitter;

beforeEach(async () => {
  ({ upstream, store } = await openUpstreamAndStore());
  submitter = connectSubmitter({ upstream, store, submitsAtOnce: 1 });
});

async function submit(
  idempotencyKey: string | null = null,
  { deploymentId = "dep", ownerId = "mine", by = submitter, prompt = "Glow" } = {},
): Promise<Submitted> {
  const viewer = createViewer({ ownerId, limits: LIMITS });
  return await by.submitJob({ viewer, deploymentId, input: { prompt }, idempotencyKey });
}

/** Takes the one slot there is with a submit, and lets it go with the returned function. */
async function fillSlot(): Promise<() => Promise<void>> {
  const release = upstream.hold("submit");
  const running = endOf(submit("running"));
  await upstream.whenRequested("submit", upstream.count("submit") + 1);
  return async () => {
    release();
    await running;
  };
}

/** They get in line one after the other. */
async function letPass(turns = 5): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
}

test("a submit that waits has neither a row nor a POST, and gets both in order of arrival", async () => {
  const empty = await fillSlot();
  const owners = ["a", "a", "b", "a", "c"];
  const all = Promise.all(owners.map((ownerId) => submit(null, { ownerId, prompt: ownerId })));
  await letPass();
  expect(upstream.count("submit")).toBe(1);
  expect(await store.jobs.count({})).toBe(1);
  await empty();
  expect(await all).toHaveLength(5);
  const sent = upstream.requests.map(({ body }) => JSON.parse(body ?? "").prompt);
  expect(sent).toEqual(["Glow", "a", "a", "b", "a", "c"]);
});

test("the time-out of a POST begins when it leaves, not when its submit comes", async () => {
  upstream.slow("submit", 600);
  submitter = connectSubmitter({ upstream, store, submitsAtOnce: 1, timeoutMs: 1_100 });
  const both = await Promise.all([submit(), submit()]);
  expect(both.map(({ job }) => job.status)).toEqual(["IN_QUEUE", "IN_QUEUE"]);
});

test("a retry under a known key does not wait, and a second call under one that waits gets the same job", async () => {
  const known = await submit("known");
  const empty = await fillSlot();
  expect((await submit("known")).job.id).toBe(known.job.id);
  const waiting = submit("waiting");
  const joined = submit("waiting");
  await empty();
  expect((await joined).job.id).toBe((await waiting).job.id);
  expect(upstream.count("submit")).toBe(3);
});

test("who has waited for as long as a POST may take is refused, nothing is left of it, and it is logged once", async () => {
  const logged: string[] = [];
  const log = pino({}, { write: (line: string) => void logged.push(line) });
  submitter = connectSubmitter({ upstream, store, submitsAtOnce: 1, timeoutMs: 300, log });
  upstream.hold("submit");
  const first = endOf(submit());
  await upstream.whenRequested("submit", 1);
  // Its turn comes when the time-out of the first has passed, and then it keeps the others waiting.
  const unknown = [first, endOf(submit())];
  for (const late of [endOf(submit("late")), endOf(submit("later"))])
    expect(await late).toMatchObject({
      code: "RATE_LIMITED",
      retryable: true,
      retryAfterSeconds: 5,
      message: expect.stringContaining("Submit it again in 5 seconds."),
    });
  expect(await store.jobs.readKeyed("mine", "late")).toBeNull();
  for (const end of await Promise.all(unknown)) {
    expect(end).toMatchObject({ code: "SUBMISSION_UNKNOWN" });
  }
  expect(await readCounts(store)).toEqual([2, 2]);
  expect(upstream.count("submit")).toBe(2);
  expect(logged.filter((line) => line.includes("submitted faster"))).toHaveLength(1);
});

test("a thousand wait, and one more is refused", async () => {
  const empty = await fillSlot();
  const ends = Array.from({ length: 1_001 }, (_, index) =>
    endOf(submit(null, { ownerId: index % 2 === 0 ? "a" : "b" })),
  );
  expect(await ends.at(-1)).toMatchObject({ code: "RATE_LIMITED", retryAfterSeconds: 5 });
  submitter.stop(60_000);
  await empty();
  const codes = (await Promise.all(ends)).map((end) => Reflect.get(Object(end), "code"));
  expect(codes.filter((code) => code === "UNAVAILABLE")).toHaveLength(1_000);
});

test("a stop refuses who waits or comes later, with no row and no POST, and waits for who is under way", async () => {
  const empty = await fillSlot();
  const waiting = [endOf(submit()), endOf(submit("waiting"))];
  await letPass();
  submitter.stop(60_000);
  const message = expect.stringMatching(/is restarting/);
  for (const end of await Promise.all([...waiting, endOf(submit())]))
    expect(end).toMatchObject({ code: "UNAVAILABLE", retryable: true, message });
  await empty();
  await submitter.close();
  expect(upstream.count("submit")).toBe(1);
  const { jobs } = store;
  expect([await jobs.count({}), await jobs.count({ statuses: ["IN_QUEUE"] })]).toEqual([1, 1]);
  expect(await readCounts(store)).toEqual([1, 1]);
});

test("who waits while a pause begins is refused in its turn, and who comes later at once", async () => {
  const health = createHealth();
  // The end of the POST itself is no sign that the upstream is back.
  health.noteSubmit = () => undefined;
  upstream.setFault("insufficient-funds");
  submitter = connectSubmitter({ upstream, store, health, submitsAtOnce: 1 });
  const empty = await fillSlot();
  const waiting = endOf(submit());
  await letPass(1);
  health.notePause(7_000);
  await empty();
  const refused = { code: "RATE_LIMITED", retryable: true, retryAfterSeconds: 7 };
  expect(await waiting).toMatchObject(refused);
  expect(await readCounts(store)).toEqual([0, 1]);
  expect(await endOf(submit())).toMatchObject(refused);
  expect(await readCounts(store)).toEqual([1, 2]);
  expect(upstream.count("submit")).toBe(1);
  expect(await store.jobs.count({})).toBe(0);
});

test.each(["fault-insufficient-funds", "fault-html-502", "the database", "a limit"])(
  "a slot is free again whatever its submit came to: %s",
  async (why) => {
    const fail = () => Promise.reject(new Error("away"));
    const { insert } = store.jobs;
    const { count } = store.quotas;
    if (why === "the database") store.jobs.insert = fail;
    if (why === "a limit") store.quotas.count = fail;
    await expect(submit(null, { deploymentId: why })).rejects.toThrow();
    store.jobs.insert = insert;
    store.quotas.count = count;
    expect((await submit()).job.status).toBe("IN_QUEUE");
  },
);

test("a submit that waits for another gateway's under its key holds no slot", async () => {
  const release = upstream.hold("submit");
  const theirs = submit("key", { by: connectSubmitter({ upstream, store }) });
  await upstream.whenRequested("submit", 1);
  // As if both had looked for the key at the same moment.
  const { readKeyed } = store.jobs;
  store.jobs.readKeyed = () => {
    store.jobs.readKeyed = readKeyed;
    return Promise.resolve(null);
  };
  const ours = submit("key");
  const next = submit();
  await upstream.whenRequested("submit", 2);
  release();
  expect((await ours).job.id).toBe((await theirs).job.id);
  expect((await next).job.status).toBe("IN_QUEUE");
});

describe("under a key", () => {
  beforeEach(() => {
    submitter = connectSubmitter({ upstream, store });
  });

  const conflictWith = ({ job }: Submitted) => ({
    name: "IdempotencyConflictError",
    jobId: job.id,
  });

  test("a conflict with a call under way waits for the job that it becomes", async () => {
    const release = upstream.hold("submit");
    const first = submit("key");
    await upstream.whenRequested("submit", 1);
    const prompts = ["other", "another", "other"];
    const others = Promise.all(prompts.map((prompt) => endOf(submit("key", { prompt }))));
    release();
    const conflict = conflictWith(await first);
    expect(await others).toMatchObject([conflict, conflict, conflict]);
    expect(upstream.count("submit")).toBe(1);
  });

  test("behind a call that comes to no job the next input takes it, and the one after that conflicts", async () => {
    const release = upstream.hold("submit");
    const refused = endOf(submit("key", { deploymentId: "fault-insufficient-funds" }));
    await upstream.whenRequested("submit", 1);
    const second = submit("key", { prompt: "second" });
    const thirds = ["third", "third"].map((prompt) => endOf(submit("key", { prompt })));
    await letPass(10);
    release();
    expect(await refused).toMatchObject({ code: "INSUFFICIENT_FUNDS" });
    const conflict = conflictWith(await second);
    expect(await Promise.all(thirds)).toMatchObject([conflict, conflict]);
    expect(upstream.count("submit", "dep")).toBe(1);
  });

  test("another gateway's call is conflicted with", async () => {
    const release = upstream.hold("submit");
    const theirs = submit("key", { by: connectSubmitter({ upstream, store }) });
    await upstream.whenRequested("submit", 1);
    const ours = endOf(submit("key", { prompt: "other" }));
    release();
    expect(await ours).toMatchObject(conflictWith(await theirs));
  });

  test("the next input takes it where another gateway's call came to no job", async () => {
    const release = upstream.hold("submit");
    const by = connectSubmitter({ upstream, store });
    const theirs = endOf(submit("key", { deploymentId: "fault-insufficient-funds", by }));
    await upstream.whenRequested("submit", 1);
    const ours = submit("key", { prompt: "other" });
    release();
    expect(await theirs).toMatchObject({ code: "INSUFFICIENT_FUNDS" });
    expect((await ours).job.status).toBe("IN_QUEUE");
  });
});
