import { setTimeout as delay } from "node:timers/promises";

import pg from "pg";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";

import type { Job } from "../../src/job/job.ts";
import { createJob } from "../../src/job/job.ts";
import { createRunComfy } from "../../src/runcomfy/create-runcomfy.ts";
import type { Pace } from "../../src/runcomfy/pace.ts";
import { createPace } from "../../src/runcomfy/pace.ts";
import type { RunComfy } from "../../src/runcomfy/runcomfy.ts";
import { DatabaseAwayError, DatabaseBusyError } from "../../src/store/database-error.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import { openStore } from "../../src/store/open-store.ts";
import { createLease, createTakeOver } from "../../src/tracking/take-over.ts";
import type { Poller } from "../../src/tracking/poller.ts";
import { createPoller } from "../../src/tracking/poller.ts";
import type { RecordObservation } from "../../src/tracking/record-observation.ts";
import { createRecordObservation } from "../../src/tracking/record-observation.ts";
import type { TakeOver } from "../../src/tracking/take-over.ts";
import { collectGarbage } from "../support/collect-garbage.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";

const logged: string[] = [];
const log = pino({ level: "info" }, { write: (line: string) => void logged.push(line) });
const LOOK_DELAY_MS = 1_000;
const DEADLINE_SECONDS = 60;

let upstream: FaultyUpstream;
let store: JobStore;
let pace: Pace;
let runcomfy: RunComfy;
let record: RecordObservation;
let poller: Poller;
let takeOver: TakeOver;
/** The gateway's two clocks, which only the test moves. */
let wallMs = 0;
let monotonicMs = 0;
let isOwner = true;

beforeEach(async () => {
  wallMs = Date.UTC(2026, 0, 1);
  monotonicMs = 0;
  isOwner = true;
  logged.length = 0;
  upstream = await startFaultyUpstream();
  store = await openStore({ databaseUrl: ":memory:", log });
  const now = () => wallMs;
  const monotonic = () => monotonicMs;
  pace = createPace({ now: monotonic, random: () => 0, log });
  record = createRecordObservation({ jobs: store.jobs, now });
  runcomfy = connect();
  poller = createPoller({
    jobs: store.jobs,
    runcomfy: {
      ...runcomfy,
      readStatus: (...reference) => runcomfy.readStatus(...reference),
      readResult: (...reference) => runcomfy.readResult(...reference),
    },
    pace,
    record: (...change) => record(...change),
    schedule: (_job, { failures }, at) => new Date(at.getTime() + LOOK_DELAY_MS * (failures + 1)),
    isOwner: () => isOwner,
    deadlineSeconds: DEADLINE_SECONDS,
    now,
    monotonic,
    random: () => 0,
    log,
    onDue: () => undefined,
  });
  takeOver = createTakeOver({
    store,
    poller,
    pace,
    lease: createLease({ leaseMs: Infinity, monotonic }),
    leaseMs: 6_000,
    record: (...change) => record(...change),
    isSubmitting: () => false,
    onShares: () => undefined,
    monotonic,
    log,
  });
});

function connect(readTimeoutMs = 10_000): RunComfy {
  const { url: baseUrl, token } = upstream;
  return createRunComfy({ baseUrl, token, submitTimeoutMs: 1_000, readTimeoutMs, pace, log });
}

afterEach(async () => {
  await poller.close();
  await store.close();
  await upstream.close();
});

function passTime(durationMs: number): void {
  wallMs += durationMs;
  monotonicMs += durationMs;
}

/** A row as submitting leaves it. */
async function insert(deploymentId: string): Promise<Job> {
  const job = createJob({
    ownerId: "local",
    deploymentId,
    apiVersion: "v1",
    now: new Date(wallMs),
  });
  await store.jobs.insert({ job, input: {}, key: null });
  return job;
}

