import { expect, onTestFinished, test } from "vitest";

import { startLoop } from "../../src/runtime/loop.ts";

/** A loop whose rests end when they are told to; `rests` are those that were begun. */
function start(options: Partial<Parameters<typeof startLoop>[0]> = {}) {
  const rests: number[] = [];
  const failures: unknown[] = [];
  let end = (): void => undefined;
  let count = 0;
  const closing = new AbortController();
  const { signal } = closing;
  const loop = startLoop({
    signal,
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
  const close = async (): Promise<void> => {
    closing.abort();
    await loop.ended;
  };
  onTestFinished(close);
  return { loop, rests, failures, close, signal, endRest: () => end() };
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
  expect(rests).toEqual([7]);
  endRest();
  await expect.poll(() => rests).toEqual([7, 100]);
  endRest();
  // The long rest was not begun.
  await expect.poll(() => rests).toEqual([7, 100, 100]);
  endRest();
  await expect.poll(() => rests).toEqual([7, 100, 100, 4_900]);
});

test("of failures that follow each other the first is told, and nobody wakes it before the next try", async () => {
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
  const { close, signal } = start({
    act() {
      count += 1;
      return promise;
    },
  });
  signal.addEventListener("abort", () => resolve(1));
  await close();
  expect(count).toBe(1);
});
