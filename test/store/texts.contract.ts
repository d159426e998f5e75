import { beforeEach, describe, expect, test } from "vitest";

import { type Job, JOB_STATUSES } from "../../src/engine/job/job.ts";
import type { JsonObject } from "../../src/engine/job/json.ts";
import { foldText } from "../../src/engine/job/input.ts";
import {
  createWalkBudget,
  type JobFilter,
  type JobRange,
} from "../../src/engine/store/list-jobs.ts";
import { readFeed } from "../support/read-feed.ts";
import { type Context, insertJob, RUNNING, see } from "./store-jobs.ts";

/** What every database promises of tags and of searches. */
export function describeTexts({ store, execute }: Context): void {
  const insert = (facts: Partial<Job> = {}, input: JsonObject = {}) =>
    insertJob(store(), { ownerId: "mine", createdAt: new Date(1_000), ...facts }, { input });
  const say = (prompt: string, facts: Partial<Job> = {}) => insert(facts, { prompt });
  const at = (ms: number) => ({ createdAt: new Date(ms) });

  async function listIds(filter: JobFilter, range: Partial<JobRange> = {}): Promise<string[]> {
    const all = { filter, direction: "forward", limit: 100 } as const;
    return (await store().jobs.list({ ...all, ...range })).jobs.map(({ id }) => id);
  }
  const find = (text: string) => listIds({ text: foldText(text) });

  describe("tags", () => {
    test("are kept as they are, in their order, and shown wherever the job is", async () => {
      const tags = ["b", "A", "a", "Ü 😀", "it's 100 %", "_"];
      const job = await insert({ tags, status: "IN_QUEUE", requestId: "r" });
      expect(await store().jobs.read(job.id)).toEqual(job);
      const head = await store().feed.readHead();
      await see(store(), job, RUNNING);
      expect((await readFeed(store(), head, 10))?.changes[0]?.job.tags).toEqual(tags);
      for (const tag of tags) {
        expect(await listIds({ tag }), tag).toEqual([job.id]);
        expect(await store().jobs.count({ tag, ownerId: "mine" }), tag).toBe(1);
      }
      expect(await listIds({ tag: "ü 😀" })).toEqual([]);
    });
  });

  test("tags and texts are gone with their job, and not there where it was refused", async () => {
    const facts = { tags: ["a"], status: "FAILED", finishedAt: new Date(1_000) } as const;
    await store().jobs.withdraw((await say("a cat", { tags: ["a"] })).id);
    await store().jobs.delete((await say("a cat", facts)).id);
    const old = await say("a cat", facts);
    expect(await store().jobs.deleteOld({ finishedForMs: 0, sentForMs: 0 }, 10)).toBe(1);
    // With the same id, or what is left of the other would not be seen.
    const again = await say("a dog", { id: old.id, tags: ["b"] });
    await expect(say("a bird", { id: again.id, tags: ["c"] })).rejects.toThrow();
    for (const tag of ["a", "c"]) expect(await listIds({ tag })).toEqual([]);
    for (const text of ["cat", "bird"]) expect(await find(text)).toEqual([]);
    expect([await listIds({ tag: "b" }), await find("dog")]).toEqual([[old.id], [old.id]]);
  });

  test.each<readonly [string, JobFilter]>([
    ["nothing else", {}],
    ["a tag", { tag: "x" }],
    ["a text", { text: "cat" }],
    ["both", { tag: "x", text: "cat" }],
  ])("%s filters a list together with all else, counted where an index does", async (_, wanted) => {
    const x = { tags: ["x", "y"] };
    const queued = await say("a cat", { ...x, status: "IN_QUEUE", ...at(4_000) });
    const failed = await say("a cat", { ...x, status: "FAILED", ...at(3_000) });
    const other = await say("a cat", { ...x, status: "FAILED", deploymentId: "e", ...at(2_000) });
    // No owner's id that holds another's is taken for it.
    const theirs = await say("a cat", {
      ...x,
      ownerId: "mine too",
      status: "FAILED",
      ...at(1_000),
    });
    const short = await say("a cat", { ...x, ownerId: "m", status: "FAILED", ...at(500) });
    const isPicky = Object.keys(wanted).length > 0;
    if (isPicky) await say("a dog", { tags: ["y"], status: "FAILED", ...at(5_000) });
    const cases: [JobFilter, Job[]][] = [
      [{}, [queued, failed, other, theirs, short]],
      [{ ownerId: "mine" }, [queued, failed, other]],
      [{ ownerId: "mine too" }, [theirs]],
      [{ ownerId: "m" }, [short]],
      [{ ownerId: "MINE" }, []],
      [{ statuses: [] }, []],
      [{ statuses: JOB_STATUSES }, [queued, failed, other, theirs, short]],
      [{ statuses: ["FAILED", "FAILED"] }, [failed, other, theirs, short]],
      [{ statuses: ["FAILED", "IN_QUEUE"], ownerId: "mine" }, [queued, failed, other]],
      [{ deploymentId: "e" }, [other]],
      [{ deploymentId: "d", statuses: ["FAILED"], ownerId: "mine" }, [failed]],
      [{ createdAfter: theirs.createdAt, createdBefore: queued.createdAt }, [failed, other]],
      [{ createdAfter: other.createdAt, ownerId: "mine" }, [queued, failed]],
    ];
    for (const [more, expected] of cases) {
      const filter = { ...more, ...wanted };
      const ids = expected.map(({ id }) => id);
      expect(await listIds(filter)).toEqual(ids);
      const { text, statuses, deploymentId } = filter;
      const isCounted = !isPicky || (text ?? statuses ?? deploymentId) === undefined;
      expect(await store().jobs.count(filter)).toBe(isCounted ? ids.length : null);
      expect(await listIds(filter, { limit: 1 })).toEqual(ids.slice(0, 1));
      expect(await listIds(filter, { direction: "backward" })).toEqual(ids.toReversed());
    }
  });

  describe("texts", () => {
    test("find the jobs whose input holds all of their characters, at any place and in any case", async () => {
      const prompt =
        'An old SAILOR\'s Größe, in golden-light 100 %_ \\ "quoted" 日本語 😀😀😀, by day';
      const images = [{ url: "https://files.example/Boat.png" }];
      const job = await insert({}, { prompt, images });
      await say(prompt.replace("day", "night"));
      await say("Nobody");
      const found = ["by day", `${prompt.slice(0, -3)}day`, "boat.png"];
      for (const text of found) expect(await find(text), text).toEqual([job.id]);
      const parts = ["An old", "AILO", "sailor's", "größe", "golden-light", "0 %_ \\", '"quoted"'];
      for (const text of [...parts, "日本語", "😀😀😀"])
        expect(await find(text), text).toHaveLength(2);
      for (const text of ["sailor old", "a_sa", "%%%", "😀https", "😀 https", "___", "old AND"])
        expect(await find(text), text).toEqual([]);
    });

    describe("among thousands of jobs", () => {
      /** Every fiftieth is of a cat; of each owner's together, whatever their status. */
      beforeEach(() =>
        execute(`
          insert into jobs (id, owner_id, kind, deployment_id, upstream, api_version, status, version, created_at,
            updated_at, work, submit_until, tags)
          with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < 1200)
          select 'job_' || n, case when n % 2 = 0 then 'mine' else 'theirs' end, 'lora', 'd', 'sandbox', 'v1',
            case when n % 3 = 0 then 'FAILED' else 'SUCCEEDED' end, 1, n, n, 1, 0, '["all"]' from numbers;
          insert into job_texts (owner_id, created_at, job_id, search)
          select owner_id, created_at, id, case when created_at % 50 = 0 then 'a cat' else 'a dog' end from jobs;
          insert into job_tags (job_id, tag, owner_id, created_at)
          select id, 'all', owner_id, created_at from jobs`),
      );

      const CATS = Array.from({ length: 24 }, (_, index) => `job_${1_200 - 50 * index}`);
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
      const EACH_WAY = WALKS.flatMap(([filter, ids]) => [
        { filter, direction: "forward", ids } as const,
        { filter, direction: "backward", ids: ids.toReversed() } as const,
      ]);

      test("a list is whole, and ends at its end; where its time is spent it goes on from where it stopped", async () => {
        for (const { ids, ...range } of EACH_WAY) {
          const budget = createWalkBudget({ now: () => 0 });
          const whole = await store().jobs.list({ ...range, limit: 100 }, budget);
          expect(whole.jobs.map(({ id }) => id)).toEqual(ids);
          expect(whole.stoppedAt).toBeNull();
          const found: string[] = [];
          let pages = 0;
          for (let place = {}; ; pages++) {
            // Each reading takes longer than a whole operation may.
            let ms = 0;
            const spent = createWalkBudget({ now: () => (ms += 6_000) });
            const page = await store().jobs.list({ ...range, limit: 2, ...place }, spent);
            found.push(...page.jobs.map(({ id }) => id));
            if (page.stoppedAt === null) break;
            place = { [range.direction === "forward" ? "after" : "before"]: page.stoppedAt };
          }
          expect(found).toEqual(ids);
          expect(pages).toBeGreaterThan(5);
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
          1_051, 1_101, 1_101,
        ]);
      });
    });
  });
}