/** A row that the upstream accepted. */
async function insertAccepted(deploymentId: string): Promise<Job> {
  const { id } = await insert(deploymentId);
  const response = await fetch(`${upstream.url}/prod/v1/deployments/${deploymentId}/inference`, {
    method: "POST",
    headers: { authorization: `Bearer ${upstream.token}`, "content-type": "application/json" },
    body: "{}",
  });
  const answer: unknown = await response.json();
  const requestId = String(new Map(Object.entries(answer ?? {})).get("request_id"));
  const job = await record(id, { kind: "accepted", requestId });
  if (job === null) throw new Error("the job that was just inserted is gone");
  return job;
}

/** Ticks, and lets 10 ms of the gateway's time pass with each turn of the event loop, until it holds. */
async function until(
  holds: () => boolean | Promise<boolean>,
  { mostTurns = 20_000, eachTurnMs = 10 } = {},
): Promise<void> {
  for (let turns = 0; turns < mostTurns; turns++) {
    if (await holds()) return;
    poller.tick();
    passTime(eachTurnMs);
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error("it did not come to hold within 20,000 turns");
}

/** The same where time-outs of calls have to pass, which are real: the gateway's time passes ten times as fast. */
async function untilTimeOut(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) {
    poller.tick();
    await delay(5);
    passTime(50);
  }
}

async function hasStatus(jobId: string, status: string): Promise<boolean> {
  return (await store.jobs.read(jobId))?.status === status;
}

test("a job that is owned but not followed is found and followed to its end", async () => {
  const { id } = await insertAccepted("warm-glow");
  await takeOver.share();
  expect(poller.tick()).toBe(Infinity);
  await takeOver.reconcile();
  await until(() => hasStatus(id, "SUCCEEDED"));
});

test("a gateway whose lease has run out starts no look until it holds one again", async () => {
  const job = await insertAccepted("warm-glow");
  isOwner = false;
  poller.resume(job);
  for (let ticks = 0; ticks < 10; ticks++) {
    expect(poller.tick()).toBeLessThan(1_000);
    passTime(1_000);
  }
  expect(upstream.count("status")).toBe(0);
  isOwner = true;
  await until(() => hasStatus(job.id, "SUCCEEDED"));
});

test("a job that was given up is no longer looked at, and one that is claimed again is", async () => {
  upstream.script("long", ["in_progress"]);
  const job = await insertAccepted("long");
  const release = upstream.hold("status");
  poller.resume(job);
  await until(() => upstream.count("status") === 1);
  poller.drop([job.id, "job_never_followed"]);
  release();
  await until(() => hasStatus(job.id, "IN_PROGRESS"));
  expect(upstream.count("status")).toBe(1);
  poller.resume(job);
  await until(() => upstream.count("status") === 3);
});

test("of the looks that may be under way at once each gateway has its part, and at least one", async () => {
  for (let count = 0; count < 40; count++) poller.resume(await insertAccepted("long"));
  poller.setGateways(3);
  const release = upstream.hold("status");
  await until(() => upstream.count("status") === 10);
  expect(poller.tick()).toBe(Infinity);
  poller.setGateways(100);
  release();
  await until(() => upstream.count("status") >= 80);
});

test.each([
  { gateways: 1, most: 32 },
  { gateways: 7, most: 4 },
  { gateways: 32, most: 1 },
])(
  "where $gateways gateways share the looks, a deployment that does not answer has $most of them and holds up nobody",
  async ({ gateways, most }) => {
    poller.setGateways(gateways);
    const stalled: Job[] = [];
    for (let count = 0; count < 100; count++) {
      stalled.push(await insertAccepted("fault-no-answer--status"));
    }
    for (const job of stalled) poller.resume(job);
    await until(() => upstream.count("status") === most);
    const good = [await insertAccepted("warm-glow"), await insertAccepted("cold-glow")];
    for (const job of good) poller.resume(job);
    for (const { id } of good) await until(() => hasStatus(id, "SUCCEEDED"));
    expect(upstream.count("status", "fault-no-answer--status")).toBe(most);
  },
);

