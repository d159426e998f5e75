import { describe, expect, test } from "vitest";

import { advance } from "../../src/job/advance.ts";
import { createJob, type Job } from "../../src/job/job.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import type { JobFilter, JobRange } from "../../src/store/list-jobs.ts";
import { readFeed } from "../support/read-feed.ts";
import { walk } from "../support/walk.ts";

/** What every database promises of tags. */
export function describeTags(context: {
  readonly store: () => JobStore;
  readonly statements: () => string[];
  execute(sql: string): Promise<void>;
}): void {
  const { store, statements, execute } = context;

  async function insert(tags: readonly string[], changes: Partial<Job> = {}): Promise<Job> {
    const created = createJob({
      ownerId: "mine",
      deploymentId: "d",
      upstream: "sandbox",
      apiVersion: "v1",
      tags,
      now: new Date(1_000),
    });
    const job = { ...created, ...changes };
    expect(await store().jobs.insert({ job, input: {}, key: null })).toBe(true);
    return job;
  }

  async function listIds(filter: JobFilter, range: Partial<JobRange> = {}): Promise<string[]> {
    const { jobs } = await store().jobs.list({
      filter,
      direction: "forward",
      limit: 100,
      ...range,
    });
    return jobs.map(({ id }) => id);
  }

  const at = (ms: number) => ({ createdAt: new Date(ms) });

  describe("tags", () => {
    test("are kept as they are, in their order, and told wherever the job is", async () => {
      const tags = ["b", "A", "a", "Ü 😀", "it's 100 %", "_"];
      const job = await insert(tags, { status: "IN_QUEUE", requestId: "r" });
      expect(await store().jobs.read(job.id)).toEqual(job);
      expect(await store().jobs.readMany([job.id], "mine")).toEqual([job]);
      const head = await store().feed.readHead();
      const running = advance(job, { kind: "running" }, new Date(2_000), "sandbox");
      await store().jobs.save(running, null);
      expect((await readFeed(store(), head, 10))?.changes[0]?.job.tags).toEqual(tags);
      for (const tag of tags) {
        expect(await listIds({ tag }), tag).toEqual([job.id]);
        expect(await store().jobs.count({ tag, ownerId: "mine" }), tag).toBe(1);
      }
      expect(await listIds({ tag: "ü 😀" })).toEqual([]);
    });

    test("cost a statement where a job has some, and none where it has none", async () => {
      const count = async (tags: readonly string[]) => {
        statements().length = 0;
        await insert(tags);
        return statements().length;
      };
      expect((await count(["a", "b"])) - (await count([]))).toBe(1);
    });

    test("go with their job, and are not added where the job is not", async () => {
      const refused = await insert(["a"]);
      await store().jobs.withdraw(refused.id);
      const deleted = await insert(["a"], { status: "FAILED" });
      await store().jobs.delete(deleted.id);
      const old = await insert(["a"], { status: "FAILED", finishedAt: new Date(1_000) });
      expect(await store().jobs.deleteOld({ finishedForMs: 0, createdForMs: 0 }, 10)).toBe(1);
      // With the same id, or what is left of its tags would not be seen.
      const again = await insert(["b"], { id: old.id });
      expect(await listIds({ tag: "a" })).toEqual([]);
      await expect(insert(["c"], { id: again.id })).rejects.toThrow();
      expect(await listIds({ tag: "c" })).toEqual([]);
    });

    test("filter a list together with all else, for each owner and for all, counted where an index does", async () => {
      const queued = await insert(["a", "b"], { status: "IN_QUEUE", ...at(4_000) });
      const failed = await insert(["a"], { status: "FAILED", ...at(3_000) });
      const other = await insert(["a"], { status: "FAILED", deploymentId: "e", ...at(2_000) });
      const theirs = await insert(["a"], { ownerId: "theirs", status: "FAILED", ...at(1_000) });
      await insert([], { status: "FAILED", ...at(5_000) });
      const cases: [JobFilter, Job[]][] = [
        [{ tag: "a" }, [queued, failed, other, theirs]],
        [{ tag: "b" }, [queued]],
        [{ tag: "c" }, []],
        [{ tag: "a", ownerId: "mine" }, [queued, failed, other]],
        [{ tag: "a", ownerId: "theirs" }, [theirs]],
        [{ tag: "b", ownerId: "theirs" }, []],
        [{ tag: "a", statuses: [] }, []],
        [{ tag: "a", statuses: ["FAILED", "FAILED"] }, [failed, other, theirs]],
        [{ tag: "a", statuses: ["FAILED", "IN_QUEUE"], ownerId: "mine" }, [queued, failed, other]],
        [{ tag: "a", deploymentId: "e" }, [other]],
        [{ tag: "a", deploymentId: "d", statuses: ["FAILED"], ownerId: "mine" }, [failed]],
        [
          { tag: "a", createdAfter: theirs.createdAt, createdBefore: queued.createdAt },
          [failed, other],
        ],
        [{ tag: "a", createdAfter: other.createdAt, ownerId: "mine" }, [queued, failed]],
      ];
      for (const [filter, expected] of cases) {
        const ids = expected.map(({ id }) => id);
        expect(await listIds(filter)).toEqual(ids);
        const isCounted = filter.statuses === undefined && filter.deploymentId === undefined;
        expect(await store().jobs.count(filter)).toBe(isCounted ? ids.length : null);
        expect(await listIds(filter, { limit: 1 })).toEqual(ids.slice(0, 1));
        expect(await listIds(filter, { direction: "backward" })).toEqual(ids.toReversed());
      }
    });

    test("lead through their jobs by places without gaps or doubles, both ways, also through twins", async () => {
      for (let index = 0; index < 11; index++) {
        await insert(["a"], at(Math.floor(index / 3)));
        await insert(["b"], at(Math.floor(index / 3)));
      }
      for (const filter of [{ tag: "a" }, { tag: "a", ownerId: "mine" }]) {
        const all = await listIds(filter);
        expect(all).toHaveLength(11);
        expect(await walk(store().jobs, filter, "forward")).toEqual(all);
        expect(await walk(store().jobs, filter, "backward")).toEqual(all.toReversed());
      }
    });

    test("are counted to 10,000 and no further", async () => {
      await execute(`
        insert into jobs (id, owner_id, deployment_id, api_version, status, version, created_at,
          updated_at, work, submit_until, tags)
        with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < 10020)
        select 'job_' || n, 'many', 'd', 'v1', case when n % 2 = 0 then 'FAILED' else 'SUCCEEDED' end,
          1, n, n, 1, 0, '["a"]' from numbers`);
      await execute(`insert into job_tags (job_id, tag, owner_id, created_at)
        select id, 'a', owner_id, created_at from jobs where owner_id = 'many'`);
      expect(await store().jobs.count({ tag: "a" })).toBe(10_000);
      expect(await store().jobs.count({ tag: "a", ownerId: "many" })).toBe(10_000);
      expect(await store().jobs.count({ tag: "a", statuses: ["FAILED"] })).toBeNull();
    });
  });
}
