import { setImmediate as nextTurn } from "node:timers/promises";

import { expect, onTestFinished, test, vi } from "vitest";

import { clock } from "../../src/runtime/environment.ts";
import { keepClaim, startLoop } from "../../src/runtime/loop.ts";

/** A loop whose rests end when they are told to; `rests` are those that were begun. */
function start(options: Partial<Parameters<typeof startLoop>[0]> = {}) {
  const rests: number[] = [];
  const failures: unknown[] = [];
  let end = (): void => undefined;
  let count = 0;
  const loop = startLoop({
    act: async () => (count += 1),
    retryMs: 1_000,
    onFailure: (error) => failures.push(error),
    sleep: (durationMs, until) =>
      new Promise((resolve) => {
        rests.push(durationMs);
        end = resolve;
        if (until.aborted) resolve();
        until.addEventListener("abort", () => resolve());
      }),
    ...options,
  });
  onTestFinished(loop.close);
  return { loop, rests, failures, endRest: () => end() };
}

test("it is done again after each rest, or when it is woken", async () => {
  const { loop, rests, endRest } = start();
  await expect.poll(() => rests).toEqual([1]);
  endRest();
  await expect.poll(() => rests).toEqual([1, 2]);
  loop.wake();
  await expect.poll(() => rests).toEqual([1, 2, 3]);
});

test("who wakes it while it is done cuts the rest after that, but not the least", async () => {
  let isWoken = false;
  const { loop, rests, endRest } = start({
    minRestMs: () => 100,
    async act() {
      if (!isWoken) loop.wake();
      isWoken = true;
      return 5_000;
    },
    firstRestMs: 7,
  });
  await expect.poll(() => rests).toEqual([7]);
  endRest();
  await expect.poll(() => rests).toEqual([7, 100]);
  endRest();
  // The long rest was not begun.
  await expect.poll(() => rests).toEqual([7, 100, 100]);
  endRest();
  await expect.poll(() => rests).toEqual([7, 100, 100, 4_900]);
});

test("of failures that follow each other the first is logged, and nobody wakes it before the next try", async () => {
  const outcomes = ["a", "b", null, "c"];
  const { loop, rests, failures, endRest } = start({
    async act() {
      const outcome = outcomes.shift();
      if (typeof outcome === "string") throw new Error(outcome);
      return 5;
    },
  });
  await expect.poll(() => rests).toEqual([1_000]);
  loop.wake();
  expect(rests).toEqual([1_000]);
  for (const next of [1_000, 5, 1_000]) {
    endRest();
    await expect.poll(() => rests.at(-1)).toBe(next);
  }
  expect(failures).toEqual([new Error("a"), new Error("c")]);
});

test("a close waits for what is being done, and nothing is done after it", async () => {
  const { promise, resolve } = Promise.withResolvers<number>();
  let count = 0;
  const { loop, rests } = start({
    act() {
      count += 1;
      return promise;
    },
  });
  await expect.poll(() => count).toBe(1);
  loop.signal.addEventListener("abort", () => resolve(1));
  await loop.close();
  expect({ count, rests }).toEqual({ count: 1, rests: [] });
});

test("it can be closed and woken from its first act on", async () => {
  const { loop, rests } = start({
    async act() {
      void loop.close();
      return 1;
    },
  });
  await expect.poll(() => loop.signal.aborted).toBe(true);
  await loop.close();
  expect(rests).toEqual([]);
});

test("a claim is renewed every third of its time, after a failure too, and never while it is being renewed", async () => {
  const rests: number[] = [];
  let endRest = (): void => undefined;
  vi.spyOn(clock, "sleep").mockImplementation((durationMs) => {
    rests.push(durationMs);
    return new Promise((resolve) => (endRest = resolve));
  });
  onTestFinished(() => void vi.restoreAllMocks());
  const renewals: PromiseWithResolvers<void>[] = [];
  const claim = keepClaim(30_000, () => {
    const renewal = Promise.withResolvers<void>();
    renewals.push(renewal);
    return renewal.promise;
  });
  for (const count of [1, 2, 3]) {
    await expect.poll(() => rests).toEqual(Array.from({ length: count }, () => 10_000));
    endRest();
    await expect.poll(() => renewals.length).toBe(count);
    await nextTurn();
    expect(rests).toHaveLength(count);
    if (count === 1) renewals[0]?.reject(new Error("the database is away"));
    if (count === 2) renewals[1]?.resolve();
  }
  let isClosed = false;
  const closed = claim.close().then(() => (isClosed = true));
  await nextTurn();
  expect(isClosed).toBe(false);
  renewals[2]?.resolve();
  await closed;
  expect(rests).toHaveLength(3);
});
