import { randomUUID } from "node:crypto";

import { describe, expect, test } from "vitest";

import { IdempotencyConflictError } from "../../src/engine/job/errors.ts";
import type { Job } from "../../src/engine/job/job.ts";
import { ACCEPTED, type Context, insertJob, makeJob, see, UNANSWERED } from "./store-jobs.ts";

const DAY_MS = 24 * 60 * 60_000;
const NOW_MS = Date.now();

/** What every database promises of deleting, submit leases and pauses. */
export function describeRecovery({ store, execute, count: countRows }: Context): void {
  type Options = Partial<Job> & {
    key?: string;
    ageMs?: number;
    sentAgoMs?: number | null;
    finishedAgoMs?: number;
  };

  /** A finished job, of a deployment that has run nothing yet. */
  async function insert(options: Options = {}) {
    const { key, ageMs = 0, sentAgoMs = ageMs, finishedAgoMs = ageMs, ...facts } = options;
    const job = {
      deploymentId: randomUUID(),
      status: "SUCCEEDED",
      createdAt: new Date(NOW_MS - ageMs),
      sentAt: sentAgoMs === null ? null : new Date(NOW_MS - sentAgoMs),
      finishedAt: new Date(NOW_MS - finishedAgoMs),
      ...facts,
    } as const;
    return await insertJob(store(), job, {
      key: key === undefined ? null : { key, fingerprint: "f" },
    });
  }

  const submit = (key: string, job = makeJob()) =>
    store().jobs.insert({ job, input: {}, key: { key, fingerprint: "f" } });

  describe("deleting", () => {
    test.for(["SUCCEEDED", "FAILED", "CANCELLED"] as const)(
      "leaves nothing of a job that is %s, and wakes its watchers",
      async (status) => {
        const job = await insert({ status });
        let woken = 0;
        store().feed.subscribeToJob(job.id, () => woken++);
        expect(await store().jobs.delete(job.id)).toBe(true);
        expect(woken).toBe(1);
        expect(await store().jobs.read(job.id)).toBeNull();
        expect(await store().jobs.readHistories([job.id])).toEqual([[]]);
        expect(await store().documents.read([job.id], 0)).toEqual([null]);
        expect(await store().jobs.delete(job.id)).toBe(false);
      },
    );

    test.for(["SUBMITTING", "IN_QUEUE", "IN_PROGRESS"] as const)(
      "does not touch a job that is %s",
      async (status) => {
        const job = await insert({ status, key: "k" });
        expect(await store().jobs.delete(job.id)).toBe(false);
        expect((await store().jobs.readKeyed("local", "k"))?.job).toEqual(job);
      },
    );

    test("keeps a job's key from being used again for a day, and no other key", async () => {
      const { jobs } = store();
      const job = await insert({ key: "k" });
      await jobs.delete(job.id);
      const again = makeJob();
      const error = await submit("k", again).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(IdempotencyConflictError);
      expect(error).toMatchObject({ jobId: job.id });
      expect(String(error)).toMatch(/deleted.*start a new job/);
      expect(await jobs.read(again.id)).toBeNull();
      expect(await jobs.readKeyed("local", "k")).toBeNull();
      expect(await submit("K")).toBe(true);
      await execute(`update spent_keys set until = until - ${DAY_MS - 60_000}`);
      await expect(submit("k")).rejects.toThrow(IdempotencyConflictError);
      await execute("update spent_keys set until = until - 60000");
      expect(await submit("k")).toBe(true);
    });

    test("forgets keys that are free again, few at a time", async () => {
      await execute(`insert into spent_keys (owner_id, key, job_id, until)
        with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < 250)
        select 'local', 'key_' || n, 'job', n from numbers`);
      const left: number[] = [];
      for (const _ of [1, 2, 3]) {
        await store().jobs.delete((await insert()).id);
        left.push(await countRows("spent_keys"));
      }
      expect(left).toEqual([150, 50, 0]);
    });

    test("lets no insert under its key slip through at the same moment", async () => {
      for (let round = 0; round < 5; round++) {
        const key = `k${round}`;
        const job = await insert({ key });
        const again = makeJob();
        const [inserted] = await Promise.allSettled([
          submit(key, again),
          store().jobs.delete(job.id),
        ]);
        expect(await store().jobs.read(again.id)).toBeNull();
        if (inserted.status === "fulfilled") expect(inserted.value).toBe(false);
        else expect(inserted.reason).toBeInstanceOf(IdempotencyConflictError);
      }
    });
  });

  describe("deleting old jobs", () => {
    const ages = { finishedForMs: 3 * DAY_MS, sentForMs: 4 * DAY_MS };

    test("takes those that are finished, and old by both times, with their keys", async () => {
      const old = { ageMs: 9 * DAY_MS };
      const gone = [
        await insert({ ...old, key: "k" }),
        await insert({ ...old, status: "FAILED" }),
        await insert({ ...old, status: "CANCELLED", finishedAgoMs: 3 * DAY_MS + 600_000 }),
      ];
      const kept = [
        await insert({ ...old, status: "IN_QUEUE" }),
        await insert({ ...old, finishedAgoMs: 3 * DAY_MS - 600_000 }),
        await insert({ ageMs: 4 * DAY_MS - 600_000, finishedAgoMs: 9 * DAY_MS }),
      ];
      expect(await store().jobs.deleteOld(ages, 100)).toBe(3);
      expect(await store().jobs.readMany(gone.map(({ id }) => id))).toEqual([null, null, null]);
      expect(await store().jobs.readMany(kept.map(({ id }) => id))).toEqual(kept);
      await insert({ key: "k" });
      expect(await store().jobs.deleteOld(ages, 100)).toBe(0);
    });

    test("counts from when a job was last sent, and where it never was, from when it was created", async () => {
      const old = { ageMs: 9 * DAY_MS, finishedAgoMs: 3 * DAY_MS + 600_000, key: "k" };
      const sent = await insert({ ...old, sentAgoMs: 4 * DAY_MS - 600_000 });
      expect(await store().jobs.deleteOld(ages, 100)).toBe(0);
      expect((await store().jobs.readKeyed("local", "k"))?.job).toEqual(sent);
      await execute("update jobs set sent_at = sent_at - 1200000");
      expect(await store().jobs.deleteOld(ages, 100)).toBe(1);
      const unsent = { ...old, status: "CANCELLED", sentAgoMs: null } as const;
      await insert(unsent);
      await insert({ ...unsent, key: "young", ageMs: 4 * DAY_MS - 600_000 });
      await insert({ ...unsent, key: "just ended", finishedAgoMs: 3 * DAY_MS - 600_000 });
      expect(await store().jobs.deleteOld(ages, 100)).toBe(1);
      expect(await store().jobs.readKeyed("local", "k")).toBeNull();
    });

    test("never takes more than it was asked to, and the oldest of a status first", async () => {
      const old = [];
      for (let days = 5; days < 10; days++) old.push(await insert({ ageMs: days * DAY_MS }));
      await insert({ ageMs: 8 * DAY_MS, status: "FAILED" });
      expect(await store().jobs.deleteOld(ages, 2)).toBe(2);
      const left = await store().jobs.readMany(old.map(({ id }) => id));
      expect(left.map((job) => job !== null)).toEqual([true, true, true, false, false]);
      expect(await store().jobs.deleteOld(ages, 4)).toBe(4);
      expect(await store().jobs.count({})).toBe(0);
    });
  });

  describe("submit leases", () => {
    const submitFor = (leaseMs: number) => insertJob(store(), {}, { leaseMs });

    test("list a submit once its lease has expired, again until it is settled, and no other", async () => {
      const { jobs } = store();
      const late = await submitFor(0);
      await submitFor(60_000);
      // The default is 15 s.
      await insertJob(store());
      await see(store(), await submitFor(0), ACCEPTED);
      expect(await jobs.listAbandonedSubmits(10)).toMatchObject([{ id: late.id }]);
      expect(await jobs.listAbandonedSubmits(10)).toMatchObject([{ id: late.id }]);
      await see(store(), late, UNANSWERED);
      expect(await jobs.listAbandonedSubmits(10)).toEqual([]);
      for (let index = 0; index < 3; index++) await submitFor(0);
      expect(await jobs.listAbandonedSubmits(2)).toHaveLength(2);
    });

    test("list a submit whose lease ends later than any can, since the clock was set back, and no other", async () => {
      const stuck = await submitFor(3_600_000);
      // The longest that a gateway can be set to take.
      await submitFor(360_000);
      expect(await store().jobs.listAbandonedSubmits(10)).toMatchObject([{ id: stuck.id }]);
      expect(await store().jobs.extendSubmit(stuck.id, 1_000)).toBe(false);
    });

    test("are extended while nobody has found them abandoned or settled, and never after", async () => {
      const { jobs } = store();
      const [extended, found] = [await submitFor(0), await submitFor(60_000)];
      expect(await jobs.extendSubmit(extended.id, 60_000)).toBe(true);
      expect(await jobs.listAbandonedSubmits(10)).toEqual([]);
      expect(await jobs.extendSubmit(found.id, 0)).toBe(true);
      expect(await jobs.listAbandonedSubmits(10)).toMatchObject([{ id: found.id }]);
      expect(await jobs.extendSubmit(found.id, 60_000)).toBe(false);
      expect(await jobs.listAbandonedSubmits(10)).toMatchObject([{ id: found.id }]);
      await see(store(), extended, UNANSWERED);
      expect(await jobs.extendSubmit(extended.id, 60_000)).toBe(false);
      expect(await jobs.extendSubmit("job_unknown", 60_000)).toBe(false);
    });
  });

  test("a pause is reported with what is left of it, the one that ends later holds, and it ends", async () => {
    const { pauses } = store();
    expect(await pauses.readPauseMs()).toBe(0);
    await pauses.notePause(20);
    await expect.poll(() => pauses.readPauseMs()).toBe(0);
    await pauses.notePause(60_000);
    await pauses.notePause(1_000);
    const leftMs = await pauses.readPauseMs();
    expect(leftMs).toBeGreaterThan(1_000);
    expect(leftMs).toBeLessThanOrEqual(60_000);
    await pauses.notePause(120_000);
    expect(await pauses.readPauseMs()).toBeGreaterThan(60_000);
    // A clock that is set back ends it, and lets the next one begin.
    await execute(
      "update pauses set noted_at = noted_at + 3600000, paused_until = paused_until + 3600000",
    );
    expect(await pauses.readPauseMs()).toBe(0);
    await pauses.notePause(60_000);
    expect(await pauses.readPauseMs()).toBeGreaterThan(0);
  });
}
