import { randomUUID } from "node:crypto";

import { describe, expect, test } from "vitest";

import { advance } from "../../src/job/advance.ts";
import { IdempotencyConflictError } from "../../src/job/errors.ts";
import { createJob, type Job } from "../../src/job/job.ts";
import type { JobStatus } from "../../src/job/job.ts";
import type { JobStore } from "../../src/store/job-store.ts";

const DAY_MS = 24 * 60 * 60_000;
const NOW_MS = Date.now();

/** What every database promises of deleting, submit leases and pauses. */
export function describeRecovery(context: { readonly store: () => JobStore }): void {
  const { store } = context;

  async function insert(
    options: { status?: JobStatus; key?: string; ageMs?: number; finishedAgoMs?: number } = {},
  ): Promise<Job> {
    const now = new Date(NOW_MS - (options.ageMs ?? 0));
    // A deployment of its own, which has run nothing yet.
    const deploymentId = randomUUID();
    const job: Job = {
      ...createJob({ ownerId: "local", deploymentId, upstream: "sandbox", apiVersion: "v1", now }),
      status: options.status ?? "SUCCEEDED",
      finishedAt: new Date(NOW_MS - (options.finishedAgoMs ?? options.ageMs ?? 0)),
    };
    const key = options.key === undefined ? null : { key: options.key, fingerprint: "f" };
    expect(await store().jobs.insert({ job, input: {}, key })).toBe(true);
    return job;
  }

  describe("deleting a finished job", () => {
    test.for(["SUCCEEDED", "FAILED", "CANCELLED"] as const)(
      "leaves nothing of one that is %s, and wakes its watchers",
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
      "does not touch one that is %s",
      async (status) => {
        const job = await insert({ status, key: "k" });
        expect(await store().jobs.delete(job.id)).toBe(false);
        expect((await store().jobs.readKeyed("local", "k"))?.job).toEqual(job);
      },
    );

    test("keeps its key from being used again, by its own input too, and no other key", async () => {
      const job = await insert({ key: "k" });
      await store().jobs.delete(job.id);
      const again = createJob({
        ownerId: "local",
        deploymentId: "d",
        upstream: "sandbox",
        apiVersion: "v1",
        now: new Date(NOW_MS),
      });
      const error = await store()
        .jobs.insert({ job: again, input: {}, key: { key: "k", fingerprint: "f" } })
        .catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(IdempotencyConflictError);
      expect(error).toMatchObject({ jobId: job.id });
      expect(String(error)).toMatch(/deleted.*start a new job/);
      expect(await store().jobs.read(again.id)).toBeNull();
      expect(await store().jobs.readKeyed("local", "k")).toBeNull();
      expect(
        await store().jobs.insert({ job: again, input: {}, key: { key: "K", fingerprint: "f" } }),
      ).toBe(true);
    });

    test("lets no insert under its key slip through at the same moment", async () => {
      for (let round = 0; round < 10; round++) {
        const key = `k${round}`;
        const job = await insert({ key });
        const again = createJob({
          ownerId: "local",
          deploymentId: "d",
          upstream: "sandbox",
          apiVersion: "v1",
          now: new Date(NOW_MS),
        });
        const [inserted] = await Promise.allSettled([
          store().jobs.insert({ job: again, input: {}, key: { key, fingerprint: "f" } }),
          store().jobs.delete(job.id),
        ]);
        expect(await store().jobs.read(again.id)).toBeNull();
        if (inserted.status === "fulfilled") expect(inserted.value).toBe(false);
        else expect(inserted.reason).toBeInstanceOf(IdempotencyConflictError);
      }
    });
  });

  describe("deleting old jobs", () => {
    const ages = { finishedForMs: 3 * DAY_MS, createdForMs: 4 * DAY_MS };

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
      expect(await store().jobs.readMany(gone.map((job) => job.id))).toEqual([null, null, null]);
      expect(await store().jobs.readMany(kept.map((job) => job.id))).toEqual(kept);
      await insert({ key: "k" });
      expect(await store().jobs.deleteOld(ages, 100)).toBe(0);
    });

    test("never takes more than it was asked to, and the oldest of a status first", async () => {
      const old = [];
      for (let index = 0; index < 5; index++)
        old.push(await insert({ ageMs: (5 + index) * DAY_MS }));
      await insert({ ageMs: 8 * DAY_MS, status: "FAILED" });
      expect(await store().jobs.deleteOld(ages, 2)).toBe(2);
      const left = await store().jobs.readMany(old.map((job) => job.id));
      expect(left.map((job) => job !== null)).toEqual([true, true, true, false, false]);
      expect(await store().jobs.deleteOld(ages, 4)).toBe(4);
      expect(await store().jobs.count({})).toBe(0);
    });
  });

  describe("submit leases", () => {
    async function insertSubmit(leaseMs = 15_000): Promise<Job> {
      const job = createJob({
        ownerId: "local",
        deploymentId: "d",
        upstream: "sandbox",
        apiVersion: "v1",
        now: new Date(),
      });
      await store().jobs.insert({ job, input: {}, key: null, leaseMs });
      return job;
    }

    test("list a submit once its lease has expired, again until it is settled, and no other", async () => {
      const late = await insertSubmit(0);
      await insertSubmit(60_000);
      await insertSubmit();
      const accepted = await insertSubmit(0);
      const settled = advance(
        accepted,
        { kind: "accepted", requestId: "r" },
        new Date(),
        "sandbox",
      );
      await store().jobs.save(settled, null);
      expect(await store().jobs.listAbandonedSubmits(10)).toEqual([late.id]);
      expect(await store().jobs.listAbandonedSubmits(10)).toEqual([late.id]);
      await store().jobs.save(advance(late, { kind: "unanswered" }, new Date(), "sandbox"), null);
      expect(await store().jobs.listAbandonedSubmits(10)).toEqual([]);
    });

    test("list a submit whose lease ends later than any can, since the clock was set back, and no other", async () => {
      const stuck = await insertSubmit(3_600_000);
      // The longest that a gateway can be told to take.
      await insertSubmit(360_000);
      expect(await store().jobs.listAbandonedSubmits(10)).toEqual([stuck.id]);
      expect(await store().jobs.extendSubmit(stuck.id, 1_000)).toBe(false);
    });

    test("list at most as many as were asked for", async () => {
      for (let index = 0; index < 3; index++) await insertSubmit(0);
      expect(await store().jobs.listAbandonedSubmits(2)).toHaveLength(2);
    });

    test("are extended while nobody has found them abandoned, and never after", async () => {
      const [extended, found] = [await insertSubmit(0), await insertSubmit(60_000)];
      expect(await store().jobs.extendSubmit(extended.id, 60_000)).toBe(true);
      expect(await store().jobs.listAbandonedSubmits(10)).toEqual([]);
      expect(await store().jobs.extendSubmit(found.id, 0)).toBe(true);
      expect(await store().jobs.listAbandonedSubmits(10)).toEqual([found.id]);
      expect(await store().jobs.extendSubmit(found.id, 60_000)).toBe(false);
      expect(await store().jobs.listAbandonedSubmits(10)).toEqual([found.id]);
    });

    test("are not extended once the job is settled or gone", async () => {
      const job = await insertSubmit(60_000);
      await store().jobs.save(advance(job, { kind: "unanswered" }, new Date(), "sandbox"), null);
      expect(await store().jobs.extendSubmit(job.id, 60_000)).toBe(false);
      expect(await store().jobs.extendSubmit("job_unknown", 60_000)).toBe(false);
    });
  });

  test("a pause is told with what is left of it, and the one that ends later holds", async () => {
    expect(await store().pauses.readPauseMs()).toBe(0);
    await store().pauses.notePause(60_000);
    await store().pauses.notePause(1_000);
    const leftMs = await store().pauses.readPauseMs();
    expect(leftMs).toBeGreaterThan(1_000);
    expect(leftMs).toBeLessThanOrEqual(60_000);
    await store().pauses.notePause(120_000);
    expect(await store().pauses.readPauseMs()).toBeGreaterThan(60_000);
  });

  test("a pause ends", async () => {
    await store().pauses.notePause(20);
    await expect.poll(() => store().pauses.readPauseMs()).toBe(0);
  });
}
