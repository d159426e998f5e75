import { expect, test, vi } from "vitest";

import type { StoredDocuments } from "../../src/engine/store/read-jobs.ts";
import { Queue } from "../../src/runtime/queue.ts";
import { createDetailReader } from "../../src/engine/watch/shared-readers.ts";
import { collectGarbage } from "../support/collect-garbage.ts";
import { createFixture as createFeedFixture } from "./feed-fixture.ts";

const OWNER = "anna";

function createFixture() {
  const reads: string[][] = [];
  const held: WeakRef<StoredDocuments>[] = [];
  let failure: Error | null = null;
  const details = createDetailReader(
    {
      documents: {
        async read(ids) {
          reads.push([...ids]);
          if (failure !== null) throw failure;
          const stored = ids.map(toDocuments);
          for (const one of stored) held.push(new WeakRef(one));
          return stored;
        },
        readFirstAssets: async (ids) => ids.map(() => null),
      },
      jobs: {
        async readHistories(ids) {
          reads.push([...ids]);
          return ids.map(() => []);
        },
      },
      files: {
        findPending: async (ids) => ids.map(() => false),
        readMany: async (ids) => ids.map(() => new Map()),
      },
    },
    { reads: new Queue({ perKey: 100 }), steps: new Queue({ perKey: 1 }) },
  );
  return { details, reads, held, fail: (error: Error | null) => void (failure = error) };
}

function toDocuments(id: string) {
  return { input: { bytes: 12, text: id }, output: null, assets: null };
}

test("all who ask for an owner in one turn share a read, in which each job is once", async () => {
  const { details, reads } = createFixture();
  const ids = Array.from({ length: 1_000 }, (_, index) => `job_${index % 3}`);
  const found = await Promise.all(ids.map((id) => details.readDocuments(OWNER, id)));
  expect(reads).toEqual([["job_0", "job_1", "job_2"]]);
  expect(found).toEqual(ids.map(toDocuments));
  await Promise.all(ids.map((id) => details.readHistory(OWNER, id)));
  expect(reads).toHaveLength(2);
});

test("each owner's reads are its own, so that one who asks for much holds up nobody else", async () => {
  const { details, reads } = createFixture();
  await Promise.all([
    details.readHistory("anna", "job_a"),
    details.readHistory("ben", "job_b"),
    details.readHistory("anna", "job_c"),
  ]);
  expect(reads).toEqual([["job_a", "job_c"], ["job_b"]]);
});

test("who asks later reads anew, also while a read is under way", async () => {
  const { details, reads } = createFixture();
  const first = details.readDocuments(OWNER, "job_a");
  await expect.poll(() => reads).toHaveLength(1);
  await Promise.all([first, details.readDocuments(OWNER, "job_a")]);
  expect(reads).toEqual([["job_a"], ["job_a"]]);
});

test("one read is of 200 jobs at most", async () => {
  const { details, reads } = createFixture();
  const ids = Array.from({ length: 450 }, (_, index) => `job_${index}`);
  await Promise.all(ids.map((id) => details.readDocuments(OWNER, id)));
  expect(reads.map((read) => read.length)).toEqual([200, 200, 50]);
});

test("a read that fails fails for those who share it, and the next one is tried", async () => {
  const { details, fail } = createFixture();
  fail(new Error("the database is away"));
  const asked = ["job_a", "job_b"].map((id) => details.readDocuments(OWNER, id));
  for (const answer of asked) await expect(answer).rejects.toThrow("away");
  fail(null);
  expect(await details.readDocuments(OWNER, "job_a")).toEqual(toDocuments("job_a"));
});

test("nothing is held of what was read", async () => {
  const { details, held } = createFixture();
  await (async () => {
    expect(await details.readDocuments(OWNER, "job_a")).not.toBeNull();
  })();
  await vi.waitFor(() => {
    collectGarbage();
    expect(held.map((stored) => stored.deref() === undefined)).toEqual([true]);
  }, 10_000);
  expect(await details.readHistory(OWNER, "job_a")).toEqual([]);
});

const settle = () => new Promise((resolve) => setImmediate(resolve));

test("who asks while a read is under way shares the next one, which knows what the first may not", async () => {
  const fixture = createFeedFixture();
  const read = Promise.withResolvers<void>();
  fixture.holdPages(() => read.promise);
  const first = fixture.feed.readPage("0");
  await settle();
  fixture.change("job_late");
  const others = [fixture.feed.readPage("0"), fixture.feed.readPage("0")];
  read.resolve();
  expect((await first)?.changes).toEqual([]);
  for (const other of others) expect((await other)?.changes).toHaveLength(1);
  expect(fixture.reads).toEqual(["0", "0"]);
});

test("all who have one cursor share a read, and no other owner does", async () => {
  const fixture = createFeedFixture();
  const pages = [
    fixture.feed.readPage("0", "mine"),
    fixture.feed.readPage("0", "mine"),
    fixture.feed.readPage("0", "theirs"),
  ];
  await Promise.all(pages);
  expect(fixture.reads).toEqual(["0", "0"]);
});
