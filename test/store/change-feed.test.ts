import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { createChangeFeed } from "../../src/store/change-feed.ts";

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

test("word that is lost is made good after 15 s, for all who hear of a topic together", () => {
  const changes = createChangeFeed();
  const first = countWakes(changes, "a");
  vi.advanceTimersByTime(10_000);
  const second = countWakes(changes, "a");
  vi.advanceTimersByTime(4_999);
  expect([first.count(), second.count()]).toEqual([0, 0]);
  vi.advanceTimersByTime(1);
  expect([first.count(), second.count()]).toEqual([1, 1]);
  first.stop();
  second.stop();
  second.stop();
  expect(vi.getTimerCount()).toBe(0);
  countWakes(changes, "a");
  changes.close();
  expect(vi.getTimerCount()).toBe(0);
});
