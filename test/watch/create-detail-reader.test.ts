import { expect, test, vi } from "vitest";

import type { JobDocuments } from "../../src/store/job-store.ts";
import { createDetailReader } from "../../src/watch/create-detail-reader.ts";
import { collectGarbage } from "../support/collect-garbage.ts";

function createFixture() {
  const reads: string[][] = [];
  const held: WeakRef<JobDocuments>[] = [];
  let failure: Error | null = null;
  const details = createDetailReader({
    async measureDocuments(ids) {
      reads.push([...ids]);
      if (failure !== null) throw failure;
      return ids.map((id) => {
        const documents = { input: { id }, output: null };
        held.push(new WeakRef(documents));
        return { inputBytes: 12, outputBytes: 0, documents };
      });
    },
    async readDocuments(ids) {
      reads.push([...ids]);
      return ids.map((id) => ({ input: { id }, output: null }));
    },
    async readHistories(ids) {
      reads.push([...ids]);
      return ids.map(() => []);
    },
  });
  return {
    details,
    reads,
    held,
    fail(error: Error | null) {
      failure = error;
    },
  };
}

test("all who ask in one turn share a read, in which each job is once", async () => {
  const { details, reads } = createFixture();
  const ids = Array.from({ length: 1_000 }, (_, index) => `job_${index % 3}`);
  const documents = await Promise.all(ids.map((id) => details.measureDocuments(id)));
  expect(reads).toEqual([["job_0", "job_1", "job_2"]]);
  expect(documents.map((found) => found?.documents?.input)).toEqual(ids.map((id) => ({ id })));
  await Promise.all(ids.map((id) => details.readHistory(id)));
  expect(reads).toHaveLength(2);
});

test("who asks later reads anew, also while a read is under way", async () => {
  const { details, reads } = createFixture();
  const first = details.measureDocuments("job_a");
  await vi.waitFor(() => expect(reads).toHaveLength(1));
  await Promise.all([first, details.measureDocuments("job_a")]);
  expect(reads).toEqual([["job_a"], ["job_a"]]);
});

test("one read is of 200 jobs at most", async () => {
  const { details, reads } = createFixture();
  const ids = Array.from({ length: 450 }, (_, index) => `job_${index}`);
  await Promise.all(ids.map((id) => details.measureDocuments(id)));
  expect(reads.map((read) => read.length)).toEqual([200, 200, 50]);
});

test("a read that fails fails for those who share it, and the next one is tried", async () => {
  const { details, fail } = createFixture();
  fail(new Error("the database is away"));
  const asked = ["job_a", "job_b"].map((id) => details.measureDocuments(id));
  for (const answer of asked) await expect(answer).rejects.toThrow("away");
  fail(null);
  expect((await details.measureDocuments("job_a"))?.documents?.input).toEqual({ id: "job_a" });
});

test("nothing is held of what was read", async () => {
  const { details, held } = createFixture();
  await (async () => {
    expect(await details.measureDocuments("job_a")).not.toBeNull();
  })();
  await vi.waitFor(() => {
    collectGarbage();
    expect(held.map((documents) => documents.deref() === undefined)).toEqual([true]);
  });
  expect(await details.readHistory("job_a")).toEqual([]);
});

test("whole documents, each of which may be large, are a read each, and shared all the same", async () => {
  const { details, reads } = createFixture();
  const ids = ["job_a", "job_b", "job_a"];
  const documents = await Promise.all(ids.map((id) => details.readDocuments(id)));
  expect(documents.map((found) => found?.input)).toEqual(ids.map((id) => ({ id })));
  expect(reads).toEqual([["job_a"], ["job_b"]]);
});
