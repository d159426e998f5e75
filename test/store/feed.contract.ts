import { randomUUID } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";

import { describe, expect, test } from "vitest";

import { BadCursorError } from "../../src/engine/job/errors.ts";
import type { Job } from "../../src/engine/job/job.ts";
import { NOT_KEPT } from "../../src/engine/job/asset.ts";
import type { FeedPage } from "../../src/engine/store/feed.ts";
import { readFeed } from "../support/read-feed.ts";
import { toResult } from "../support/to-result.ts";
import {
  ACCEPTED,
  addMany,
  CANCELLED,
  type Context,
  insertJob,
  makeJob,
  RUNNING,
  see,
  SUCCEEDED,
  toPutBack,
} from "./store-jobs.ts";

const URLS = ["https://files.example.com/0.png"];

/** What every database promises of the feed. */
export function describeFeed({ store, restart, pass, execute }: Context): void {
  /** Of a deployment of its own, which has run nothing yet. */
  const insert = () =>
    insertJob(store(), { deploymentId: randomUUID(), status: "IN_QUEUE", requestId: "r" });
  const move = (job: Job, queuePosition = 1) =>
    see(store(), job, { kind: "queued", queuePosition });
  const idsOf = (page: FeedPage | null) => page?.changes.map(({ job }) => job.id);

  /** Everything behind a place, page by page, and the place behind it. */
  async function readOn(from: string, limit = 100) {
    const changes: FeedPage["changes"][number][] = [];
    let cursor = from;
    for (let pages = 0; pages < 100; pages++) {
      const page = await readFeed(store(), cursor, limit);
      if (page === null) throw new Error("the feed asked for a reset");
      expect(page.changes.length).toBeLessThanOrEqual(limit);
      changes.push(...page.changes);
      cursor = page.cursor;
      if (page.isLast) return { changes, jobs: changes.map(({ job }) => job), cursor };
    }
    throw new Error("the feed has no end");
  }

  describe("the feed", () => {
    test("begins behind what has happened and reports what happens next, once, also over a restart", async () => {
      const before = await insert();
      const head = await store().feed.readHead();
      expect(await readOn(head)).toMatchObject({ jobs: [] });
      const inserted = await insert();
      const moved = await move(before);
      const first = await readOn(head);
      expect(first.jobs).toEqual([inserted, moved]);
      expect((await readOn(first.cursor)).jobs).toEqual([]);
      await restart();
      const after = await insert();
      expect((await readOn(head)).jobs).toEqual([inserted, moved, after]);
    });

    test("merges the changes of a job into its newest state, in the place of the last one, and leaves out what was deleted", async () => {
      const head = await store().feed.readHead();
      const [moved, gone, other] = [await insert(), await insert(), await insert()];
      let newest = moved;
      for (let position = 9; position > 0; position--) newest = await move(newest, position);
      await see(store(), gone, CANCELLED);
      expect(await store().jobs.delete(gone.id)).toBe(true);
      expect((await readOn(head)).jobs).toEqual([other, newest]);
    });

    test("reports nothing when nothing changed: not of a poll, a longer lease or a save that was refused", async () => {
      const { feed, jobs, polls } = store();
      const job = await see(store(), await insertJob(store()), ACCEPTED);
      const submitting = await insertJob(store());
      const head = await feed.readHead();
      await pass(500);
      const claimed = await polls.claimDue({ limit: 1, exceptDeployments: [] });
      expect(claimed.polls).toMatchObject([{ job: { id: job.id } }]);
      await polls.putBack(claimed.polls.map((poll) => toPutBack(poll)));
      expect(await jobs.extendSubmit(submitting.id, 60_000)).toBe(true);
      expect(await jobs.save(job, { ...job, version: 7 }, null)).toBe(false);
      expect((await readOn(head)).jobs).toEqual([]);
    });

    test("reports a job once the upstream has it, and nothing of one that was refused", async () => {
      const head = await store().feed.readHead();
      const [refused, job] = [await insertJob(store()), await insertJob(store())];
      expect((await readOn(head)).jobs).toEqual([]);
      await store().jobs.withdraw(refused.id);
      const accepted = await see(store(), job, ACCEPTED);
      expect((await readOn(head)).jobs).toEqual([accepted]);
    });

    test.for([1, 3, 7])(
      "is whole in pages of %i, and from each event's cursor on",
      async (limit) => {
        const head = await store().feed.readHead();
        const ids: string[] = [];
        for (let index = 0; index < 7; index++) ids.push((await insert()).id);
        expect((await readOn(head, limit)).jobs.map(({ id }) => id)).toEqual(ids);
        const page = await readFeed(store(), head, limit);
        for (const [index, { cursor }] of (page?.changes ?? []).entries()) {
          const rest = (await readOn(cursor, limit)).jobs.map(({ id }) => id);
          expect(rest).toEqual(ids.slice(index + 1));
        }
        expect(page?.changes).toHaveLength(limit);
        expect(page?.changes.at(-1)?.cursor).toBe(page?.cursor);
      },
    );

    test("reports a job that changes between two pages in its newest state, and loses nobody", async () => {
      const head = await store().feed.readHead();
      const jobs = [];
      for (let index = 0; index < 4; index++) jobs.push(await insert());
      const [reported, second, third, fourth] = jobs;
      if (!reported || !third) throw new Error("four jobs were inserted");
      const page = await readFeed(store(), head, 1);
      expect(page).toMatchObject({ changes: [{ job: reported }], isLast: false });
      const again = [await move(reported), await move(third)];
      expect((await readOn(page?.cursor ?? "", 1)).jobs).toEqual([second, fourth, ...again]);
    });

    test("never gives an empty page while there is more", async () => {
      const head = await store().feed.readHead();
      const [first, second] = [await insert(), await insert()];
      const page = await readFeed(store(), head, 1);
      // All that is left of the first stage moves on to the next.
      await move(second);
      const next = await readFeed(store(), page?.cursor ?? "", 1);
      expect([idsOf(page), idsOf(next)]).toEqual([[first.id], [second.id]]);
    });

    test("says why it reports a job, as seen from the reader's place", async () => {
      const { feed, files } = store();
      const beginning = await feed.readHead();
      const job = await insert();
      const reasonsSince = async (cursor: string) =>
        (await readFeed(store(), cursor, 10))?.changes.map(({ reason }) => reason);
      const queued = await feed.readHead();
      const moved = await move(job);
      expect(await reasonsSince(beginning)).toEqual(["STATUS"]);
      expect(await reasonsSince(queued)).toEqual(["PROGRESS"]);
      const paused = await see(store(), moved, { kind: "not-ours" });
      expect(await reasonsSince(queued)).toEqual(["PROGRESS"]);
      await see(store(), paused, toResult(null, URLS));
      expect(await reasonsSince(queued)).toEqual(["STATUS"]);
      const end = await feed.readHead();
      const claimed = await files.claimDue({ limit: 10, claimMs: 30_000 });
      for (const file of claimed.files) await files.settle(file, { ...NOT_KEPT, state: "FAILED" });
      expect(await reasonsSince(end)).toEqual(["FILES"]);
      // A reader who has not had the end yet gets it, with all that came after it.
      expect(await reasonsSince(queued)).toEqual(["STATUS"]);
    });

    test("reports a cost once, which comes with the end or makes a version of its own", async () => {
      const { feed, files, jobs, lateCosts } = store();
      const due = { ...toResult(null, URLS), isCostDue: true };
      const late = await see(store(), await insert(), due);
      const reported = await see(store(), await insert(), { ...SUCCEEDED, cost: 0.04 });
      const end = await feed.readHead();
      const reasons = async () =>
        (await readFeed(store(), end, 10))?.changes.map(({ job, reason }) => [job.id, reason]);
      await execute("update late_costs set due_at = 0");
      const { costs } = await lateCosts.claimDue({ limit: 10, exceptDeployments: [] });
      for (const claim of costs) await lateCosts.settle(claim, 0.1 + 0.2);
      expect(await reasons()).toEqual([[late.id, "COST"]]);
      const read = (job: Job) => jobs.read(job.id);
      expect(await read(late)).toMatchObject({ cost: 0.1 + 0.2, version: late.version + 1 });
      expect(await read(reported)).toMatchObject({ cost: 0.04, version: reported.version });
      const claimed = await files.claimDue({ limit: 10, claimMs: 30_000 });
      for (const file of claimed.files) await files.settle(file, { ...NOT_KEPT, state: "FAILED" });
      expect(await reasons()).toEqual([[late.id, "FILES"]]);
    });

    test("says that a status is new although its job changed again before it could be reported", async () => {
      const { feed } = store();
      const head = await feed.readHead();
      const [reported, moved] = [await insert(), await insert()];
      const until = await feed.readHead();
      const expectPage = (page: FeedPage | null, job: Job, reason: string) =>
        expect(page?.changes).toMatchObject([{ job: { id: job.id }, reason }]);
      // Between the two statements of a read, and then between two pages.
      const first = await move(reported);
      const page = await feed.read(head, { until, limit: 1 });
      expectPage(page, moved, "STATUS");
      const next = await readFeed(store(), page?.cursor ?? "", 10);
      expectPage(next, reported, "STATUS");
      const second = await move(first, 2);
      expectPage(await readFeed(store(), next?.cursor ?? "", 10), reported, "PROGRESS");

      const again = await readFeed(store(), head, 1);
      expectPage(again, moved, "STATUS");
      await move(second, 3);
      expectPage(await readFeed(store(), again?.cursor ?? "", 10), reported, "STATUS");
    });

    test("says so of any number of jobs, and of each once where they can be listed", async () => {
      const changeAll = () => execute("update jobs set version = version + 1");
      for (const count of [100, 101]) {
        const head = await store().feed.readHead();
        await execute(addMany(count).replaceAll("job_'", `job_${count}_'`));
        const until = await store().feed.readHead();
        await changeAll();
        const page = await store().feed.read(head, { until, limit: 200 });
        const next = await readOn(page?.cursor ?? "");
        expect([page?.changes, next.changes.length]).toEqual([[], count]);
        expect(new Set(next.changes.map(({ reason }) => reason))).toEqual(new Set(["STATUS"]));
        await changeAll();
        const last = await readOn(next.cursor, 200);
        expect(last.changes).toHaveLength(count);
        expect(last.changes.map(({ reason }) => reason)).not.toContain("STATUS");
        await execute("delete from jobs");
      }
    });

    test("misses nothing while many write and one reads on, and says where a status is new", async () => {
      let cursor = await store().feed.readHead();
      const newest = new Map<string, Job>();
      const writing = { isOver: false };
      const writers = Array.from({ length: 6 }, async () => {
        let job = await insert();
        for (let position = 9; position > 0; position--) job = await move(job, position);
        job = await see(store(), job, RUNNING, toResult(null, URLS));
        await store().files.request(job, [...URLS, "https://a.b/c"]);
        return await store().jobs.read(job.id);
      });
      const written = Promise.all(writers).finally(() => {
        writing.isOver = true;
      });
      const note = async () => {
        const read = await readOn(cursor);
        cursor = read.cursor;
        for (const { job, reason } of read.changes) {
          const before = newest.get(job.id);
          expect(job.version).toBeGreaterThan(before?.version ?? 0);
          const isNew = job.status !== before?.status;
          expect([job.id, reason === "STATUS"]).toEqual([job.id, isNew]);
          newest.set(job.id, job);
        }
      };
      while (!writing.isOver) {
        await note();
        await nextTurn();
      }
      const jobs = await written;
      await note();
      expect(newest).toEqual(new Map(jobs.map((job) => [job?.id, job])));
    });

    test("has one cursor for all who have come to the same end, from wherever", async () => {
      const { feed } = store();
      const early = await feed.readHead();
      const job = await insert();
      const late = await feed.readHead();
      const until = await feed.readHead();
      const read = (cursor: string) => feed.read(cursor, { until, limit: 10 });
      const changes = [{ cursor: until, job, reason: "STATUS" }];
      expect(await read(early)).toEqual({ changes, cursor: until, isLast: true });
      expect(await read(late)).toEqual({ changes: [], cursor: until, isLast: true });
    });
  });

  describe("a cursor of the feed", () => {
    test("asks for a reset where it is empty, or of another form or another seal, and is refused where somebody has changed it", async () => {
      const [form, tag, sealed] = decode(await store().feed.readHead());
      for (const text of ["", `feed0_${tag}_${sealed}`, `${form}_${"0".repeat(12)}_${sealed}`])
        expect(await readFeed(store(), text, 10)).toBeNull();
      expect(await readFeed(store(), `${form}_${tag}_${sealed}`, 10)).not.toBeNull();
      const flipped = (sealed.startsWith("A") ? "B" : "A") + sealed.slice(1);
      for (const changed of [flipped, sealed.slice(4), sealed.slice(0, -4), "", "short"]) {
        const reading = readFeed(store(), `${form}_${tag}_${changed}`, 10);
        await expect(reading).rejects.toBeInstanceOf(BadCursorError);
      }
    });

    test("reveals nothing of what has changed: neither by what it says nor by being the same", async () => {
      const first = decode(await store().feed.readHead());
      const again = decode(await store().feed.readHead());
      await insert();
      const later = decode(await store().feed.readHead());
      expect(new Set([first, again, later].map((parts) => parts[2])).size).toBe(3);
      expect([again[1], later[1]]).toEqual([first[1], first[1]]);
    });

    test("is refused, with what to do, where it is none", async () => {
      await store().feed.readHead();
      const forged = ["feed1_0123456789ab", "feed1_0123456789ab_sealed?", "feed1_tag_sealed"];
      for (const text of [...forged, "?", makeJob().id, "x".repeat(300_000)]) {
        const error = await readFeed(store(), text, 10).catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(BadCursorError);
        expect(String(error)).toMatch(/leave it out/);
      }
    });
  });
}

/** What is in clear in a cursor: its form, and under which seal the rest is. */
function decode(cursor: string): readonly [string, string, string] {
  const [, form = "", tag = "", sealed = ""] = /^(feed\d+)_([\da-f]+)_(.+)$/.exec(cursor) ?? [];
  return [form, tag, sealed];
}