test.each(["no-answer", "endless-body", "dripping-body"] as const)(
  "looks that meet %s are no outage of RunComfy, end at their time-out, and the log tells of their deployment once",
  async (fault) => {
    // Long enough for the good job's looks, beside whatever else the machine does.
    runcomfy = connect(3_000);
    upstream.script("good", ["in_progress"]);
    const good = await insertAccepted("good");
    const deploymentId = `fault-${fault}--status`;
    const stalled: Job[] = [];
    for (let count = 0; count < 40; count++) stalled.push(await insertAccepted(deploymentId));
    for (const job of [...stalled, good]) poller.resume(job);
    await untilTimeOut(() => {
      expect(pace.isOutage()).toBe(false);
      return upstream.count("status", deploymentId) > 32;
    });
    await untilTimeOut(() => hasStatus(good.id, "IN_PROGRESS"));
    const findFailing = () =>
      logged
        .map((line): unknown => JSON.parse(line))
        .filter((line) => Object(line).msg.startsWith("A deployment keeps failing"));
    await untilTimeOut(() => findFailing().length > 0);
    expect(findFailing()).toMatchObject([{ deploymentId, code: "TIMEOUT" }]);
  },
);

test("a result that does not come in time is a failed look, and a later one ends the job", async () => {
  runcomfy = connect(100);
  upstream.setFault("dripping-body", ["result"]);
  const job = await insertAccepted("warm-glow");
  poller.resume(job);
  await untilTimeOut(() => upstream.count("result") === 1);
  collectGarbage();
  await untilTimeOut(() => upstream.count("result") === 2);
  expect(await hasStatus(job.id, "IN_PROGRESS")).toBe(true);
  upstream.setFault(null);
  await untilTimeOut(() => hasStatus(job.id, "SUCCEEDED"));
});

test("a job whose looks fail in an outage is looked at soon after its end, however long it has failed", async () => {
  const job = await insertAccepted("warm-glow");
  upstream.setFault("html-502", ["status"]);
  poller.resume(job);
  await until(() => upstream.count("status") === 12);
  upstream.setFault(null);
  const startedAt = monotonicMs;
  await until(() => hasStatus(job.id, "SUCCEEDED"));
  expect(monotonicMs - startedAt).toBeLessThan(10_000 + 3 * LOOK_DELAY_MS);
});

test("many jobs of a deployment that fails hold up no job of another one, and end at their deadline", async () => {
  const failing = "fault-html-502--status";
  const bad = await Promise.all(Array.from({ length: 60 }, () => insertAccepted(failing)));
  const good = await insertAccepted("warm-glow");
  for (const job of [...bad, good]) poller.resume(job);
  const startedAt = monotonicMs;
  await until(() => hasStatus(good.id, "SUCCEEDED"));
  expect(monotonicMs - startedAt).toBeLessThan(10 * LOOK_DELAY_MS);
  const looks = upstream.count("status");
  const trickleAt = monotonicMs;
  await until(() => monotonicMs - trickleAt > 20_000);
  expect(upstream.count("status") - looks).toBeLessThan(10);
  passTime(2 * DEADLINE_SECONDS * 1_000);
  await until(async () => (await store.jobs.count({ statuses: ["FAILED"] })) === bad.length);
});

test("a job that another gateway took is no longer looked at", async () => {
  upstream.script("long", ["in_progress"]);
  const job = await insertAccepted("long");
  poller.follow(job);
  await until(() => upstream.count("status") === 2);
  await until(() => poller.tick() > 500);
  store.ownership.list = () => Promise.resolve([]);
  passTime(1);
  await takeOver.reconcile();
  expect(poller.tick()).toBe(Infinity);
});

