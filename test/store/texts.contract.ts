import { describe, expect, test } from "vitest";

import { createJob, type Job } from "../../src/job/job.ts";
import type { JsonObject } from "../../src/job/json.ts";
import { foldText } from "../../src/job/search-text.ts";
import type { JobFilter, JobRange, JobStore } from "../../src/store/job-store.ts";
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
    const jobs = await store().jobs.list({
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
        expect(await store().jobs.count({ text: foldText(text) }), text).toBe(1);
      }
      for (const text of ["sailor old", "a_sa", "%%%", "😀https", "😀 https", "___", "old AND"])
        expect(await find(text), text).toEqual([]);
    });

    test("filter a list together with all else, counted alike", async () => {
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
        [{ tag: "x", ownerId: "mine too" }, []],
        [{ statuses: [] }, []],
        [{ statuses: ["FAILED", "IN_QUEUE"], ownerId: "mine" }, [queued, failed, other]],
        [{ deploymentId: "e" }, [other]],
        [{ createdAfter: theirs.createdAt, createdBefore: queued.createdAt }, [failed, other]],
      ];
      for (const [filter, expected] of cases) {
        const ids = expected.map(({ id }) => id);
        expect(await find("cat", filter)).toEqual(ids);
        expect(await store().jobs.count({ ...filter, text: "cat" })).toBe(ids.length);
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

    test("are found as a whole where more than 10,000 inputs begin alike", async () => {
      const start = "masterpiece, best quality, highly detailed, ";
      const one = await insert({ prompt: `${start}the only boat` });
      await execute(`
        insert into jobs (id, owner_id, deployment_id, api_version, status, version, created_at,
          updated_at, work, submit_until)
        with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < 10020)
        select 'job_' || n, 'mine', 'd', 'v1', 'FAILED', 1, n + 1000, n + 1000, 1, 0 from numbers`);
      await execute(`insert into job_documents (job_id, input_bytes, input, search)
        select id, 2, '{}', '${start}a cat ' || id from jobs where id <> '${one.id}'`);
      expect(await find(`${start}the only boat`)).toEqual([one.id]);
      expect(await store().jobs.count({ text: `${start}the only boat` })).toBe(1);
    });

    test("are counted to 10,000 and no further", async () => {
      await execute(`
        insert into jobs (id, owner_id, deployment_id, api_version, status, version, created_at,
          updated_at, work, submit_until)
        with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < 10020)
        select 'job_' || n, 'many', 'd', 'v1', 'FAILED', 1, n, n, 1, 0 from numbers`);
      await execute(`insert into job_documents (job_id, input_bytes, input, search)
        select id, 2, '{}', 'a cat' from jobs where owner_id = 'many' order by created_at`);
      const rare = await insert({ prompt: "a cat" }, at(0));
      expect(await store().jobs.count({ text: "cat" })).toBe(10_000);
      expect(await store().jobs.count({ text: "cat", ownerId: "mine" })).toBe(1);
      expect(await find("cat", { ownerId: "mine" })).toEqual([rare.id]);
      const [newest] = await find("cat", { ownerId: "many" });
      expect(newest).toBe("job_10020");
      // Behind the newest 10,000.
      const early = { ownerId: "many", createdBefore: new Date(4) };
      expect(await find("cat", early)).toEqual(["job_3", "job_2", "job_1"]);
      expect(await store().jobs.count({ ...early, text: "cat" })).toBe(3);
      const after = { createdAt: new Date(3), id: "job_3" };
      expect(await find("cat", { ownerId: "many" }, { after })).toEqual(["job_2", "job_1"]);
      expect(await find("cat", { createdBefore: new Date(0) })).toEqual([]);
    });

    test("are found by all of their characters, however many they are", async () => {
      const start = "a portrait of an old sailor in golden light";
      const one = await insert({ prompt: `${start}, by day` });
      await insert({ prompt: `${start}, by night` });
      expect(await find(`${start}, by day`)).toEqual([one.id]);
      expect(await store().jobs.count({ text: `${start}, by day` })).toBe(1);
    });
  });
}
