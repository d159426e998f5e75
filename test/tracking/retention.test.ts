import { expect, onTestFinished, test } from "vitest";

import { pino } from "pino";

import { advance } from "../../src/engine/job/advance.ts";
import { openStore } from "../../src/engine/store/open-store.ts";
import { startRetention } from "../../src/engine/tracking/job-deletion.ts";
import { insertJob } from "../store/store-jobs.ts";

const DAY_MS = 86_400_000;
const NOW_MS = Date.now();

/** Retention over a database in memory; `nights` are the pauses that it asked for, and each waits until it is ended. */
async function openFixture(days: number) {
  const log = pino({ level: "silent" });
  const store = await openStore({ upstream: "sandbox", databaseUrl: ":memory:", log });
  onTestFinished(() => store.close());
  const pauses: { readonly durationMs: number; readonly end: () => void }[] = [];

  async function addJob(ageDays: number, endedDaysAgo: number | null): Promise<string> {
    const job = await insertJob(store, { createdAt: new Date(NOW_MS - ageDays * DAY_MS) });
    if (endedDaysAgo === null) return job.id;
    const endedAt = new Date(NOW_MS - endedDaysAgo * DAY_MS);
    await store.jobs.save(
      job,
      advance(job, { kind: "cancelled", finishedAt: endedAt }, endedAt, "sandbox"),
      null,
    );
    return job.id;
  }

  return {
    pauses,
    addJob,
    isKept: async (id: string) => (await store.jobs.read(id)) !== null,
    count: () => store.jobs.count({}),
    start() {
      const retention = startRetention({
        jobs: store.jobs,
        days,
        log,
        sleep: (durationMs, signal) => {
          const { promise, resolve } = Promise.withResolvers<void>();
          signal.addEventListener("abort", () => resolve());
          pauses.push({ durationMs, end: resolve });
          return promise;
        },
      });
      onTestFinished(() => retention.close());
    },
  };
}

test("what ended longer ago is deleted; what ended later, or has not ended, stays", async () => {
  const fixture = await openFixture(7);
  const old = await fixture.addJob(9, 8);
  const recent = await fixture.addJob(9, 6);
  const open = await fixture.addJob(30, null);
  fixture.start();
  await expect.poll(() => fixture.pauses.length).toBe(1);
  expect(await Promise.all([old, recent, open].map(fixture.isKept))).toEqual([false, true, true]);
});

test("however short the retention, a job stays for the day that its idempotency key has to", async () => {
  const fixture = await openFixture(0.01);
  const young = await fixture.addJob(0.9, 0.8);
  const older = await fixture.addJob(1.2, 0.8);
  fixture.start();
  await expect.poll(() => fixture.pauses.length).toBe(1);
  expect(await Promise.all([young, older].map(fixture.isKept))).toEqual([true, false]);
});

test("many jobs go in batches of 500 with a rest between, then it sleeps for a minute", async () => {
  const fixture = await openFixture(1);
  await Promise.all(Array.from({ length: 501 }, () => fixture.addJob(3, 2)));
  fixture.start();
  await expect.poll(() => fixture.pauses.length).toBe(1);
  expect(await fixture.count()).toBe(1);
  fixture.pauses[0]?.end();
  await expect.poll(() => fixture.pauses.length).toBe(2);
  expect(await fixture.count()).toBe(0);
  expect(fixture.pauses.map(({ durationMs }) => durationMs)).toEqual([100, 60_000]);

  const late = await fixture.addJob(3, 2);
  fixture.pauses[1]?.end();
  await expect.poll(() => fixture.isKept(late)).toBe(false);
});
