import { describe, expect, test } from "vitest";

import type { Job } from "../../src/job/job.ts";
import { readFeed } from "../support/read-feed.ts";
import { type Context, insertJob, makeJob, see, UNANSWERED } from "./store-jobs.ts";

/** What every database promises of owners. */
export function describeOwners({ store, execute, count: countRows, restart }: Context): void {
  const insert = (ownerId: string, facts: Partial<Job> = {}) =>
    insertJob(store(), { ownerId, status: "IN_QUEUE", requestId: "r", ...facts });

  describe("what is whose", () => {
    test("each owner lists, counts and reads its own jobs; without an owner it is everybody's", async () => {
      const mine = await insert("mine", { deploymentId: "a" });
      const theirs = await insert("theirs", { deploymentId: "b" });
      const { jobs } = store();
      const list = async (more = {}) => {
        const filter = { ownerId: "mine", ...more };
        const page = await jobs.list({ filter, direction: "forward", limit: 10 });
        return page.jobs.map(({ id }) => id);
      };
      expect(await list()).toEqual([mine.id]);
      expect(await list({ statuses: ["IN_QUEUE", "FAILED"] })).toEqual([mine.id]);
      expect(await list({ deploymentId: "b" })).toEqual([]);
      expect(await jobs.count({ ownerId: "theirs" })).toBe(1);
      expect(await jobs.count({})).toBe(2);
      expect(await jobs.read(theirs.id, "mine")).toBeNull();
      expect(await jobs.read(theirs.id, "theirs")).toEqual(theirs);
      expect(await jobs.readMany([theirs.id, mine.id], "mine")).toEqual([null, mine]);
      expect(await jobs.readMany([theirs.id, mine.id])).toEqual([theirs, mine]);
      expect(await jobs.listDeploymentIds("mine")).toEqual(["a"]);
      expect(await jobs.listDeploymentIds("nobody")).toEqual([]);
      expect(await jobs.findDeployments(["b"], "mine")).toEqual(new Set());
      expect(await jobs.findDeployments(["b"], "theirs")).toEqual(new Set(["b"]));
    });

    test("each owner has a key space of its own, also when the key was spent", async () => {
      const { jobs } = store();
      const key = { key: "k", fingerprint: "f" };
      const submit = (ownerId: string) =>
        jobs.insert({ job: makeJob({ ownerId }), input: {}, key });
      const all = [];
      for (const ownerId of ["mine", "theirs", "k"])
        all.push(await insertJob(store(), { ownerId, status: "CANCELLED" }, { key }));
      for (const job of all) {
        expect((await jobs.readKeyed(job.ownerId, "k"))?.job).toEqual(job);
        expect(await submit(job.ownerId)).toBe(false);
      }
      expect(await jobs.readKeyed("nobody", "k")).toBeNull();
      const [mine] = all;
      await jobs.delete(mine?.id ?? "");
      const conflict = { name: "IdempotencyConflictError", jobId: mine?.id };
      await expect(submit("mine")).rejects.toMatchObject(conflict);
      expect(await submit("theirs")).toBe(false);
      expect(await submit("another")).toBe(true);
    });

    test("an owner's feed tells its own changes alone, page by page", async () => {
      const ids: Record<string, string[]> = { mine: [], theirs: [] };
      const told: string[] = [];
      let cursor = await store().feed.readHead();
      for (let index = 0; index < 5; index++)
        for (const [owner, own] of Object.entries(ids)) own.push((await insert(owner)).id);
      for (let isLast = false; !isLast;) {
        const page = await readFeed(store(), cursor, 2, "mine");
        if (page === null) throw new Error("the feed asked for a reset");
        told.push(...page.changes.map(({ job }) => job.id));
        ({ cursor, isLast } = page);
      }
      expect(told).toEqual(ids["mine"]);
    });
  });

  describe("jobs in flight", () => {
    const mostInFlight = 3;
    const submit = (ownerId: string, key?: string) =>
      store().jobs.insert({
        job: makeJob({ ownerId }),
        input: {},
        key: key === undefined ? null : { key, fingerprint: "f" },
        mostInFlight,
      });

    test("never exceed the most an owner may have, however many are submitted at once", async () => {
      const ends = await Promise.allSettled(Array.from({ length: 20 }, () => submit("greedy")));
      expect(ends.filter(({ status }) => status === "fulfilled")).toHaveLength(mostInFlight);
      expect(ends.find(({ status }) => status === "rejected")).toMatchObject({
        reason: { name: "LimitError", code: "QUOTA_EXCEEDED", limit: mostInFlight },
      });
      expect(await store().jobs.count({ ownerId: "greedy" })).toBe(mostInFlight);
      expect(await submit("quiet")).toBe(true);
    });

    test("have room again once one has ended, and none for a key that has its job already", async () => {
      const key = { key: "k", fingerprint: "f" };
      const first = await insertJob(store(), { ownerId: "mine" }, { key, mostInFlight });
      for (let count = 1; count < mostInFlight; count++) await submit("mine");
      expect(await submit("mine", "k")).toBe(false);
      await expect(submit("mine", "new")).rejects.toThrow(/3 unfinished jobs.*Wait until/);
      expect(await store().jobs.readKeyed("mine", "new")).toBeNull();
      await see(store(), first, UNANSWERED);
      expect(await submit("mine", "new")).toBe(true);
    });
  });

  describe("quotas", () => {
    test("are counted for each owner by itself, and what did not happen is taken back", async () => {
      const { quotas } = store();
      const counts = await Promise.all([1, 2, 3].map(() => quotas.count("jobs", "mine")));
      expect(counts.map(({ count }) => count).toSorted((a, b) => a - b)).toEqual([1, 2, 3]);
      const { endsAtMs = 0 } = counts[0] ?? {};
      await quotas.discount("jobs", "mine", endsAtMs);
      // A window that has ended, and another owner's.
      await quotas.discount("jobs", "mine", Date.now() - 1);
      await quotas.discount("jobs", "theirs", endsAtMs);
      const { count, endsInMs } = await quotas.count("jobs", "mine");
      expect(count).toBe(3);
      expect(endsInMs).toBeGreaterThan(86_000_000);
      expect(endsInMs).toBeLessThanOrEqual(86_400_000);
      expect((await quotas.count("submits", "mine")).endsInMs).toBeLessThanOrEqual(60_000);
      expect(await quotas.count("jobs", "o".repeat(255))).toMatchObject({ count: 1 });
      expect(await quotas.count("uploads", "mine", 30)).toMatchObject({ count: 30 });
      expect(await quotas.count("uploads", "mine", 5)).toMatchObject({ count: 35 });
    });

    test("that have ended are deleted, few at a time, by who counts next", async () => {
      await restart();
      await execute(`insert into quotas (key, used, ends_at)
        with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < 1200)
        select 'owner_' || n, 1, n from numbers`);
      const left: number[] = [];
      for (const _ of [1, 2, 3]) {
        await store().quotas.count("jobs", "mine");
        left.push(await countRows("quotas"));
      }
      expect(left).toEqual([701, 201, 1]);
    });
  });
}
