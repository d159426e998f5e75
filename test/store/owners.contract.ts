import { describe, expect, test } from "vitest";

import { advance } from "../../src/job/advance.ts";
import { createJob, type Job } from "../../src/job/job.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import { readFeed } from "../support/read-feed.ts";

/** What every database promises of owners. */
export function describeOwners(context: {
  readonly store: () => JobStore;
  readonly statements: () => string[];
}): void {
  const { store, statements } = context;

  function create(ownerId: string, changes: Partial<Job> = {}): Job {
    const now = new Date(0);
    return {
      ...createJob({ ownerId, deploymentId: "d", upstream: "sandbox", apiVersion: "v1", now }),
      ...changes,
    };
  }

  async function insert(ownerId: string, changes: Partial<Job> = {}): Promise<Job> {
    const job = create(ownerId, { status: "IN_QUEUE", requestId: "r", ...changes });
    expect(await store().jobs.insert({ job, input: {}, key: null })).toBe(true);
    return job;
  }

  describe("what is whose", () => {
    test("each owner lists, counts and reads its own jobs; without an owner it is everybody's", async () => {
      const mine = await insert("mine", { deploymentId: "a" });
      const theirs = await insert("theirs", { deploymentId: "b" });
      const list = async (ownerId: string, more = {}) =>
        (
          await store().jobs.list({
            filter: { ownerId, ...more },
            direction: "forward",
            limit: 10,
          })
        ).jobs.map(({ id }) => id);
      expect(await list("mine")).toEqual([mine.id]);
      expect(await list("mine", { statuses: ["IN_QUEUE", "FAILED"] })).toEqual([mine.id]);
      expect(await list("mine", { deploymentId: "b" })).toEqual([]);
      expect(await store().jobs.count({ ownerId: "theirs" })).toBe(1);
      expect(await store().jobs.count({})).toBe(2);
      expect(await store().jobs.read(theirs.id, "mine")).toBeNull();
      expect(await store().jobs.read(theirs.id, "theirs")).toEqual(theirs);
      expect(await store().jobs.readMany([theirs.id, mine.id], "mine")).toEqual([null, mine]);
      expect(await store().jobs.readMany([theirs.id, mine.id])).toEqual([theirs, mine]);
      expect(await store().jobs.listDeploymentIds("mine")).toEqual(["a"]);
      expect(await store().jobs.listDeploymentIds("nobody")).toEqual([]);
      expect(await store().jobs.findDeployments(["b"], "mine")).toEqual(new Set());
      expect(await store().jobs.findDeployments(["b"], "theirs")).toEqual(new Set(["b"]));
    });

    test("a job is read for its owner with as many statements as for everybody: one", async () => {
      const job = await insert("mine");
      statements().length = 0;
      await store().jobs.readMany([job.id], "mine");
      await store().jobs.readMany([job.id]);
      expect(statements().filter((sql) => sql.includes('from "jobs"'))).toHaveLength(2);
    });

    test("each owner has a key space of its own, also when the key was spent", async () => {
      const key = { key: "k", fingerprint: "f" };
      const jobs = ["mine", "theirs", "local"].map((owner) =>
        create(owner, { status: "CANCELLED" }),
      );
      for (const job of jobs) expect(await store().jobs.insert({ job, input: {}, key })).toBe(true);
      for (const job of jobs) {
        expect((await store().jobs.readKeyed(job.ownerId, "k"))?.job).toEqual(job);
        expect(await store().jobs.insert({ job: create(job.ownerId), input: {}, key })).toBe(false);
      }
      expect(await store().jobs.readKeyed("nobody", "k")).toBeNull();

      await store().jobs.delete(jobs[0]?.id ?? "");
      await expect(
        store().jobs.insert({ job: create("mine"), input: {}, key }),
      ).rejects.toMatchObject({
        name: "IdempotencyConflictError",
        jobId: jobs[0]?.id,
      });
      expect(await store().jobs.insert({ job: create("theirs"), input: {}, key })).toBe(false);
      expect(await store().jobs.insert({ job: create("another"), input: {}, key })).toBe(true);
    });

    test("no key of one owner is stored like one of another", async () => {
      const longest = "k".repeat(255);
      for (const [owner, key] of [
        ["a", "b"],
        ["b", "a"],
        ["ab", ""],
        ["local", longest],
        [longest, "local"],
      ] as const) {
        const job = create(owner);
        expect(await store().jobs.insert({ job, input: {}, key: { key, fingerprint: "f" } })).toBe(
          true,
        );
      }
    });
  });

  describe("an owner's feed", () => {
    test("tells its own changes and no others', in pages whose cursors name no job", async () => {
      const head = await store().feed.readHead();
      const told: string[] = [];
      const cursors: string[] = [];
      const mine: string[] = [];
      const theirs: string[] = [];
      for (let index = 0; index < 5; index++) {
        mine.push((await insert("mine")).id);
        theirs.push((await insert("theirs")).id);
      }
      let place = head;
      for (let isLast = false; !isLast;) {
        const page = await readFeed(store(), place, 2, "mine");
        if (page === null) throw new Error("the feed asked for a reset");
        told.push(...page.changes.map(({ job }) => job.id));
        cursors.push(page.cursor, ...page.changes.map(({ cursor }) => cursor));
        place = page.cursor;
        isLast = page.isLast;
      }
      expect(told).toEqual(mine);
      const decoded = cursors.map((cursor) => Buffer.from(cursor, "base64url").toString()).join();
      expect([...mine, ...theirs].filter((id) => decoded.includes(id))).toEqual([]);
    });
  });

  describe("jobs in flight", () => {
    const MAX = 3;
    const submit = (ownerId: string, key: string | null = null) =>
      store().jobs.insert({
        job: create(ownerId),
        input: {},
        key: key === null ? null : { key, fingerprint: "f" },
        leaseMs: 60_000,
        mostInFlight: MAX,
      });

    test("never exceed the most an owner may have, however many are submitted at once", async () => {
      const ends = await Promise.allSettled(Array.from({ length: 20 }, () => submit("greedy")));
      expect(ends.filter(({ status }) => status === "fulfilled")).toHaveLength(MAX);
      expect(ends.find(({ status }) => status === "rejected")).toMatchObject({
        reason: { name: "LimitError", code: "QUOTA_EXCEEDED", limit: MAX },
      });
      expect(await store().jobs.count({ ownerId: "greedy" })).toBe(MAX);
      expect(await submit("quiet")).toBe(true);
    });

    test("have room again once one has ended, and none for a key that has its job already", async () => {
      const first = create("mine");
      await store().jobs.insert({
        job: first,
        input: {},
        key: { key: "k", fingerprint: "f" },
        leaseMs: 60_000,
        mostInFlight: MAX,
      });
      for (let count = 1; count < MAX; count++) await submit("mine");
      expect(await submit("mine", "k")).toBe(false);
      await expect(submit("mine", "new")).rejects.toThrow(/3 unfinished jobs.*Wait until/);
      expect(await store().jobs.readKeyed("mine", "new")).toBeNull();
      await store().jobs.save(advance(first, { kind: "unanswered" }, new Date(1), "sandbox"), null);
      expect(await submit("mine", "new")).toBe(true);
    });
  });

  describe("quotas", () => {
    test("are counted for each owner by itself, and what did not happen is taken back", async () => {
      const { quotas } = store();
      const counts = await Promise.all([1, 2, 3].map(() => quotas.count("jobs", "mine")));
      expect(counts.map(({ count }) => count).toSorted((a, b) => a - b)).toEqual([1, 2, 3]);
      await quotas.discount("jobs", "mine", counts[0]?.endsAtMs ?? 0);
      const { count, endsInMs } = await quotas.count("jobs", "mine");
      expect(count).toBe(3);
      expect(endsInMs).toBeGreaterThan(86_000_000);
      expect(endsInMs).toBeLessThanOrEqual(86_400_000);
      expect((await quotas.count("submits", "mine")).endsInMs).toBeLessThanOrEqual(60_000);
      expect(await quotas.count("jobs", "o".repeat(255))).toMatchObject({ count: 1 });
    });

    test("of a window that has ended are taken back from no other one", async () => {
      const { quotas } = store();
      await quotas.count("jobs", "late");
      await quotas.discount("jobs", "late", Date.now() - 1);
      expect(await quotas.count("jobs", "late")).toMatchObject({ count: 2 });
    });
  });
}