test("the deadline ends jobs also while the upstream may not be asked", async () => {
  upstream.setFault("html-502", ["status"]);
  const jobs: Job[] = [];
  for (let count = 0; count < 30; count++) jobs.push(await insertAccepted("long"));
  for (const job of jobs) poller.follow(job);
  await until(() => wallMs - (jobs[0]?.createdAt.getTime() ?? 0) > (DEADLINE_SECONDS + 5) * 1_000);
  await until(async () => (await store.jobs.count({ statuses: ["FAILED"] })) === 30);
  expect((await store.jobs.read(jobs[29]?.id ?? ""))?.error?.code).toBe("EXPIRED");
});

test("a look that finds nothing new reads the row once", async () => {
  upstream.script("long", ["in_progress"]);
  const job = await insertAccepted("long");
  await record(job.id, { kind: "running" });
  let reads = 0;
  const { read } = store.jobs;
  store.jobs.read = (jobId) => {
    reads += 1;
    return read(jobId);
  };
  poller.follow(job);
  await until(() => upstream.count("status") === 3);
  await until(() => poller.tick() > 0 && poller.tick() !== Infinity);
  expect(reads).toBe(3);
});

test("news on a row that changed since it was read is held against the row as it is", async () => {
  const job = await insertAccepted("warm-glow");
  const cancelled = await record(job.id, { kind: "cancelled", finishedAt: null });
  expect(await record(job.id, { kind: "running" }, job)).toEqual(cancelled);
});

test("a wall clock that is set back stops no looks", async () => {
  upstream.script("long", ["in_progress"]);
  poller.follow(await insertAccepted("long"));
  await until(() => upstream.count("status") === 2);
  wallMs -= 3_600_000;
  await until(() => upstream.count("status") === 4);
});

test("however many ask for a look now, looks in flight are bounded and shared", async () => {
  upstream.script("long", ["in_queue"]);
  const jobs: Job[] = [];
  for (let count = 0; count < 50; count++) jobs.push(await insertAccepted("long"));
  const release = upstream.hold("status");
  let ended = 0;
  const all = jobs.flatMap(({ id }) =>
    Array.from({ length: 20 }, async () => {
      await poller.lookNow(id);
      ended += 1;
    }),
  );
  await until(() => upstream.count("status") === 32);
  expect(poller.tick()).toBe(Infinity);
  release();
  await until(() => ended === 1_000);
  await Promise.all(all);
  expect(upstream.count("status")).toBe(50);
});

test("a look out of turn is one more look, and the schedule goes on from there", async () => {
  upstream.script("long", ["in_queue"]);
  const job = await insertAccepted("long");
  poller.follow(job);
  const release = upstream.hold("status");
  await until(() => upstream.count("status") === 1);
  const look = poller.lookNow(job.id);
  release();
  await until(() => upstream.count("status") === 2);
  await until(() => poller.tick() > 0 && poller.tick() !== Infinity);
  await look;
  const startedAt = monotonicMs;
  await until(() => upstream.count("status") === 5);
  expect(monotonicMs - startedAt).toBeGreaterThanOrEqual(2 * LOOK_DELAY_MS);
});

test("a job that is asked for while it is overdue keeps its place", async () => {
  upstream.script("long", ["in_queue"]);
  const jobs: Job[] = [];
  for (let count = 0; count < 40; count++) jobs.push(await insertAccepted("long"));
  const release = upstream.hold("status");
  for (const job of jobs) poller.resume(job);
  await until(() => upstream.count("status") === 32);
  passTime(10);
  const job = jobs.find(({ requestId }) => upstream.count("status", requestId ?? "") === 0);
  void poller.lookNow(job?.id ?? "");
  release();
  // No time passes, so that nothing comes due again.
  await until(() => upstream.count("status") >= 40, { eachTurnMs: 0 });
  expect(upstream.count("status", job?.requestId ?? "")).toBe(1);
});

test("whoever waits for a look at a job that went to another gateway still gets it", async () => {
  const job = await insertAccepted("warm-glow");
  const look = poller.lookNow(job.id);
  passTime(1);
  store.ownership.list = () => Promise.resolve([]);
  await takeOver.reconcile();
  let hasEnded = false;
  void look.then(() => (hasEnded = true));
  await until(() => hasEnded);
  expect(upstream.count("status")).toBe(1);
  expect(poller.tick()).toBe(Infinity);
});

