import { describe, expect, test } from "vitest";

import type { Job, JobStatus } from "../../src/engine/job/job.ts";
import { type JobFilter, type JobRange, matches } from "../../src/engine/store/list-jobs.ts";
import { Labeler, toLabelEdit } from "../../src/engine/tracking/edit-labels.ts";
import { readFeed } from "../support/read-feed.ts";
import {
  ACCEPTED,
  type Context,
  FAILED,
  insertJob,
  makeJob,
  RUNNING,
  see,
  SUCCEEDED,
} from "./store-jobs.ts";

const NOTHING = { addTags: [], removeTags: [], isStarred: null };

/** What every database promises of tags and stars that change. */
export function describeLabels({ store, statements, execute }: Context): void {
  const insert = (facts: Partial<Job> = {}) =>
    insertJob(store(), { ownerId: "mine", tags: ["a", "b"], ...facts });
  const label = async (job: Job, tags: readonly string[], isStarred = job.isStarred) => {
    const labelled = await store().jobs.label(job, { tags, isStarred });
    if (labelled === null) throw new Error("its labels are others");
    return labelled;
  };
  /** By twos, each page from where the one before stopped. */
  async function page(
    filter: JobFilter,
    direction: JobRange["direction"],
    start: "after" | "before",
  ): Promise<string[]> {
    const ids: string[] = [];
    let place: Partial<JobRange> = {};
    for (;;) {
      const range = { filter, direction, limit: 2, ...place };
      const { jobs, stoppedAt } = await store().jobs.list(range);
      ids.push(...jobs.map(({ id }) => id));
      if (stoppedAt === null) return ids;
      place = { [start]: stoppedAt };
    }
  }
  const listIds = async (filter: JobFilter) =>
    (await store().jobs.list({ filter, direction: "forward", limit: 100 })).jobs.map(
      ({ id }) => id,
    );

  describe("labels", () => {
    test("change at any time, as a new version that the feed reports and that wakes watchers", async () => {
      const { feed, jobs } = store();
      const insertedAt = new Date(1_000);
      const open = await see(store(), await insert({ updatedAt: insertedAt }), ACCEPTED);
      const ended = await see(store(), await insert(), SUCCEEDED);
      const head = await feed.readHead();
      for (const { id } of [open, ended]) {
        const job = await read({ id });
        let woken = 0;
        const stop = feed.subscribeToJob(job.id, () => (woken += 1));
        const labelled = await label(job, ["b", "c"], true);
        expect(woken).toBe(1);
        stop();
        // How long it may still wait is counted from its last other change.
        const { version } = job;
        const expected = { ...job, version: version + 1, tags: ["b", "c"], isStarred: true };
        expect(labelled).toEqual(expected);
        expect(await jobs.read(job.id)).toEqual(expected);
        expect(await jobs.readHistories([job.id])).toEqual([
          expect.not.arrayContaining([expect.objectContaining({ version: version + 1 })]),
        ]);
      }
      const reported = (await readFeed(store(), head, 10))?.changes;
      expect(reported?.map(({ job, reason }) => [job.id, reason])).toEqual([
        [open.id, "LABELS"],
        [ended.id, "LABELS"],
      ]);
      expect(await listIds({ tag: "a" })).toEqual([]);
      for (const filter of [{ tag: "b" }, { tag: "c", ownerId: "mine" }, { isStarred: true }]) {
        expect(await listIds(filter)).toHaveLength(2);
        expect(await jobs.count(filter)).toBe(2);
      }
      for (const job of [open, ended]) await label(await read(job), [], false);
      expect(await listIds({ isStarred: true })).toEqual([]);
      expect(await listIds({ isStarred: false })).toHaveLength(2);
    });

    test("outlive what is written of a job's run, which is written over no other labels", async () => {
      const job = await see(store(), await insert(), ACCEPTED);
      const head = await store().feed.readHead();
      await label(job, ["c"], true);
      const stale = { ...job, version: job.version + 1, queuePosition: 3 };
      expect(await store().jobs.save(job, stale, null)).toBe(false);
      const running = await see(store(), await read(job), RUNNING);
      expect(running).toMatchObject({ tags: ["c"], isStarred: true, status: "IN_PROGRESS" });
      const ended = await see(store(), running, SUCCEEDED);
      expect(await read(job)).toEqual(ended);
      const reasons = (await readFeed(store(), head, 10))?.changes.map(({ reason }) => reason);
      expect(reasons).toEqual(["STATUS"]);
      expect(await listIds({ isStarred: true, tag: "c" })).toEqual([job.id]);
    });

    test("are those that were read when they change, and go with their job", async () => {
      const { jobs } = store();
      const job = await see(store(), await insert(), FAILED);
      const labelled = await label(job, ["c"]);
      expect(await jobs.label(job, { tags: ["d"], isStarred: true })).toBeNull();
      expect(await jobs.read(job.id)).toEqual(labelled);
      await label(labelled, ["c"], true);
      expect(await jobs.label(labelled, { tags: ["d"], isStarred: false })).toBeNull();
      await jobs.delete(job.id);
      expect(await jobs.label(labelled, { tags: [], isStarred: true })).toBeNull();
      expect(await listIds({ tag: "c" })).toEqual([]);
      expect(await jobs.count({ isStarred: true })).toBe(0);
      expect(await jobs.countTags("mine", { startsWith: "", limit: 9 })).toEqual([]);
    });

    test("of many edits at once none is lost", async () => {
      const job = await see(store(), await insert({ tags: [] }), SUCCEEDED);
      const labeler = new Labeler(store());
      const tags = Array.from({ length: 8 }, (_, index) => `tag ${index}`);
      const edits = tags.map((tag) => toLabelEdit({ ...NOTHING, addTags: [tag] }));
      await Promise.all(edits.map((edit) => labeler.editJob(job.id, "mine", edit)));
      const edited = await read(job);
      expect(edited.tags.toSorted()).toEqual(tags);
      expect(edited.version).toBe(job.version + 8);
      for (const tag of tags) expect(await listIds({ tag })).toEqual([job.id]);
      // Where nothing would change, nothing is written.
      statements.length = 0;
      const edit = { addTags: ["tag 3"], removeTags: ["tag 3"], isStarred: false };
      const swapped = await labeler.editJob(job.id, "mine", toLabelEdit(edit));
      expect(swapped.tags.at(-1)).toBe("tag 3");
      statements.length = 0;
      await labeler.editJob(job.id, "mine", toLabelEdit({ ...edit, removeTags: ["unknown"] }));
      expect(statements.filter((text) => /\b(update|insert|delete)\b/.test(text))).toEqual([]);
    });

    test("find jobs together with every other condition, in any order and in steps", async () => {
      const all: Job[] = [];
      const statuses: readonly JobStatus[] = ["FAILED", "CANCELLED", "IN_QUEUE"];
      for (let index = 0; index < 24; index++) {
        const facts = {
          ownerId: index % 12 === 11 ? "theirs" : "mine",
          deploymentId: index % 2 === 0 ? "d" : "e",
          status: statuses[index % 3] ?? "FAILED",
          requestId: "r",
          tags: index % 4 < 2 ? ["a"] : [],
          createdAt: new Date(Math.floor(index / 2) * 1_000),
        };
        const job = await insertJob(store(), facts, { input: { prompt: "a cat" } });
        all.push(await label(job, job.tags, index % 5 < 2));
      }
      const newestFirst = all.toSorted(
        (a, b) => b.createdAt.getTime() - a.createdAt.getTime() || (a.id < b.id ? 1 : -1),
      );
      const others: readonly JobFilter[] = [
        {},
        { ownerId: "mine" },
        { tag: "a" },
        { statuses: ["FAILED", "IN_QUEUE"] },
        { deploymentId: "d" },
        { text: "cat" },
        { createdAfter: new Date(2_000), createdBefore: new Date(9_000) },
        { ownerId: "mine", tag: "a", statuses: ["FAILED"], deploymentId: "d", text: "cat" },
        { ownerId: "mine", statuses: ["FAILED"], text: "cat" },
        { ownerId: "mine", text: "cat" },
      ];
      for (const isStarred of [true, false]) {
        for (const other of others) {
          const filter = { ...other, isStarred };
          const expected = newestFirst
            .filter((job) => matches(job, filter) && (other.ownerId ?? job.ownerId) === job.ownerId)
            .map(({ id }) => id);
          expect(await listIds(filter), JSON.stringify(filter)).toEqual(expected);
          expect(expected.length, JSON.stringify(filter)).toBeGreaterThan(0);
          expect(await page(filter, "forward", "after")).toEqual(expected);
          expect(await page(filter, "backward", "before")).toEqual(expected.toReversed());
        }
      }
      expect(await store().jobs.count({ isStarred: true, ownerId: "mine" })).toBeGreaterThan(0);
      for (const filter of [{ isStarred: false }, { isStarred: true, tag: "a" }])
        expect(await store().jobs.count(filter)).toBeNull();
    });
  });

  describe("the tags of an owner", () => {
    const add = (first: number, last: number, tag: string, ownerId = "mine") =>
      execute(`
        insert into jobs (id, owner_id, kind, deployment_id, upstream, api_version, status, version, created_at,
          updated_at, work, submit_until)
        with recursive numbers (n) as (
          select ${first} union all select n + 1 from numbers where n < ${last})
        select 'job_' || n, '${ownerId}', 'lora', 'd', 'sandbox', 'v1', 'FAILED', 1, n, n, 1, 0 from numbers;
        insert into job_tags (job_id, tag, owner_id, created_at)
        select id, ${tag}, owner_id, created_at from jobs
          where owner_id = '${ownerId}' and created_at between ${first} and ${last}`);
    const count = (startsWith = "", limit = 5) =>
      store().jobs.countTags("mine", { startsWith, limit });

    test("come the most used first, without stars and without anybody else's", async () => {
      await label(await insert({ tags: ["b", "a"] }), ["b", "a"], true);
      await insert({ tags: ["b", "bé", "B"] });
      await insert({ tags: ["bé"], ownerId: "theirs" });
      expect(await count()).toEqual([
        { tag: "b", count: 2 },
        { tag: "B", count: 1 },
        { tag: "a", count: 1 },
        { tag: "bé", count: 1 },
      ]);
      expect(await count("", 1)).toEqual([{ tag: "b", count: 2 }]);
      expect(await count("b")).toEqual([
        { tag: "b", count: 2 },
        { tag: "bé", count: 1 },
      ]);
      expect(await count("b%")).toEqual([]);
      expect(await store().jobs.countTags("nobody", { startsWith: "", limit: 9 })).toEqual([]);
    });

    test("are counted in steps, each to 1,000, however many there are", async () => {
      await add(1, 2_600, "'common'");
      await add(3_001, 4_000, "'exact'");
      await add(5_001, 5_700, "'more'");
      // One of its own for each job, before and behind the others.
      await add(6_001, 8_500, "'alone ' || id");
      await add(9_001, 9_900, "'z ' || id");
      statements.length = 0;
      expect(await count("", 4)).toEqual([
        { tag: "common", count: 1_000 },
        { tag: "exact", count: 1_000 },
        { tag: "more", count: 700 },
        { tag: "alone job_6001", count: 1 },
      ]);
      // Each reads at most 1,000 rows: none goes through all of a common tag.
      expect(statements.length).toBeLessThan(12);
      expect(await count("mo")).toEqual([{ tag: "more", count: 700 }]);
      const spent = { step: async <T>(run: () => Promise<T>) => ({ value: await run(), ms: 0 }) };
      const budget = { ...spent, isSpent: () => true };
      const some = await store().jobs.countTags("mine", { startsWith: "", limit: 3 }, budget);
      expect(some.map(({ count: jobs }) => jobs)).toEqual([1, 1, 1]);
    });
  });

  async function read({ id }: Pick<Job, "id">): Promise<Job> {
    return (await store().jobs.read(id)) ?? makeJob({ id: "gone" });
  }
}
