import { beforeEach, describe, expect, test } from "vitest";

import { createJob, type Job } from "../../src/job/job.ts";
import type { JsonObject } from "../../src/job/json.ts";
import { foldText } from "../../src/job/search-text.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import { createWalkBudget, type JobFilter, type JobRange } from "../../src/store/list-jobs.ts";
import { walk } from "../support/walk.ts";

/** What every database promises of searches. */
export function describeTexts(context: {
  readonly store: () => JobStore;
  execute(sql: string): Promise<void>;
}): void {
  const { store, execute } = context;

  async function insert(input: JsonObject, changes: Partial<Job> = {}): Promise<Job> {
    const created = createJob({
      ownerId: "mine",
      deploymentId: "d",
      upstream: "sandbox",
      apiVersion: "v1",
      tags: changes.tags ?? [],
      now: new Date(1_000),
    });
    const job = { ...created, ...changes };
    expect(await store().jobs.insert({ job, input, key: null })).toBe(true);
    return job;
  }

  async function find(text: string, filter: JobFilter = {}, range: Partial<JobRange> = {}) {
    const { jobs } = await store().jobs.list({
      filter: { ...filter, text: foldText(text) },
      direction: "forward",
      limit: 100,
      ...range,
    });
    return jobs.map(({ id }) => id);
  }

  const at = (ms: number) => ({ createdAt: new Date(ms) });

  describe("texts", () => {
    test("find the jobs whose input holds them, at any place and in any case", async () => {
      const prompt = 'An old SAILOR\'s Größe, in golden-light 100 %_ \\ "quoted" 日本語 😀😀😀';
      const job = await insert({ prompt, images: [{ url: "https://files.example/Boat.png" }] });
      await insert({ prompt: "Nobody" });
      for (const text of [
        "An old",
        "AILO",
        "sailor's",
        "größe",
        "golden-light",
        "0 %_ \\",
        '"quoted"',
        "日本語",
        "😀😀😀",
        "boat.png",
      ]) {
        expect(await find(text), text).toEqual([job.id]);
      }
      for (const text of ["sailor old", "a_sa", "%%%", "😀https", "😀 https", "___", "old AND"])
        expect(await find(text), text).toEqual([]);
    });

    test("filter a list together with all else, and are not counted", async () => {
      const cat = { prompt: "a cat" };
      const queued = await insert(cat, { status: "IN_QUEUE", tags: ["x"], ...at(4_000) });
      const failed = await insert(cat, { status: "FAILED", ...at(3_000) });
      const other = await insert(cat, { status: "FAILED", deploymentId: "e", ...at(2_000) });
      // No owner's id that holds another's is taken for it.
      const theirs = await insert(cat, { ownerId: "mine too", status: "FAILED", ...at(1_000) });
      const short = await insert(cat, { ownerId: "m", status: "FAILED", ...at(500) });
      await insert({ prompt: "a dog" }, { status: "FAILED", ...at(5_000) });
      const cases: [JobFilter, Job[]][] = [
        [{}, [queued, failed, other, theirs, short]],
        [{ ownerId: "mine" }, [queued, failed, other]],
        [{ ownerId: "mine too" }, [theirs]],
        [{ ownerId: "m" }, [short]],
        [{ ownerId: "MINE" }, []],
        [{ tag: "x" }, [queued]],
        [{ tag: "x", statuses: ["IN_QUEUE"], deploymentId: "d" }, [queued]],
        [{ tag: "x", statuses: ["FAILED"] }, []],
        [{ tag: "x", ownerId: "mine too" }, []],
        [{ statuses: [] }, []],
        [{ statuses: ["FAILED", "IN_QUEUE"], ownerId: "mine" }, [queued, failed, other]],
        [{ deploymentId: "e" }, [other]],
        [{ createdAfter: theirs.createdAt, createdBefore: queued.createdAt }, [failed, other]],
      ];
      for (const [filter, expected] of cases) {
        const ids = expected.map(({ id }) => id);
        expect(await find("cat", filter)).toEqual(ids);
        expect(await store().jobs.count({ ...filter, text: "cat" })).toBeNull();
        expect(await find("cat", filter, { limit: 1 })).toEqual(ids.slice(0, 1));
        expect(await find("cat", filter, { direction: "backward" })).toEqual(ids.toReversed());
      }
    });

    test("lead through their jobs by places, both ways, also through twins", async () => {
      for (let index = 0; index < 11; index++) {
        await insert({ prompt: "a cat" }, at(Math.floor(index / 3)));
        await insert({ prompt: "a dog" }, at(Math.floor(index / 3)));
      }
      const all = await find("cat");
      expect(all).toHaveLength(11);
      expect(await walk(store().jobs, { text: "cat" }, "forward")).toEqual(all);
      expect(await walk(store().jobs, { text: "cat" }, "backward")).toEqual(all.toReversed());
    });

    test("are gone with their job, and not there where it was refused", async () => {
      const refused = await insert({ prompt: "a cat" });
      await store().jobs.withdraw(refused.id);
      const deleted = await insert({ prompt: "a cat" }, { status: "FAILED" });
      await store().jobs.delete(deleted.id);
      await insert({ prompt: "a cat" }, { status: "FAILED", finishedAt: new Date(1_000) });
      expect(await store().jobs.deleteOld({ finishedForMs: 0, createdForMs: 0 }, 10)).toBe(1);
      expect(await find("cat")).toEqual([]);
      // With the number in its table that another had.
      const job = await insert({ prompt: "a dog" });
      expect(await find("cat")).toEqual([]);
      expect(await find("dog")).toEqual([job.id]);
    });

    test("are found by all of their characters, however many they are", async () => {
      const start = "a portrait of an old sailor in golden light";
      const one = await insert({ prompt: `${start}, by day` });
      await insert({ prompt: `${start}, by night` });
      expect(await find(`${start}, by day`)).toEqual([one.id]);
    });

    describe("among thousands of jobs", () => {
      /** Every hundredth is of a cat; of each owner's together, whatever their status. */
      beforeEach(async () => {
        await execute(`
          insert into jobs (id, owner_id, deployment_id, api_version, status, version, created_at,
            updated_at, work, submit_until)
          with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < 2400)
          select 'job_' || n, case when n % 2 = 0 then 'mine' else 'theirs' end, 'd', 'v1',
            case when n % 3 = 0 then 'FAILED' else 'SUCCEEDED' end, 1, n, n, 1, 0 from numbers`);
        await execute(`insert into job_texts (owner_id, created_at, job_id, search)
          select owner_id, created_at, id, case when created_at % 100 = 0 then 'a cat' else 'a dog' end from jobs`);
        await execute(`insert into job_tags (job_id, tag, owner_id, created_at)
          select id, 'all', owner_id, created_at from jobs`);
      });

      const CATS = Array.from({ length: 24 }, (_, index) => `job_${2_400 - 100 * index}`);
      const WALKS: [JobFilter, readonly string[]][] = [
        [{ text: "cat" }, CATS],
        [{ text: "cat", ownerId: "mine" }, CATS],
        [{ text: "cat", ownerId: "theirs" }, []],
        [{ text: "cat", deploymentId: "d" }, CATS],
        [
          { text: "cat", tag: "all", statuses: ["FAILED"] },
          CATS.filter((id) => Number(id.slice(4)) % 3 === 0),
        ],
        [{ tag: "all", statuses: ["CANCELLED"], ownerId: "mine" }, []],
        [{ tag: "all", deploymentId: "other" }, []],
      ];

      test("a list is whole, and ends at its end", async () => {
        for (const [filter, ids] of WALKS) {
          for (const direction of ["forward", "backward"] as const) {
            const range = { filter, direction, limit: 100 };
            const page = await store().jobs.list(range, createWalkBudget({ now: () => 0 }));
            const found = page.jobs.map(({ id }) => id);
            expect(direction === "forward" ? found : found.toReversed()).toEqual(ids);
            expect(page.stoppedAt).toBeNull();
          }
        }
      });

      test("a walk whose time is spent stops where it is, and goes on from there without gaps or doubles", async () => {
        for (const [filter, ids] of WALKS) {
          for (const direction of ["forward", "backward"] as const) {
            const found: string[] = [];
            let pages = 0;
            for (let place = {}; ; pages++) {
              // Each reading takes longer than a whole operation may.
              let ms = 0;
              const budget = createWalkBudget({ now: () => (ms += 6_000) });
              const range = { filter, direction, limit: 2, ...place };
              const { jobs, stoppedAt } = await store().jobs.list(range, budget);
              found.push(...jobs.map(({ id }) => id));
              if (stoppedAt === null) break;
              place = { [direction === "forward" ? "after" : "before"]: stoppedAt };
            }
            expect(direction === "forward" ? found : found.toReversed()).toEqual(ids);
            expect(pages).toBeGreaterThan(5);
          }
        }
      });

      test("all walks of an operation share their time, and each of them makes a step", async () => {
        let ms = 0;
        const budget = createWalkBudget({ now: () => (ms += 1_500) });
        const filter = { text: "bird" };
        const list = () => store().jobs.list({ filter, direction: "forward", limit: 10 }, budget);
        const ends = [await list(), await list(), await list()];
        expect(ends.map(({ stoppedAt }) => stoppedAt?.createdAt.getTime())).toEqual([
          // Of 100 rows and, as these took long, of 50; then nothing is left.
          2_251, 2_301, 2_301,
        ]);
      });
    });
  });
}
