import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { createChangeFeed } from "../../src/store/wake-ups.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** How often a subscription to this topic was woken. */
function countWakes(changes: ReturnType<typeof createChangeFeed>, topic: string) {
  let count = 0;
  const stop = changes.subscribe(topic, () => (count += 1));
  return { count: () => count, stop };
}

test("news of a topic wakes those who hear of it, and nobody who has left", () => {
  const changes = createChangeFeed();
  const [one, other, left] = ["a", "b", "a"].map((topic) => countWakes(changes, topic));
  left?.stop();
  changes.announce("a");
  expect([one, other, left].map((wakes) => wakes?.count())).toEqual([1, 0, 0]);
  changes.announceAll();
  expect([one, other, left].map((wakes) => wakes?.count())).toEqual([2, 1, 0]);
});

test("word that is lost is made good within 15 s, for all who hear of a topic together", () => {
  const changes = createChangeFeed();
  const first = countWakes(changes, "a");
  vi.advanceTimersByTime(14_999);
  const second = countWakes(changes, "a");
  vi.advanceTimersByTime(1);
  const counts = () => [first.count(), second.count()];
  expect(first.count()).toBe(1);
  const before = counts();
  vi.advanceTimersByTime(15_000);
  expect(counts()).toEqual(before.map((count) => count + 1));
  first.stop();
  second.stop();
  second.stop();
  expect(vi.getTimerCount()).toBe(0);
  countWakes(changes, "a");
  changes.close();
  expect(vi.getTimerCount()).toBe(0);
});

test("many topics take one timer, and are read again in a few turns", () => {
  const changes = createChangeFeed();
  const topics = Array.from({ length: 3_000 }, (_, index) => countWakes(changes, `job-${index}`));
  expect(vi.getTimerCount()).toBe(1);
  const woken: number[] = [];
  const sum = () => topics.reduce((total, { count }) => total + count(), 0);
  for (let turn = 0; turn < 15; turn++) {
    const before = sum();
    vi.advanceTimersByTime(1_000);
    woken.push(sum() - before);
  }
  expect(Math.max(...woken)).toBe(3_000 / 8);
  expect(topics.every(({ count }) => count() === 1)).toBe(true);
});
