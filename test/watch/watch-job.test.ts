import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { advance } from "../../src/engine/job/advance.ts";
import type { Job } from "../../src/engine/job/job.ts";
import { JobNotFoundError } from "../../src/engine/job/errors.ts";
import { createJobReader } from "../../src/engine/watch/shared-readers.ts";
import type { Estimate } from "../../src/engine/job/estimate.ts";
import { createEndWaits, createJobWatch } from "../../src/engine/watch/watch-job.ts";
import { CANCELLED, makeJob, RUNNING } from "../store/store-jobs.ts";

const SUBMITTED = makeJob();
const ESTIMATE = { startsAt: null, progress: 0.5, isColdStart: false, basedOn: 10 };

/** One job, its listeners, and how often it was read. */
function createFixture() {
  const listeners = new Set<() => void>();
  let job: Job | null = SUBMITTED;
  let reads = 0;
  let beforeRead = (): Promise<void> | void => undefined;
  const wake = () => [...listeners].forEach((listener) => listener());
  const readJob = async () => {
    reads += 1;
    const read = job;
    await beforeRead();
    return read;
  };
  return {
    listeners,
    wake,
    readJob,
    estimate: async (_job: Job): Promise<Estimate | null> => null,
    reads: () => reads,
    holdReads: (hold: () => Promise<void> | void) => (beforeRead = hold),
    feed: {
      subscribeToJob(_jobId: string, listener: () => void) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    set(next: Job | null) {
      job = next;
      wake();
    },
    change(observation: Parameters<typeof advance>[1]) {
      if (job === null) throw new Error("there is no job");
      job = advance(job, observation, new Date(1), "sandbox");
      wake();
    },
  };
}

function watch(fixture: ReturnType<typeof createFixture>) {
  return createJobWatch(fixture)(SUBMITTED.id);
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test("a slow reader skips states, never the last one, and nothing piles up for it", async () => {
  const fixture = createFixture();
  const jobs = watch(fixture);
  await jobs.next();
  await settle();
  for (let position = 3_000; position >= 0; position--) {
    if (position === 3_000) fixture.change({ kind: "accepted", requestId: "request-1" });
    fixture.change({ kind: "queued", queuePosition: position });
  }
  await settle();
  expect(fixture.reads()).toBe(1);
  const { value } = await jobs.next();
  expect(value).toMatchObject({ status: "IN_QUEUE", queuePosition: 0 });
  fixture.change(CANCELLED);
  expect((await jobs.next()).value).toMatchObject({ status: "CANCELLED" });
  expect((await jobs.next()).done).toBe(true);
});

test("a wake-up without news, or with an older row, delivers nothing", async () => {
  const fixture = createFixture();
  const jobs = watch(fixture);
  fixture.change(RUNNING);
  await jobs.next();
  let isTold = false;
  const next = jobs.next().then((result) => {
    isTold = true;
    return result;
  });
  await settle();
  fixture.wake();
  await settle();
  fixture.set(SUBMITTED);
  await settle();
  expect(fixture.reads()).toBeGreaterThan(2);
  expect(isTold).toBe(false);
  await jobs.return();
  expect((await next).done).toBe(true);
});

test("a job that does not exist is an error, and so is one that exists no longer", async () => {
  const fixture = createFixture();
  const jobs = watch(fixture);
  await jobs.next();
  const next = jobs.next();
  await settle();
  fixture.set(null);
  await expect(next).rejects.toThrow(JobNotFoundError);
  await expect(watch(fixture).next()).rejects.toThrow(SUBMITTED.id);
  expect(fixture.listeners.size).toBe(0);
});

test("a reader who leaves between two states, while waiting or while one is read frees everything at once", async () => {
  const fixture = createFixture();
  const read = Promise.withResolvers<void>();
  for (const moment of ["idle", "waiting", "reading"]) {
    if (moment === "reading") fixture.holdReads(() => read.promise);
    const jobs = watch(fixture);
    // A stream that nobody reads listens to nothing.
    expect(fixture.listeners.size).toBe(0);
    if (moment !== "reading") await jobs.next();
    const waiting = moment === "idle" ? null : jobs.next();
    await settle();
    expect(fixture.listeners.size).toBe(1);
    jobs.end();
    expect(fixture.listeners.size).toBe(0);
    if (waiting !== null) expect((await waiting).done).toBe(true);
  }
  read.resolve();
});

test("a database that is away does not end a stream that has begun, but one that begins", async () => {
  const fixture = createFixture();
  const jobs = watch(fixture);
  await jobs.next();
  const last = jobs.next();
  await settle();
  fixture.holdReads(() => Promise.reject(new Error("the database is away")));
  fixture.change(CANCELLED);
  await settle();
  await expect(watch(fixture).next()).rejects.toThrow("away");
  fixture.holdReads(() => undefined);
  fixture.wake();
  expect((await last).value).toMatchObject({ status: "CANCELLED" });
});

test("a database that is away is logged once until it is back", async () => {
  const warnings: unknown[] = [];
  let isUnreachable = true;
  const store = {
    readMany: (ids: readonly string[]) =>
      isUnreachable ? Promise.reject(new Error("away")) : Promise.resolve(ids.map(() => null)),
  };
  const readJob = createJobReader(store, { warn: (warning: unknown) => warnings.push(warning) });
  for (const state of [true, true, false, true]) {
    isUnreachable = state;
    await readJob("job_1").catch(() => null);
  }
  expect(warnings).toHaveLength(2);
});

test("500 watchers that wake at once cost one statement, which reads their job once, and get one object", async () => {
  const fixture = createFixture();
  const batches: number[] = [];
  const store = {
    readMany: async (ids: readonly string[]) => {
      batches.push(ids.length);
      return await Promise.all(ids.map(fixture.readJob));
    },
  };
  const readJob = createJobReader(store, pino({ level: "silent" }));
  const watchers = Array.from({ length: 500 }, () =>
    createJobWatch({ ...fixture, readJob })(SUBMITTED.id),
  );
  await Promise.all(watchers.map((jobs) => jobs.next()));
  expect(batches).toEqual([1]);
  const next = watchers.map((jobs) => jobs.next());
  await settle();
  fixture.change(CANCELLED);
  const states = await Promise.all(next);
  expect(states[0]?.value).toMatchObject({ status: "CANCELLED" });
  expect(new Set(states.map(({ value }) => value)).size).toBe(1);
  expect(batches).toEqual([1, 1]);
  await Promise.all(watchers.map((jobs) => jobs.return()));
  expect(fixture.listeners.size).toBe(0);
});

test("many are served over several turns of the event loop, and what is newer by then goes to those who still wait", async () => {
  const fixture = createFixture();
  const watchJob = createJobWatch(fixture);
  const watchers = Array.from({ length: 500 }, () => watchJob(SUBMITTED.id));
  await Promise.all(watchers.map((jobs) => jobs.next()));
  const seen = watchers.map((): number[] => []);
  const watching = watchers.map(async (jobs, index) => {
    for await (const { version } of jobs) seen[index]?.push(version);
  });
  await settle();
  fixture.change({ kind: "accepted", requestId: "request-1" });
  await settle();
  expect(seen.filter(({ length }) => length > 0)).toHaveLength(100);
  fixture.change(CANCELLED);
  await Promise.all(watching);
  expect(seen.filter((versions) => versions.join() === "2,3")).toHaveLength(100);
  expect(seen.filter((versions) => versions.join() === "3")).toHaveLength(400);
  expect(fixture.listeners.size).toBe(0);
});

test("who comes while a read is under way is served by one that began later", async () => {
  const fixture = createFixture();
  const watchJob = createJobWatch(fixture);
  const first = Promise.withResolvers<void>();
  fixture.holdReads(() => first.promise);
  const early = watchJob(SUBMITTED.id).next();
  await settle();
  fixture.change({ kind: "accepted", requestId: "request-1" });
  const late = watchJob(SUBMITTED.id).next();
  first.resolve();
  expect((await early).value).toMatchObject({ version: 1 });
  expect((await late).value).toMatchObject({ version: 2 });
  expect(fixture.reads()).toBe(2);
});

describe("a watcher who wants estimates", () => {
  const NOW = 1_000_000;
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "Date"], now: NOW });
  });
  afterEach(() => void vi.useRealTimers());

  function watchEstimates() {
    const fixture = createFixture();
    let finishesAt: number | null = NOW + 10_000;
    let reckonings = 0;
    const watchJob = createJobWatch({
      ...fixture,
      async estimate() {
        reckonings += 1;
        return finishesAt === null
          ? null
          : { ...ESTIMATE, finishesAt, finishesBy: finishesAt + 1_000 };
      },
    });
    return {
      fixture,
      watchJob,
      reckonings: () => reckonings,
      move: (at: number | null) => (finishesAt = at),
      async pass(seconds: number) {
        for (let second = 0; second < seconds; second++) {
          vi.advanceTimersByTime(1_000);
          vi.setSystemTime(NOW);
          for (let turns = 0; turns < 5; turns++) await settle();
        }
      },
    };
  }

  test("gets the same version again when its estimate has moved by more than a tenth, and not before", async () => {
    const { watchJob, move, pass } = watchEstimates();
    const jobs = watchJob(SUBMITTED.id, undefined, { isEstimateWanted: true });
    await jobs.next();
    let reported = 0;
    const next = jobs.next();
    void next.then(() => (reported += 1));
    await pass(3);
    move(NOW + 10_900);
    await pass(2);
    expect(reported).toBe(0);
    move(NOW + 12_000);
    await pass(1);
    expect((await next).value?.version).toBe(SUBMITTED.version);
    await jobs.return();
  });

  test("gets an estimate that is available now, and the end once", async () => {
    const { fixture, watchJob, move, pass, reckonings } = watchEstimates();
    move(null);
    const jobs = watchJob(SUBMITTED.id, undefined, { isEstimateWanted: true });
    await jobs.next();
    await pass(2);
    move(NOW + 5_000);
    const next = jobs.next();
    await pass(1);
    expect((await next).done).toBe(false);
    fixture.change({ kind: "unanswered" });
    expect((await jobs.next()).value?.status).toBe("FAILED");
    expect((await jobs.next()).done).toBe(true);
    const before = reckonings();
    await pass(3);
    expect(reckonings()).toBe(before);
    expect(fixture.listeners.size).toBe(0);
  });

  test("shares estimates with all who want them, and those who don't get nothing", async () => {
    const { watchJob, move, pass } = watchEstimates();
    const wanting = Array.from({ length: 50 }, () =>
      watchJob(SUBMITTED.id, undefined, { isEstimateWanted: true }),
    );
    const plain = watchJob(SUBMITTED.id);
    await Promise.all([...wanting, plain].map((jobs) => jobs.next()));
    let isPlainTold = false;
    void plain.next().then(() => (isPlainTold = true));
    const next = Promise.all(wanting.map((jobs) => jobs.next()));
    await pass(1);
    move(NOW + 20_000);
    await pass(1);
    expect(new Set((await next).map(({ value }) => value)).size).toBe(1);
    expect(isPlainTold).toBe(false);
    await Promise.all([...wanting, plain].map((jobs) => jobs.return()));
  });
});

