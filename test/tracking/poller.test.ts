import { setTimeout as delay } from "node:timers/promises";

import pg from "pg";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { createChannels } from "../../src/engine/diagnostics/channels.ts";
import type { Job } from "../../src/engine/job/job.ts";
import type { RunComfy } from "../../src/engine/runcomfy/create-runcomfy.ts";
import { createRunComfy } from "../../src/engine/runcomfy/create-runcomfy.ts";
import type { UpstreamHealth } from "../../src/engine/runcomfy/upstream-health.ts";
import { createHealth } from "../support/create-health.ts";
import {
  DatabaseUnreachableError,
  DatabaseBusyError,
} from "../../src/engine/store/database-error.ts";
import type { JobStore } from "../../src/engine/store/job-store.ts";
import { Poller } from "../../src/engine/tracking/poller.ts";
import type { RecordObservation } from "../../src/engine/tracking/record-observation.ts";
import type { FaultName } from "../support/faulty-upstream/faults.ts";
import type { FaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import { insertJob } from "../store/store-jobs.ts";
import { openUpstreamAndStore, recordOf } from "./connect-submitter.ts";

const logged: string[] = [];
const log = pino({ level: "info" }, { write: (line: string) => void logged.push(line) });
const POLL_DELAY_MS = 1_000;
const DEADLINE_SECONDS = 60;
/** Of the room that polls have. */
const POLLS_AT_ONCE = 64;

let upstream: FaultyUpstream;
let store: JobStore;
let health: UpstreamHealth;
let record: RecordObservation;
let poller: Poller;
let statements = 0;
/** Polls jobs that go on. */
let ended = 0;
/** The delay that a poll gets. */
let pollDelayMs = POLL_DELAY_MS;
/** The gateway's two clocks, which only the test moves. */
let wallMs = 0;
let monotonicMs = 0;

beforeEach(async () => {
  wallMs = Date.UTC(2026, 0, 1);
  monotonicMs = 1_000;
  pollDelayMs = POLL_DELAY_MS;
  ended = 0;
  logged.length = 0;
  const channels = createChannels();
  channels.sql.subscribe(() => void (statements += 1));
  const monotonic = () => monotonicMs;
  ({ upstream, store } = await openUpstreamAndStore({ log, monotonic, channels }));
  health = openHealth();
  record = recordOf(store, () => wallMs);
  poller = open();
});

afterEach(() => poller.close());

function openHealth(): UpstreamHealth {
  return createHealth({ now: () => monotonicMs, random: () => 0, log });
}

function connect(): RunComfy {
  const { url: baseUrl, token } = upstream;
  const runcomfy = createRunComfy({ baseUrl, token, submitTimeoutMs: 1_000, health, log });
  // In real time, in which others may be slow on a busy machine.
  const toTimeoutMs = (deploymentId: string) => (deploymentId.includes("drip") ? 300 : 8_000);
  return {
    ...runcomfy,
    readStatus: (request, { signal }) =>
      runcomfy.readStatus(request, { signal, timeoutMs: toTimeoutMs(request.deploymentId) }),
    readResult: (request, { signal }) =>
      runcomfy.readResult(request, { signal, timeoutMs: toTimeoutMs(request.deploymentId) }),
  };
}

function open(): Poller {
  return new Poller({
    store,
    runcomfy: connect(),
    health,
    record: (...change) => record(...change),
    async schedule() {
      ended += 1;
      return pollDelayMs;
    },
    onEnd: async () => undefined,
    pollsAtOnce: POLLS_AT_ONCE,
    deadlineSeconds: DEADLINE_SECONDS,
    now: () => wallMs,
    monotonic: () => monotonicMs,
    random: () => 0,
    channels: createChannels(),
    log,
  });
}

function passTime(durationMs: number): void {
  wallMs += durationMs;
  monotonicMs += durationMs;
}

/** A job that the upstream has accepted. */
async function accept(deploymentId: string): Promise<Job & { readonly requestId: string }> {
  const job = await insertJob(store, { deploymentId, createdAt: new Date(wallMs) });
  const requestId = upstream.accept(deploymentId);
  const accepted = await record(job.id, { kind: "accepted", requestId });
  return { ...(accepted ?? expect.fail("it is gone")), requestId };
}

async function acceptMany(
  deploymentId: string,
  count: number,
): Promise<readonly (Job & { readonly requestId: string })[]> {
  return await Promise.all(Array.from({ length: count }, () => accept(deploymentId)));
}

/** Ticks, and lets the gateway's time pass ten times as fast as the machine's, until it holds. */
async function until(
  holds: () => boolean | Promise<boolean>,
  { eachTurnMs = 10, mostTurns = 20_000 } = {},
): Promise<void> {
  for (let turns = 0; turns < mostTurns; turns++) {
    if (await holds()) return;
    await poller.tick();
    await delay(1);
    passTime(eachTurnMs);
  }
  throw new Error(`it did not come to hold within ${mostTurns} turns`);
}

/** Several times, each time at all at once, so that the room for them grows. */
async function pollAll(jobs: number): Promise<void> {
  for (let round = 0; round < 4; round++) {
    const before = ended;
    passTime(5_000);
    await until(() => ended >= before + jobs, { eachTurnMs: 1 });
  }
}

async function hasStatus(jobId: string, status: string): Promise<boolean> {
  return (await store.jobs.read(jobId))?.status === status;
}

function readMessages(): unknown[] {
  return logged.map((line) => new Map(Object.entries(JSON.parse(line))).get("msg"));
}

test("a job is polled from half a second after its acceptance until it has ended", async () => {
  const { id } = await accept("warm-glow");
  await poller.tick();
  expect(upstream.count("status")).toBe(0);
  await until(() => hasStatus(id, "SUCCEEDED"));
  const polls = upstream.count("status");
  for (let seconds = 0; seconds < 20; seconds++) {
    passTime(1_000);
    expect(await poller.tick()).toBeLessThanOrEqual(1_000);
  }
  expect(upstream.count("status")).toBe(polls);
});

test.each([
  ["completed-but-failed", "FAILED"],
  ["completed-with-output", "SUCCEEDED"],
  ["completed-cancelled", "CANCELLED"],
  ["error-object", "FAILED"],
  ["not-found-at-first", "SUCCEEDED"],
  ["output-hostile-keys", "SUCCEEDED"],
])("a job of fault %s ends %s", async (fault, status) => {
  const { id } = await accept(`fault-${fault}`);
  await until(() => hasStatus(id, status));
  expect(JSON.stringify(await store.jobs.read(id))).not.toContain("gpu-worker-7");
});

test.each<FaultName | null>(["unauthorized", "html-502", "deep-body", null])(
  "a poll that fails (%s), or finds an unknown word, leaves the job as it was, writes nothing, wakes nobody, and the next good one goes on",
  async (fault) => {
    upstream.script("job", ["in_progress", ...Array.from({ length: 9 }, () => "defragmenting")]);
    const { id, requestId } = await accept("job");
    await until(() => hasStatus(id, "IN_PROGRESS"));
    const wake = vi.fn<() => void>();
    store.feed.subscribeToJob(id, wake);
    upstream.setFault(fault, ["status"]);
    const polls = upstream.count("status");
    await until(() => upstream.count("status") >= polls + 3);
    expect(await store.jobs.read(id)).toMatchObject({ status: "IN_PROGRESS", version: 3 });
    expect(wake).not.toHaveBeenCalled();
    upstream.setFault(null);
    upstream.finish(requestId, { output: {} });
    await until(() => hasStatus(id, "SUCCEEDED"));
  },
);

test.each<FaultName>(["deep-result", "deep-body", "huge-body"])(
  "a result that is refused (%s) is not fetched again with each poll",
  async (fault) => {
    upstream.script("job", ["succeeded"]);
    upstream.setFault(fault, ["result"]);
    const { id, requestId } = await accept("job");
    await until(() => ended === 1);
    for (let turns = 0; turns < 5; turns++) {
      passTime(10_000);
      await poller.tick();
      await delay(5);
    }
    expect([upstream.count("status"), upstream.count("result")]).toEqual([1, 1]);
    upstream.setFault(null);
    upstream.finish(requestId, { output: {} });
    passTime(10_000);
    await until(() => hasStatus(id, "SUCCEEDED"));
  },
);

test("a job that the upstream does not know is lost once it is no longer young", async () => {
  const { id } = await accept("fault-lost");
  await until(() => upstream.count("status") >= 2);
  expect(await hasStatus(id, "IN_QUEUE")).toBe(true);
  passTime(31_000);
  await until(() => hasStatus(id, "FAILED"));
  expect((await store.jobs.read(id))?.error?.code).toBe("LOST");
});

test("the polls of one deployment's jobs grow to nearly as many as there may be at all, and no further", async () => {
  upstream.script("long", ["in_progress"]);
  await acceptMany("long", 70);
  const release = upstream.hold("status");
  await until(() => upstream.count("status") === 16);
  await poller.tick();
  expect(upstream.count("status")).toBe(16);
  release();
  await until(() => ended === 70);
  await pollAll(70);
  const releaseAgain = upstream.hold("status");
  const before = upstream.count("status");
  const arrived = () => upstream.count("status") - before;
  passTime(5_000);
  await until(() => arrived() >= (POLLS_AT_ONCE * 7) / 8, { eachTurnMs: 0 });
  await poller.tick();
  await delay(20);
  expect(arrived()).toBeLessThanOrEqual(POLLS_AT_ONCE);
  releaseAgain();
});

test("polls that meet no end of a body are no outage of RunComfy, hold up nobody else's, and soon are few", async () => {
  upstream.script("good", ["in_progress"]);
  const deploymentId = "fault-dripping-body--status";
  await acceptMany(deploymentId, 40);
  const good = await acceptMany("good", 3);
  for (const { id } of good) await until(() => hasStatus(id, "IN_PROGRESS"));
  await until(() => health.isOutage(deploymentId));
  expect(health.isOutage()).toBe(false);
  for (const { requestId } of good) upstream.finish(requestId, { output: {} });
  for (const { id } of good) await until(() => hasStatus(id, "SUCCEEDED"));
  const failing = logged.filter((line) => line.includes("A deployment keeps failing"));
  expect(failing).toHaveLength(1);
  expect(failing[0]).toContain(deploymentId);
});

test("a result that does not come in time is a failed poll, and a later one ends the job", async () => {
  upstream.setFault("dripping-body", ["result"]);
  const { id } = await accept("drips");
  await until(() => upstream.count("result") >= 2);
  expect(await hasStatus(id, "IN_PROGRESS")).toBe(true);
  upstream.setFault(null);
  await until(() => hasStatus(id, "SUCCEEDED"));
});

test("a gateway in an outage polls no job, leaves all to a gateway that is in none, and polls again when it is over", async () => {
  const runcomfy = connect();
  const jobs = await acceptMany("warm-glow", 20);
  upstream.setFault("html-502");
  await until(() => health.isOutage("warm-glow"));
  await until(() => upstream.count("status") >= 16);
  await delay(20);
  const polls = upstream.count("status");
  for (let seconds = 0; seconds < 60; seconds++) {
    passTime(500);
    await poller.tick();
  }
  expect(upstream.count("status")).toBe(polls);
  upstream.setFault(null);
  const cutOff = poller;
  health = openHealth();
  poller = open();
  for (const { id } of jobs) await until(() => hasStatus(id, "SUCCEEDED"));
  await poller.close();
  poller = cutOff;
  const { id } = await accept("warm-glow");
  await runcomfy.probe("warm-glow", AbortSignal.timeout(5_000));
  await until(() => hasStatus(id, "SUCCEEDED"));
});

test("when a run has ended, the next in its queue is polled at once, and others are not", async () => {
  upstream.script("line", ["in_progress"]);
  const running = await accept("line");
  await until(() => ended === 1);
  upstream.script("line", ["in_queue"]);
  passTime(1);
  const next = await accept("line");
  passTime(1);
  const later = await accept("line");
  await until(() => ended >= 6);
  upstream.finish(running.requestId, { output: {} });
  const pollsAt = ({ requestId }: { readonly requestId: string }) =>
    upstream.count("status", requestId);
  await until(() => hasStatus(running.id, "SUCCEEDED"));
  const [before, laterBefore] = [pollsAt(next), pollsAt(later)];
  await until(() => pollsAt(next) > before, { eachTurnMs: 0, mostTurns: 200 });
  expect(pollsAt(later)).toBe(laterBefore);
});

test("of a queue that has moved up only a few are polled, and all are reported", async () => {
  pollDelayMs = 5_000;
  upstream.startInOrder("line", 0);
  const ids: string[] = [];
  const queueUp = async (count: number) => {
    for (const last = ids.length + count; ids.length < last; passTime(1))
      ids.push((await accept("line")).id);
    passTime(1_000);
    await until(() => ended === ids.length, { eachTurnMs: 0 });
    // A turn later the last has ended, and is put back.
    await delay(1);
    await poller.tick();
  };
  // The front is due a second before the others.
  await queueUp(6);
  await queueUp(50);
  const readPlaces = async () => (await store.jobs.readMany(ids)).map((job) => job?.queuePosition);
  expect(await readPlaces()).toEqual(ids.map((_, place) => place));
  const asked = upstream.count("status");
  upstream.startInOrder("line", 5);
  passTime(4_000);
  // Time stands still until those in front have answered: RunComfy answers in real time.
  await until(() => ended === ids.length + 6, { eachTurnMs: 0 });
  passTime(1_000);
  const moved = ids.map((_, place) => (place < 5 ? null : place - 5));
  await until(async () => String(await readPlaces()) === String(moved), { eachTurnMs: 0 });
  expect(upstream.count("status") - asked).toBeLessThan(12);
});

test("of a job in a queue that may have ended RunComfy is asked, whatever others have shown", async () => {
  pollDelayMs = 5_000;
  upstream.startInOrder("line", 0);
  const jobs = await acceptMany("line", 20);
  passTime(1_000);
  await until(() => ended === jobs.length, { eachTurnMs: 0 });
  const { id, requestId } = jobs.at(-1) ?? expect.fail("no job");
  const countAsked = () => upstream.count("status", requestId);
  expect(countAsked()).toBe(1);
  upstream.startInOrder("line", 5);
  // Those in front show how far the queue has moved.
  passTime(1_000);
  expect(await store.polls.makeDue(jobs.slice(0, 3).map((job) => job.id))).toHaveLength(3);
  await until(() => upstream.count("status") > jobs.length, { eachTurnMs: 1 });
  expect(await store.polls.makeDue([id])).toHaveLength(1);
  await until(() => ended >= jobs.length + 4, { eachTurnMs: 1 });
  expect(countAsked()).toBe(2);
});

test("a job whose poll was under way when an upstream webhook came is polled again as soon as that has ended", async () => {
  pollDelayMs = 15_000;
  upstream.script("long", ["in_progress"]);
  upstream.slow("status", 100);
  const { id } = await accept("long");
  passTime(500);
  await poller.tick();
  expect(await store.polls.makeDue([id])).toHaveLength(1);
  await expect.poll(() => ended, { timeout: 10_000 }).toBe(1);
  // A turn later the poll has ended, too.
  await delay(1);
  passTime(100);
  await poller.tick();
  await expect.poll(() => ended, { timeout: 10_000 }).toBe(2);
  await delay(1);
  await poller.tick();
  expect(upstream.count("status")).toBe(2);
});

test("at 100 polls a second one poll takes at most 1.2 statements", async () => {
  upstream.script("long", ["in_progress"]);
  await acceptMany("long", 100);
  await until(() => upstream.count("status") >= 150, { eachTurnMs: 50 });
  const [pollsBefore, statementsBefore] = [upstream.count("status"), statements];
  await until(() => upstream.count("status") >= pollsBefore + 200, { eachTurnMs: 50 });
  const polls = upstream.count("status") - pollsBefore;
  expect((statements - statementsBefore) / polls).toBeLessThanOrEqual(1.2);
});

test("a wall clock that is set back stops no polls", async () => {
  upstream.script("long", ["in_progress"]);
  await accept("long");
  await until(() => upstream.count("status") === 2);
  wallMs -= 3_600_000;
  await until(() => upstream.count("status") === 4);
});

test("news on a row that changed since it was read is held against the row as it is", async () => {
  const job = await accept("warm-glow");
  const cancelled = await record(job.id, { kind: "cancelled", finishedAt: null });
  expect(await record(job.id, { kind: "running" }, job)).toEqual(cancelled);
});

test.each([
  { hasEnded: true, status: "SUCCEEDED", code: undefined },
  { hasEnded: false, status: "FAILED", code: "EXPIRED" },
])("a job that is polled after its deadline ends as that poll says: $status", async (given) => {
  upstream.script("long", ["in_progress"]);
  const { id, requestId } = await accept("long");
  await until(() => ended === 2);
  passTime(DEADLINE_SECONDS * 1_000);
  if (given.hasEnded) upstream.finish(requestId, { output: {} });
  await until(() => hasStatus(id, given.status));
  expect((await store.jobs.read(id))?.error?.code).toBe(given.code);
});

test("a table of polls that can't be claimed ends no job and is logged once, and once when it can be again", async () => {
  const { id } = await accept("warm-glow");
  const { claimDue } = store.polls;
  store.polls.claimDue = () => Promise.reject(new DatabaseUnreachableError({}));
  for (let seconds = 0; seconds < 5; seconds++) {
    passTime(1_000);
    await poller.tick();
  }
  store.polls.claimDue = claimDue;
  await until(() => hasStatus(id, "SUCCEEDED"));
  expect(readMessages()).toEqual([
    expect.stringMatching(/^Jobs can't be polled, because the database fails.*Check/),
    expect.stringMatching(/^Jobs are polled again/),
  ]);
});

test("what is seen and can't be stored ends no job, and that others have nothing to write ends the failure for nobody", async () => {
  upstream.script("a", ["in_progress"]);
  upstream.script("b", ["in_progress"]);
  const [busy] = [await accept("a"), await accept("b")];
  await until(() => upstream.count("status") >= 4);
  const { save } = store.jobs;
  let saves = 0;
  store.jobs.save = () => {
    saves += 1;
    return Promise.reject(new DatabaseBusyError({}));
  };
  upstream.finish(busy.requestId, { output: {} });
  await until(() => saves >= 5);
  passTime(2 * DEADLINE_SECONDS * 1_000);
  await until(() => saves >= 10);
  store.jobs.save = save;
  expect(readMessages()).toHaveLength(1);
  await until(() => hasStatus(busy.id, "SUCCEEDED"));
  expect(readMessages().at(-1)).toMatch(/^Jobs are polled again/);
});

test("a value that the database can't hold is logged for each job", async () => {
  await acceptMany("a", 2);
  const error = Object.assign(new pg.DatabaseError("no", 1, "error"), { code: "22P05" });
  store.jobs.save = () => Promise.reject(error);
  await until(() => new Set(logged.map((line) => /"jobId":"(\w+)"/.exec(line)?.[1])).size === 2);
  for (const message of readMessages())
    expect(message).toMatch(/^A poll failed inside the gateway.*Please report/);
});
