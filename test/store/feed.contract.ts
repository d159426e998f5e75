import { randomUUID } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";

import { describe, expect, test } from "vitest";

import { advance } from "../../src/job/advance.ts";
import { BadCursorError } from "../../src/job/errors.ts";
import { createJob, type Job } from "../../src/job/job.ts";
import { NOT_KEPT } from "../../src/job/asset.ts";
import { NO_POLLS } from "../../src/job/poll-outcome.ts";
import type { FeedPage } from "../../src/store/feed.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import { readFeed } from "../support/read-feed.ts";
import { toResult } from "../support/to-result.ts";

/** What every database promises of the feed. */
export function describeFeed(context: {
  readonly store: () => JobStore;
  /** Goes on with the same database as another gateway. */
  restart(): Promise<void>;
}): void {
  const { store } = context;

  /** Each of a deployment of its own, which has run nothing yet. */
  function create(): Job {
    const deploymentId = randomUUID();
    return createJob({
      ownerId: "local",
      deploymentId,
      upstream: "sandbox",
      apiVersion: "v1",
      now: new Date(0),
    });
  }

  async function insert(): Promise<Job> {
    const job: Job = { ...create(), status: "IN_QUEUE", requestId: "r" };
    expect(await store().jobs.insert({ job, input: {}, key: null })).toBe(true);
    return job;
  }

  async function save(job: Job, queuePosition = 1): Promise<Job> {
    const next = advance(job, { kind: "queued", queuePosition }, new Date(2), "sandbox");
    expect(await store().jobs.save(next, null)).toBe(true);
    return next;
  }

  /** Everything behind a place, page by page, and the place behind it. */
  async function readOn(cursor: string, limit = 100) {
    const changes: FeedPage["changes"][number][] = [];
    let place = cursor;
    for (let page = 0; page < 100; page++) {
      const read = await readFeed(store(), place, limit);
      if (read === null) throw new Error("the feed asked for a reset");
      expect(read.changes.length).toBeLessThanOrEqual(limit);
      changes.push(...read.changes);
      place = read.cursor;
      if (read.isLast) return { changes, jobs: changes.map(({ job }) => job), cursor: place };
    }
    throw new Error("the feed has no end");
  }

  describe("the feed", () => {
    test("begins behind what has happened and tells what happens next, once", async () => {
      const before = await insert();
      const head = await store().feed.readHead();
      expect(await readOn(head)).toMatchObject({ jobs: [] });
      const inserted = await insert();
      const saved = await save(before);
      const first = await readOn(head);
      expect(first.jobs).toEqual([inserted, saved]);
      expect((await readOn(first.cursor)).jobs).toEqual([]);
      expect((await readOn(head)).jobs).toEqual([inserted, saved]);
    });

    test("merges the changes of a job into its newest state, in the place of the last one", async () => {
      const head = await store().feed.readHead();
      const moved = await insert();
      const other = await insert();
      let newest = moved;
      for (let position = 9; position > 0; position--) newest = await save(newest, position);
      expect((await readOn(head)).jobs).toEqual([other, newest]);
    });

    test("tells nothing when nothing changed: not of a poll, a longer lease or a save that was refused", async () => {
      const [job, submitting] = [create(), create()];
      for (const each of [job, submitting]) {
        await store().jobs.insert({ job: each, input: {}, key: null });
      }
      const accepted = advance(job, { kind: "accepted", requestId: "r" }, new Date(1), "sandbox");
      await store().jobs.save(accepted, null);
      const head = await store().feed.readHead();
      const [poll] = await store().polls.claimThese([job.id]);
      if (poll === undefined) throw new Error("an accepted job is followed");
      const { token } = poll;
      await store().polls.putBack([{ ...NO_POLLS, jobId: job.id, token, delayMs: 0 }]);
      expect(await store().jobs.extendSubmit(submitting.id, 60_000)).toBe(true);
      expect(await store().jobs.save({ ...accepted, version: 7 }, null)).toBe(false);
      expect((await readOn(head)).jobs).toEqual([]);
    });

    test.for([1, 2, 3, 7])(
      "is whole in pages of %i, and from each event's cursor on",
      async (limit) => {
        const head = await store().feed.readHead();
        const ids: string[] = [];
        for (let index = 0; index < 7; index++) ids.push((await insert()).id);
        const walked = await readOn(head, limit);
        expect(walked.jobs.map((job) => job.id)).toEqual(ids);
        const page = await readFeed(store(), head, limit);
        for (const [index, change] of (page?.changes ?? []).entries()) {
          const rest = await readOn(change.cursor, limit);
          expect(rest.jobs.map((job) => job.id)).toEqual(ids.slice(index + 1));
        }
        expect(page?.changes).toHaveLength(limit);
        expect(page?.changes.at(-1)?.cursor).toBe(page?.cursor);
      },
    );

    test("tells a job that changes between two pages in its newest state, and loses nobody", async () => {
      const head = await store().feed.readHead();
      const jobs = [];
      for (let index = 0; index < 4; index++) jobs.push(await insert());
      const [told, second, third, fourth] = jobs;
      if (!told || !second || !third || !fourth) throw new Error("four jobs were inserted");
      const page = await readFeed(store(), head, 1);
      expect(page?.changes.map((change) => change.job)).toEqual([told]);
      expect(page?.isLast).toBe(false);
      const [changedAgain, changed] = [await save(told), await save(third)];
      expect((await readOn(page?.cursor ?? "", 1)).jobs).toEqual([
        second,
        fourth,
        changedAgain,
        changed,
      ]);
    });

    test("never gives an empty page while there is more", async () => {
      const head = await store().feed.readHead();
      const [first, second] = [await insert(), await insert()];
      const page = await readFeed(store(), head, 1);
      // All that is left of the first stage moves on to the next.
      const newest = await save(second);
      const next = await readFeed(store(), page?.cursor ?? "", 1);
      expect(page?.changes.map((change) => change.job)).toEqual([first]);
      expect(next?.changes.map((change) => change.job)).toEqual([newest]);
    });

    test("says why it tells of a job, as seen from the reader's place", async () => {
      const beginning = await store().feed.readHead();
      const job = await insert();
      const reasonsSince = async (cursor: string) => {
        const page = await readFeed(store(), cursor, 10);
        return page?.changes.map(({ reason }) => reason);
      };
      const queued = await store().feed.readHead();
      const moved = await save(job);
      expect(await reasonsSince(beginning)).toEqual(["STATUS"]);
      expect(await reasonsSince(queued)).toEqual(["PROGRESS"]);
      const paused = advance(moved, { kind: "not-ours" }, new Date(2), "sandbox");
      await store().jobs.save(paused, null);
      expect(await reasonsSince(queued)).toEqual(["PROGRESS"]);
      const seen = { kind: "succeeded", output: null, finishedAt: null } as const;
      const ended = advance(paused, seen, new Date(3), "sandbox");
      await store().jobs.save(ended, toResult(null, ["https://files.example.com/0.png"]));
      expect(await reasonsSince(queued)).toEqual(["STATUS"]);
      const end = await store().feed.readHead();
      const { files } = await store().files.claimDue({ limit: 10, claimMs: 30_000 });
      for (const file of files) await store().files.settle(file, { ...NOT_KEPT, state: "FAILED" });
      expect(await reasonsSince(end)).toEqual(["FILES"]);
      // Whoever has not heard of the end yet hears of that, with all that came after it.
      expect(await reasonsSince(queued)).toEqual(["STATUS"]);
      await context.restart();
      expect(await reasonsSince(end)).toEqual(["FILES"]);
      expect(await reasonsSince(queued)).toEqual(["STATUS"]);
    });

    test("says that a status is new although its job changed again before it could be told", async () => {
      const head = await store().feed.readHead();
      const [told, moved] = [await insert(), await insert()];
      const until = await store().feed.readHead();
      // Between the two statements of a read, and then between two pages.
      const first = await save(told);
      const page = await store().feed.read(head, { until, limit: 1 });
      expect(page?.changes).toMatchObject([{ job: { id: moved.id }, reason: "STATUS" }]);
      const next = await readFeed(store(), page?.cursor ?? "", 10);
      expect(next?.changes).toMatchObject([{ job: { id: told.id }, reason: "STATUS" }]);
      await save(first, 2);
      const last = await readFeed(store(), next?.cursor ?? "", 10);
      expect(last?.changes).toMatchObject([{ job: { id: told.id }, reason: "PROGRESS" }]);

      const again = await readFeed(store(), head, 1);
      expect(again?.changes).toMatchObject([{ job: { id: moved.id }, reason: "STATUS" }]);
      await save({ ...first, version: 3 }, 3);
      const rest = await readFeed(store(), again?.cursor ?? "", 10);
      expect(rest?.changes).toMatchObject([{ job: { id: told.id }, reason: "STATUS" }]);
    });

    test("says so of any number of jobs, and of each once where they can be listed", async () => {
      for (const count of [100, 101]) {
        const head = await store().feed.readHead();
        const jobs = await Promise.all(Array.from({ length: count }, () => insert()));
        const until = await store().feed.readHead();
        const moved = await Promise.all(jobs.map((job) => save(job)));
        const page = await store().feed.read(head, { until, limit: 200 });
        const next = await readOn(page?.cursor ?? "");
        expect([page?.changes, next.changes.length]).toEqual([[], count]);
        expect(new Set(next.changes.map(({ reason }) => reason))).toEqual(new Set(["STATUS"]));
        await Promise.all(moved.map((job) => save(job, 2)));
        const last = await readOn(next.cursor, 200);
        expect(new Set(last.changes.map(({ reason }) => reason))).toEqual(new Set(["PROGRESS"]));
      }
    });

    test("leaves out what was deleted", async () => {
      const head = await store().feed.readHead();
      const [gone, kept] = [await insert(), await insert()];
      const ended = advance(gone, { kind: "cancelled", finishedAt: null }, new Date(2), "sandbox");
      await store().jobs.save(ended, null);
      expect(await store().jobs.delete(gone.id)).toBe(true);
      expect((await readOn(head)).jobs).toEqual([kept]);
    });

    test("goes on over a restart of the gateway", async () => {
      const head = await store().feed.readHead();
      const job = await insert();
      await context.restart();
      const after = await insert();
      expect((await readOn(head)).jobs).toEqual([job, after]);
    });

    test.for([2, 100])(
      "misses nothing while many write and one reads on in pages of %i, and says where a status is new",
      async (limit) => {
        let cursor = await store().feed.readHead();
        const newest = new Map<string, Job>();
        const writing = { isOver: false };
        const writers = Array.from({ length: 6 }, async () => {
          let job = await insert();
          for (let position = 15; position > 0; position--) job = await save(job, position);
          const running = advance(job, { kind: "running" }, new Date(3), "sandbox");
          await store().jobs.save(running, null);
          const ended = advance(
            running,
            { kind: "cancelled", finishedAt: null },
            new Date(4),
            "sandbox",
          );
          await store().jobs.save(ended, toResult(null, ["https://files.example.com/0.png"]));
          await store().files.request(ended, ["https://files.example.com/0.png", "https://a.b/c"]);
          return await store().jobs.read(job.id);
        });
        const written = Promise.all(writers).finally(() => {
          writing.isOver = true;
        });
        do {
          const read = await readOn(cursor, limit);
          note(read.changes);
          cursor = read.cursor;
          await nextTurn();
        } while (!writing.isOver);
        const jobs = await written;
        note((await readOn(cursor, limit)).changes);
        expect(newest).toEqual(new Map(jobs.map((job) => [job?.id, job])));

        function note(changes: FeedPage["changes"]): void {
          for (const { job, reason } of changes) {
            const before = newest.get(job.id);
            expect(job.version).toBeGreaterThan(before?.version ?? 0);
            // Within a page each status is new once; from one page to the next it may be told again.
            const isNew = job.status !== before?.status;
            if (isNew || limit > 6) expect([job.id, reason === "STATUS"]).toEqual([job.id, isNew]);
            newest.set(job.id, job);
          }
        }
      },
    );

    test("tells of a job once the upstream has it, and nothing of one that was refused", async () => {
      const head = await store().feed.readHead();
      const [refused, accepted] = [create(), create()];
      await store().jobs.insert({ job: refused, input: {}, key: null });
      await store().jobs.insert({ job: accepted, input: {}, key: null });
      expect((await readOn(head)).jobs).toEqual([]);
      await store().jobs.withdraw(refused.id);
      const next = advance(accepted, { kind: "accepted", requestId: "r" }, new Date(1), "sandbox");
      await store().jobs.save(next, null);
      expect((await readOn(head)).jobs).toEqual([next]);
    });

    test("asks for a reset by an empty cursor, and by those of another form or another seal", async () => {
      const [form, tag, sealed] = decode(await store().feed.readHead());
      for (const text of ["", `feed0_${tag}_${sealed}`, `${form}_${"0".repeat(12)}_${sealed}`]) {
        expect(await readFeed(store(), text, 10)).toBeNull();
      }
      expect(await readFeed(store(), `${form}_${tag}_${sealed}`, 10)).not.toBeNull();
    });

    test("rejects a cursor that somebody has changed", async () => {
      const [form, tag, sealed] = decode(await store().feed.readHead());
      const flipped = (sealed.startsWith("A") ? "B" : "A") + sealed.slice(1);
      for (const changed of [flipped, sealed.slice(4), sealed.slice(0, -4), "", "short"]) {
        const reading = readFeed(store(), `${form}_${tag}_${changed}`, 10);
        await expect(reading).rejects.toBeInstanceOf(BadCursorError);
      }
    });

    test("has cursors that tell nothing of what has changed: neither by what they say nor by being the same", async () => {
      const first = decode(await store().feed.readHead());
      const again = decode(await store().feed.readHead());
      for (let count = 0; count < 20; count++) await insert();
      const later = decode(await store().feed.readHead());
      expect(new Set([first, again, later].map((parts) => parts[2])).size).toBe(3);
      expect([again[1], later[1]]).toEqual([first[1], first[1]]);
    });

    test("has one cursor for all who have come to the same end, from wherever", async () => {
      const early = await store().feed.readHead();
      const job = await insert();
      const late = await store().feed.readHead();
      const until = await store().feed.readHead();
      const [page, empty] = await Promise.all(
        [early, late].map((cursor) => store().feed.read(cursor, { until, limit: 10 })),
      );
      expect(page).toEqual({
        changes: [{ cursor: until, job, reason: "STATUS" }],
        cursor: until,
        isLast: true,
      });
      expect(empty).toEqual({ changes: [], cursor: until, isLast: true });
    });

    test.for([
      "?",
      "null",
      "W10",
      "eyJhIjoxfQ",
      "feed1_0123456789ab",
      "feed1_0123456789ab_",
      "feed1_0123456789ab_sealed?",
      "feed1_tag_sealed",
      `job_${"a".repeat(32)}`,
      "x".repeat(300_000),
    ])("rejects %j, which is no cursor, and says what to do", async (text) => {
      const error = await readFeed(store(), text, 10).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(BadCursorError);
      expect(String(error)).toMatch(/leave it out/);
    });
  });
}

/** What is in clear in a cursor: its form, and under which seal the rest is. */
function decode(cursor: string): readonly [string, string, string] {
  const [, form = "", tag = "", sealed = ""] = /^(feed\d+)_([\da-f]+)_(.+)$/.exec(cursor) ?? [];
  return [form, tag, sealed];
}