describe("a wait for the end", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
  afterEach(() => void vi.useRealTimers());

  const TIMEOUT_MS = 20_000;

  /** A wait that has read the job, what ends it from outside, and what it must leave behind. */
  async function begin() {
    const fixture = createFixture();
    const { waitForEnd, stop } = createEndWaits(createJobWatch(fixture));
    let leave = (): void => undefined;
    const onLeft = (act: () => void): void => void (leave = act);
    const end = waitForEnd(SUBMITTED, { timeoutMs: TIMEOUT_MS, onLeft });
    await settle();
    expect([fixture.listeners.size, vi.getTimerCount()]).toEqual([1, 1]);
    return { fixture, end, stop, leave: () => leave() };
  }

  type Wait = Awaited<ReturnType<typeof begin>>;

  test.each<[string, string, (wait: Wait) => void]>([
    ["its end", "CANCELLED", ({ fixture }) => fixture.change(CANCELLED)],
    ["the time", "IN_PROGRESS", () => void vi.advanceTimersByTime(TIMEOUT_MS)],
    ["the caller", "IN_PROGRESS", ({ leave }) => leave()],
    ["the gateway", "IN_PROGRESS", ({ stop }) => stop()],
    ["its deletion", "IN_PROGRESS", ({ fixture }) => fixture.set(null)],
  ])(
    "that is over by %s returns the job as it is, %s, and frees everything",
    async (_by, status, act) => {
      const wait = await begin();
      const { fixture, end } = wait;
      fixture.change(RUNNING);
      await settle();
      expect(fixture.listeners.size).toBe(1);
      act(wait);
      expect(await end).toMatchObject({ id: SUBMITTED.id, status });
      expect([fixture.listeners.size, vi.getTimerCount()]).toEqual([0, 0]);
    },
  );

  test("is none for a job that has ended, without time, at a gateway that stops, or of who has left", async () => {
    const fixture = createFixture();
    const { waitForEnd, stop } = createEndWaits(createJobWatch(fixture));
    const options = { timeoutMs: TIMEOUT_MS, onLeft: () => undefined };
    const ended: Job = { ...SUBMITTED, status: "CANCELLED" };
    expect(await waitForEnd(ended, options)).toBe(ended);
    expect(await waitForEnd(SUBMITTED, { ...options, timeoutMs: 0 })).toBe(SUBMITTED);
    expect(await waitForEnd(SUBMITTED, { ...options, onLeft: (leave) => leave() })).toBe(SUBMITTED);
    stop();
    expect(await waitForEnd(SUBMITTED, options)).toBe(SUBMITTED);
    expect([fixture.reads(), fixture.listeners.size, vi.getTimerCount()]).toEqual([0, 0, 0]);
  });

  test("for a job that can't be read returns it as it was last seen", async () => {
    const fixture = createFixture();
    fixture.holdReads(() => Promise.reject(new Error("the database is away")));
    const { waitForEnd } = createEndWaits(createJobWatch(fixture));
    const options = { timeoutMs: TIMEOUT_MS, onLeft: () => undefined };
    expect(await waitForEnd(SUBMITTED, options)).toBe(SUBMITTED);
    expect([fixture.listeners.size, vi.getTimerCount()]).toEqual([0, 0]);
  });
});
