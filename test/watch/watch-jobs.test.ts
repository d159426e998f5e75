import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { BadCursorError } from "../../src/engine/job/errors.ts";
import type { Job } from "../../src/engine/job/job.ts";
import type { JobsWatch } from "../../src/engine/watch/watch-jobs.ts";
import { createFixture } from "./feed-fixture.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const settle = async () => {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
};

/** Lets the rest between two polls pass. */
async function rest(): Promise<void> {
  await settle();
  vi.advanceTimersByTime(200);
  await settle();
}

async function take(stream: AsyncIterator<{ readonly job: Job | null }>, count: number) {
  const ids: (string | undefined)[] = [];
  for (let index = 0; index < count; index++) ids.push((await stream.next()).value?.job?.id);
  return ids;
}

test.each([null, "1"])(
  "of a subscription (after %s) the first event is the next change, also before it is asked for, and nothing older",
  async (after) => {
    const fixture = createFixture();
    fixture.change("job_old");
    const jobs = await fixture.watch({ after });
    fixture.change("job_early");
    expect(await take(jobs, 1)).toEqual(["job_early"]);
    await jobs.return();
  },
);

test("a change while the feed is read is not missed", async () => {
  const fixture = createFixture();
  const jobs = await fixture.watch();
  const read = Promise.withResolvers<void>();
  fixture.holdPages(() => read.promise);
  const first = jobs.next();
  await settle();
  expect(fixture.reads).toHaveLength(1);
  fixture.change("job_meanwhile");
  read.resolve();
  await rest();
  expect((await first).value).toMatchObject({ job: { id: "job_meanwhile" } });
  await jobs.return();
});

test("who comes back with any cursor that was sent gets everything after it", async () => {
  const fixture = createFixture();
  const ids = Array.from({ length: 7 }, (_, index) => `job_${index}`);
  const cursors = ids.map((id) => fixture.change(id));
  for (const [index, after] of cursors.slice(0, -1).entries()) {
    const jobs = await fixture.watch({ after });
    expect(await take(jobs, 6 - index)).toEqual(ids.slice(index + 1));
    await jobs.return();
  }
});

test("more than one page is delivered at once, without waiting for another wake-up", async () => {
  const fixture = createFixture();
  const ids = Array.from({ length: 450 }, (_, index) => `job_${index}`);
  for (const id of ids) fixture.change(id);
  const jobs = await fixture.watch({ after: "0" });
  expect(await take(jobs, 450)).toEqual(ids);
  expect(fixture.reads).toHaveLength(3);
  await jobs.return();
});

test("for a slow reader nothing is read ahead, and the changes of a job merge into its newest state", async () => {
  const fixture = createFixture();
  fixture.change("job_first");
  const jobs = await fixture.watch({ after: "0" });
  await jobs.next();
  for (let round = 0; round < 3_000; round++) {
    fixture.change("job_busy");
    vi.advanceTimersByTime(10);
  }
  await settle();
  expect(fixture.reads).toHaveLength(1);
  const { value } = await jobs.next();
  expect(value).toMatchObject({ job: { id: "job_busy", version: 3_001 } });
  let isTold = false;
  void jobs.next().then(() => (isTold = true));
  await rest();
  expect(isTold).toBe(false);
  await jobs.return();
});

test("a cursor that is too old gets one reset, and the feed goes on from there", async () => {
  const fixture = createFixture();
  fixture.change("job_lost");
  fixture.forget();
  const jobs = await fixture.watch({ after: "0" });
  expect((await jobs.next()).value).toEqual({ cursor: "1", job: null, reason: null });
  const next = jobs.next();
  await rest();
  fixture.change("job_next");
  expect((await next).value).toMatchObject({ job: { id: "job_next" } });
  await jobs.return();
});

test("a cursor that is none is refused before anything is listened to", async () => {
  const fixture = createFixture();
  await expect(fixture.watch({ after: "junk" })).rejects.toThrow(BadCursorError);
  expect(fixture.listeners.size).toBe(0);
  expect(fixture.warnings).toEqual([]);
});

