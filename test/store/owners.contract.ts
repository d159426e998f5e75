import { describe, expect, test } from "vitest";

import type { Job } from "../../src/engine/job/job.ts";
import { readFeed } from "../support/read-feed.ts";
import {
  ACCEPTED,
  type Context,
  FAILED,
  insertJob,
  makeJob,
  RUNNING,
  see,
  UNANSWERED,
} from "./store-jobs.ts";

/** Postgres adds up those since the last of its merges. */
const MAX_COUNT_ROWS = 128;

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

    test("an owner's feed reports its own changes alone, page by page", async () => {
      const ids: Record<string, string[]> = { mine: [], theirs: [] };
      const reported: string[] = [];
      let cursor = await store().feed.readHead();
      for (let index = 0; index < 5; index++)
        for (const [owner, own] of Object.entries(ids)) own.push((await insert(owner)).id);
      for (let isLast = false; !isLast;) {
        const page = await readFeed(store(), cursor, 2, "mine");
        if (page === null) throw new Error("the feed asked for a reset");
        reported.push(...page.changes.map(({ job }) => job.id));
        ({ cursor, isLast } = page);
      }
      expect(reported).toEqual(ids["mine"]);
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

    test("are counted whatever writes their rows, once each, for as long as they are followed", async () => {
      const { jobs } = store();
      const mine = { ownerId: "mine", upstream: "sandbox" };
      /** Resolves once a submit has seen so many others, no more and no fewer. */
      const expectCount = async (count: number) => {
        const job = makeJob(mine);
        const add = (most: number) =>
          jobs.insert({ job, input: {}, key: null, mostInFlight: most });
        await expect(add(count)).rejects.toThrow(/unfinished job/);
        expect(await add(count + 1)).toBe(true);
        expect(await jobs.withdraw(job.id)).toBe(true);
      };
      await insertJob(store(), { ...mine, ownerId: "theirs" });
      await expectCount(0);
      const first = await insertJob(store(), mine);
      const second = await insertJob(store(), mine);
      await expectCount(2);
      await see(store(), first, ACCEPTED, RUNNING);
      await see(store(), second, UNANSWERED);
      await expectCount(1);
      expect(await jobs.delete(second.id)).toBe(true);
      await expectCount(1);
      // As a gateway of another version, or a person, may write it.
      const set = (values: string) =>
        execute(`update jobs set ${values}, version = version + 1 where owner_id = 'mine'`);
      await set("upstream = 'https://other.example'");
      await expectCount(0);
      await set("detached_since = 1");
      await set("upstream = 'sandbox'");
      await expectCount(0);
      await set("detached_since = null");
      await set("finished_at = null");
      await expectCount(1);
      await see(store(), (await jobs.read(first.id)) ?? first, FAILED);
      await expectCount(0);
      await insertJob(store(), mine);
      await execute("delete from jobs where owner_id = 'mine'");
      await expectCount(0);
    });

    test("are counted in a few rows, however many came and went, and of however many owners", async () => {
      const addEach = (ownerId: string, count: number) =>
        execute(`
          insert into jobs (id, owner_id, kind, deployment_id, upstream, api_version, status, version,
            created_at, updated_at, work, submit_until)
          with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ${count})
          select 'job_' || n, ${ownerId}, 'lora', 'd', 'sandbox', 'v1', 'SUBMITTING', 1, n, n, 1, 0 from numbers`);
      await addEach("'owner_' || n", 500);
      await execute("update jobs set detached_since = 1");
      await execute("update jobs set detached_since = null");
      await execute("delete from jobs");
      for (let round = 0; round < 3; round++) {
        await addEach("'mine'", 300);
        for (let number = 0; number < 10; number++)
          await see(store(), await insertJob(store(), { ownerId: "mine" }), UNANSWERED);
        await execute("delete from jobs");
      }
      expect(await countRows("unfinished_jobs")).toBeLessThanOrEqual(MAX_COUNT_ROWS);
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
