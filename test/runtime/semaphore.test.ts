import { expect, test } from "vitest";

import { Counter } from "../../src/runtime/counter.ts";
import { Semaphore } from "../../src/runtime/semaphore.ts";

test("those who wait go on in the order in which they came", async () => {
  const semaphore = new Semaphore({ atOnce: 1, maxWaiting: 10 });
  const order: number[] = [];
  const acts = [1, 2, 3].map((name) => semaphore.run(async () => order.push(name)));
  await Promise.all(acts);
  expect(order).toEqual([1, 2, 3]);
  expect(semaphore.taken).toBe(0);
});

test("no more run at once than may, also where one slot comes back twice", async () => {
  const semaphore = new Semaphore({ atOnce: 2, maxWaiting: 10 });
  const first = await semaphore.enter();
  await semaphore.enter();
  const third = semaphore.enter();
  first();
  first();
  await third;
  expect(semaphore.taken).toBe(2);
});

test("whoever is one too many to wait is refused at once, and whoever waits too long later", async () => {
  const semaphore = new Semaphore({
    atOnce: 1,
    maxWaiting: 1,
    maxWaitMs: 1,
    refuse: () => new Error("Busy."),
  });
  const release = await semaphore.enter();
  const waiting = semaphore.enter();
  await expect(semaphore.enter()).rejects.toThrow("Busy.");
  await expect(waiting).rejects.toThrow("Busy.");
  release();
  expect(semaphore.taken).toBe(0);
});

test("closing rejects who waits, and who comes later", async () => {
  const semaphore = new Semaphore({ atOnce: 1, maxWaiting: 10 });
  const release = await semaphore.enter();
  const waiting = semaphore.enter();
  semaphore.close(new Error("Closed."));
  await expect(waiting).rejects.toThrow("Closed.");
  release();
  await expect(semaphore.enter()).rejects.toThrow("Closed.");
});

test("a counter counts what each key has open, and what it gives back once", () => {
  const counter = new Counter();
  const release = counter.add("a");
  counter.add("a");
  counter.add("b");
  release();
  release();
  expect([counter.count("a"), counter.count("b"), counter.total]).toEqual([1, 1, 2]);
});