test.each<{ readonly filter: JobsWatch["filter"]; readonly reported: readonly string[] }>([
  { filter: {}, reported: ["job_a", "job_b", "job_c"] },
  { filter: { statuses: ["IN_QUEUE"] }, reported: ["job_b"] },
  { filter: { statuses: [] }, reported: [] },
  { filter: { deploymentId: "cold-light" }, reported: ["job_c"] },
  { filter: { createdAfter: new Date(1_000) }, reported: ["job_b", "job_c"] },
  { filter: { createdBefore: new Date(3_000) }, reported: ["job_a", "job_b"] },
  { filter: { createdAfter: new Date(1_000), deploymentId: "warm-glow" }, reported: ["job_b"] },
  { filter: { tag: "red" }, reported: ["job_c"] },
  { filter: { isStarred: true }, reported: ["job_b"] },
  { filter: { isStarred: false }, reported: ["job_a", "job_c"] },
])("$filter lets $reported through", async ({ filter, reported }) => {
  const fixture = createFixture();
  fixture.change("job_a", { status: "FAILED" });
  fixture.change("job_b", { status: "IN_QUEUE", isStarred: true, createdAt: new Date(2_000) });
  fixture.change("job_c", {
    deploymentId: "cold-light",
    createdAt: new Date(3_000),
    tags: ["red"],
  });
  const jobs = await fixture.watch({ filter, after: "0" });
  const received: (string | undefined)[] = [];
  const listening = (async () => {
    for await (const { job } of jobs) received.push(job?.id);
  })();
  await settle();
  await jobs.return();
  await listening;
  expect(received).toEqual(reported);
});

test("however often it is woken, it reads at most five times a second", async () => {
  const fixture = createFixture();
  const jobs = await fixture.watch({ filter: { statuses: [] } });
  const waiting = jobs.next();
  for (let elapsedMs = 0; elapsedMs < 2_000; elapsedMs += 10) {
    fixture.change("job_busy");
    await settle();
    vi.advanceTimersByTime(10);
  }
  expect(fixture.reads.length).toBeGreaterThan(5);
  expect(fixture.reads.length).toBeLessThanOrEqual(11);
  await jobs.return();
  expect((await waiting).done).toBe(true);
});

test("a database that is away is logged once, ends no stream that has begun, and costs it no change", async () => {
  const fixture = createFixture();
  const jobs = await fixture.watch();
  const next = jobs.next();
  await rest();
  fixture.holdReads(() => Promise.reject(new Error("the database is away")));
  for (let round = 0; round < 3; round++) {
    fixture.change("job_meanwhile");
    await rest();
  }
  expect(fixture.warnings).toHaveLength(1);
  await expect(fixture.watch()).rejects.toThrow("away");
  fixture.holdReads(() => undefined);
  fixture.wake();
  expect((await next).value).toMatchObject({ job: { id: "job_meanwhile", version: 4 } });
  await jobs.return();
});

test.each(["waiting", "between two events", "reading", "resting"])(
  "a reader who leaves while %s frees the listener and the timers at once",
  async (moment) => {
    const fixture = createFixture();
    fixture.change("job_a");
    fixture.change("job_b");
    const jobs = await fixture.watch({ after: moment === "between two events" ? "0" : "1" });
    const read = Promise.withResolvers<void>();
    await jobs.next();
    if (moment === "reading") fixture.holdReads(() => read.promise);
    if (moment !== "between two events") void jobs.next();
    await (moment === "resting" ? settle() : rest());
    if (moment === "reading" || moment === "resting") fixture.change("job_c");
    await settle();
    expect(fixture.listeners.size).toBe(1);
    void jobs.return();
    await settle();
    expect(fixture.listeners.size).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
    read.resolve();
  },
);

test("200 readers in step cost one read a change, and each gets it", async () => {
  const fixture = createFixture();
  const streams = await Promise.all(Array.from({ length: 200 }, () => fixture.watch()));
  let reported = 0;
  for (const stream of streams) {
    void (async () => {
      for await (const { job } of stream) if (job !== null) reported += 1;
    })();
  }
  await rest();
  expect(fixture.reads).toHaveLength(1);
  for (let round = 1; round <= 3; round++) {
    fixture.change(`job_${round}`);
    await rest();
    expect(fixture.reads).toHaveLength(1 + round);
    expect(reported).toBe(200 * round);
  }
  await Promise.all(streams.map((stream) => stream.return()));
});
