import { pino } from "pino";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { Observation } from "../../src/job/advance.ts";
import { advance } from "../../src/job/advance.ts";
import type { Job } from "../../src/job/job.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import { openStore } from "../../src/store/open-store.ts";
import { createJobReader } from "../../src/watch/shared-readers.ts";
import { createEndWaits, createJobWatch } from "../../src/watch/watch-job.ts";
import { ACCEPTED, CANCELLED, insertJob, RUNNING } from "../store/store-jobs.ts";

const log = pino({ level: "silent" });

let store: JobStore;

beforeEach(async () => {
  store = await openStore({ upstream: "sandbox", databaseUrl: ":memory:", log });
  // No re-read makes up for a wake-up that is missing.
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval"] });
});
afterEach(async () => {
  vi.useRealTimers();
  await store.close();
});

async function addJob(): Promise<Job> {
  return await observe(await insertJob(store), ACCEPTED);
}

async function observe(job: Job, observation: Observation): Promise<Job> {
  const next = advance(job, observation, new Date(1), "sandbox");
  expect(await store.jobs.save(next, null)).toBe(true);
  return next;
}

/** The waits of a gateway on this store, who listens for them, and how often they read. */
function open() {
  const listeners = new Set<() => void>();
  const read = createJobReader(store.jobs, log);
  const readJob = vi.fn<typeof read>(read);
  const feed = {
    subscribeToJob(jobId: string, wake: () => void) {
      const unsubscribe = store.feed.subscribeToJob(jobId, wake);
      listeners.add(wake);
      return () => {
        unsubscribe();
        listeners.delete(wake);
      };
    },
  };
  const { waitForEnd, stop } = createEndWaits(
    createJobWatch({ estimate: async () => null, feed, readJob }),
  );

  /** A wait of 20 s that has read the job, and how to leave it. */
  async function begin(job: Job) {
    let leave = (): void => undefined;
    const before = readJob.mock.settledResults.length;
    const end = waitForEnd(job, { timeoutMs: 20_000, onLeft: (act) => (leave = act) });
    await until(() => readJob.mock.settledResults.length > before);
    return { end, leave: () => leave() };
  }

  return { waitForEnd, stop, begin, listeners, readJob };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Unlike vitest's own waiting, it leaves the time alone. */
async function until(isTrue: () => boolean): Promise<void> {
  do await settle();
  while (!isTrue());
}

test.each(["its end", "the time", "the caller", "the gateway"] as const)(
  "a wait that is over by %s tells the job as it is, and frees the listener and the timer",
  async (by) => {
    const job = await addJob();
    const { begin, stop, listeners, readJob } = open();
    const { end, leave } = await begin(job);
    let newest = await observe(job, RUNNING);
    await until(() => readJob.mock.settledResults.length === 2);
    expect(listeners.size).toBe(1);
    // That of the wait, and of the store's re-reads.
    expect(vi.getTimerCount()).toBe(2);
    switch (by) {
      case "its end":
        newest = await observe(newest, CANCELLED);
        break;
      case "the time":
        vi.advanceTimersByTime(20_000);
        break;
      case "the caller":
        leave();
        break;
      case "the gateway":
        stop();
    }
    expect(await end).toEqual(newest);
    expect(listeners.size).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  },
);

test("nobody waits for a job that has ended, without time, or at a gateway that stops", async () => {
  const job = await addJob();
  const { waitForEnd, stop, readJob } = open();
  const options = { timeoutMs: 20_000, onLeft: () => undefined };
  expect(await waitForEnd(job, { ...options, timeoutMs: 0 })).toBe(job);
  stop();
  expect(await waitForEnd(job, options)).toBe(job);
  const ended = await observe(job, CANCELLED);
  expect(await open().waitForEnd(ended, options)).toBe(ended);
  expect(readJob).not.toHaveBeenCalled();
});

test("a caller who has left before the wait begins ends it at once", async () => {
  const job = await addJob();
  const { waitForEnd, listeners } = open();
  const end = waitForEnd(job, { timeoutMs: 20_000, onLeft: (leave) => leave() });
  expect(await end).toBe(job);
  expect(listeners.size).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
});

test("a job that can't be read, or was deleted meanwhile, is told as it was last seen", async () => {
  const job = await addJob();
  const { waitForEnd, begin, readJob, listeners } = open();
  readJob.mockRejectedValueOnce(new Error("the database is away"));
  expect(await waitForEnd(job, { timeoutMs: 20_000, onLeft: () => undefined })).toBe(job);

  const { end } = await begin(job);
  readJob.mockResolvedValueOnce(null);
  await observe(job, CANCELLED);
  expect(await end).toEqual(job);
  expect(listeners.size).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
});