test("whoever waits for a look is answered when the gateway stops", async () => {
  const job = await insertAccepted("warm-glow");
  upstream.hold("status");
  const look = poller.lookNow(job.id);
  await until(() => upstream.count("status") === 1);
  await poller.close();
  await look;
  await poller.lookNow(job.id);
  expect(await hasStatus(job.id, "IN_QUEUE")).toBe(true);
});

test("a database that fails ends no job, however far past its deadline", async () => {
  const job = await insertAccepted("warm-glow");
  const { id } = job;
  const { read } = store.jobs;
  let reads = 0;
  store.jobs.read = () => {
    reads += 1;
    return Promise.reject(new Error("the database is away"));
  };
  poller.resume(job);
  await until(() => reads === 5);
  passTime(2 * DEADLINE_SECONDS * 1_000);
  await until(() => reads === 10);
  store.jobs.read = read;
  expect(await hasStatus(id, "IN_QUEUE")).toBe(true);
  upstream.finish((await read(id))?.requestId ?? "", { output: {} });
  await until(() => hasStatus(id, "SUCCEEDED"));
});

test("a database that fails is told once, and once that it answers again, however many jobs wait", async () => {
  const jobs = [await insertAccepted("a"), await insertAccepted("b"), await insertAccepted("c")];
  const { read, save } = store.jobs;
  let reads = 0;
  store.jobs.read = () => {
    reads += 1;
    return Promise.reject(new DatabaseAwayError({}));
  };
  for (const job of jobs) poller.resume(job);
  await until(() => reads === 15);
  store.jobs.read = read;
  await until(() => readMessages().length > 1);
  const away = expect.stringMatching(/^Jobs can't be looked at, because the database fails.*Check/);
  const again = expect.stringMatching(/^Jobs are looked at again/);
  expect(readMessages()).toEqual([away, again]);
  // What is read and can't be written is a failure too, and that others have nothing to write ends it for nobody.
  let saves = 0;
  store.jobs.save = (...change) => {
    saves += 1;
    return change[0].deploymentId === "a"
      ? Promise.reject(new DatabaseBusyError({}))
      : save(...change);
  };
  const [first] = jobs;
  upstream.finish((await read(first?.id ?? ""))?.requestId ?? "", { output: {} });
  await until(() => saves === 10);
  expect(readMessages()).toEqual([away, again, away]);
  store.jobs.save = save;
  await until(() => hasStatus(first?.id ?? "", "SUCCEEDED"));
  expect(readMessages()).toEqual([away, again, away, again]);
});

test("a database that fails at a job is told again at another one, once nobody follows the first", async () => {
  const [first, second] = [await insertAccepted("a"), await insertAccepted("b")];
  store.jobs.read = () => Promise.reject(new DatabaseAwayError({}));
  for (const job of [first, second]) poller.resume(job);
  await until(() => readMessages().length === 1);
  poller.drop([first.id]);
  await until(() => readMessages().length === 2);
  const toldOf = logged.map((line) => /"jobId":"(\w+)"/.exec(line)?.[1]);
  expect(toldOf).toEqual([first.id, second.id]);
});

test("a value that the database can't hold is told of each job", async () => {
  const jobs = [await insertAccepted("a"), await insertAccepted("b")];
  const error = Object.assign(new pg.DatabaseError("no", 1, "error"), { code: "22P05" });
  store.jobs.read = () => Promise.reject(error);
  for (const job of jobs) poller.resume(job);
  await until(() => new Set(logged.map((line) => /"jobId":"(\w+)"/.exec(line)?.[1])).size === 2);
  for (const message of readMessages())
    expect(message).toMatch(/^A look failed inside the gateway.*Please report/);
});

function readMessages(): unknown[] {
  return logged.map((line) => new Map(Object.entries(JSON.parse(line))).get("msg"));
}
