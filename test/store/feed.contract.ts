import { randomUUID } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";

import { describe, expect, test } from "vitest";

import { advance } from "../../src/job/advance.ts";
import { BadCursorError } from "../../src/job/errors.ts";
import { createJob, type Job } from "../../src/job/job.ts";
import { NO_LOOKS } from "../../src/job/looks.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import { readFeed } from "../support/read-feed.ts";

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
  async function readOn(cursor: string, limit = 100): Promise<{ jobs: Job[]; cursor: string }> {
    const jobs: Job[] = [];
    let place = cursor;
    for (let page = 0; page < 100; page++) {
      const read = await readFeed(store(), place, limit);
      if (read === null) throw new Error("the feed asked for a reset");
      expect(read.changes.length).toBeLessThanOrEqual(limit);
      jobs.push(...read.changes.map((change) => change.job));
      place = read.cursor;
      if (read.isLast) return { jobs, cursor: place };
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

    test("tells nothing when nothing changed: not of a look, a longer lease or a save that was refused", async () => {
      const [job, submitting] = [create(), create()];
      for (const each of [job, submitting]) {
        await store().jobs.insert({ job: each, input: {}, key: null });
      }
      const accepted = advance(job, { kind: "accepted", requestId: "r" }, new Date(1), "sandbox");
      await store().jobs.save(accepted, null);
      const head = await store().feed.readHead();
      const [look] = await store().looks.claimThese([job.id]);
      if (look === undefined) throw new Error("an accepted job is followed");
      const { token } = look;
      await store().looks.putBack([{ ...NO_LOOKS, jobId: job.id, token, delayMs: 0 }]);
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

    test("misses nothing while many write and one reads on", async () => {
      let cursor = await store().feed.readHead();
      const newest = new Map<string, number>();
      const writing = { isOver: false };
      const writers = Array.from({ length: 6 }, async () => {
        let job = await insert();
        for (let position = 15; position > 0; position--) job = await save(job, position);
        return job;
      });
      const written = Promise.all(writers).finally(() => {
        writing.isOver = true;
      });
      do {
        const read = await readOn(cursor, 2);
        for (const job of read.jobs) {
          expect(job.version).toBeGreaterThan(newest.get(job.id) ?? 0);
          newest.set(job.id, job.version);
        }
        cursor = read.cursor;
        await nextTurn();
      } while (!writing.isOver);
      const jobs = await written;
      for (const job of (await readOn(cursor, 2)).jobs) newest.set(job.id, job.version);
      expect(newest).toEqual(new Map(jobs.map((job) => [job.id, job.version])));
    });

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
      expect(page).toEqual({ changes: [{ cursor: until, job }], cursor: until, isLast: true });
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
