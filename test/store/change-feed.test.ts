import { pino } from "pino";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { createChangeFeed } from "../../src/store/change-feed.ts";

const silent = pino({ level: "silent" });

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
  const changes = createChangeFeed(silent);
  const [one, other, left] = ["a", "b", "a"].map((topic) => countWakes(changes, topic));
  left?.stop();
  changes.announce("a");
  expect([one, other, left].map((wakes) => wakes?.count())).toEqual([1, 0, 0]);
  changes.announceAll();
  expect([one, other, left].map((wakes) => wakes?.count())).toEqual([2, 1, 0]);
});

test("word that is lost is made good after 15 s, for all who hear of a topic together", () => {
  const changes = createChangeFeed(silent);
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

test("one that fails when it is woken keeps nobody else from being woken", () => {
  const lines: string[] = [];
  const changes = createChangeFeed(pino({}, { write: (line: string) => void lines.push(line) }));
  changes.subscribe("a", () => {
    throw new Error("no");
  });
  const other = countWakes(changes, "a");
  changes.announce("a");
  expect(other.count()).toBe(1);
  expect(lines.join()).toMatch(/A watcher failed/);
});
