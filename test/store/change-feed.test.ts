import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { WakeUps } from "../../src/engine/store/wake-ups.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** How often a subscription to this job was woken. */
function countWakes(wakeUps: WakeUps, jobId: string) {
  let count = 0;
  const stop = wakeUps.subscribeToJob(jobId, () => (count += 1));
  return { count: () => count, stop };
}

test("word that is lost is made good within 15 s, for all who watch a job together", async () => {
  const wakeUps = new WakeUps();
  const first = countWakes(wakeUps, "a");
  vi.advanceTimersByTime(14_999);
  const second = countWakes(wakeUps, "a");
  vi.advanceTimersByTime(1);
  const counts = () => [first.count(), second.count()];
  const [one, two = 0] = counts();
  expect(one).toBe(1);
  vi.advanceTimersByTime(15_000);
  expect(counts()).toEqual([2, two + 1]);
  first.stop();
  // That it leaves twice takes nobody else away.
  first.stop();
  wakeUps.announce("a");
  expect(counts()).toEqual([2, two + 2]);
  second.stop();
  expect(vi.getTimerCount()).toBe(0);
  countWakes(wakeUps, "a");
  await wakeUps.close();
  expect(vi.getTimerCount()).toBe(0);
});

test("many jobs take one timer, and are read again in a few turns", () => {
  const wakeUps = new WakeUps();
  const jobs = Array.from({ length: 3_000 }, (_, index) => countWakes(wakeUps, `job-${index}`));
  expect(vi.getTimerCount()).toBe(1);
  const woken: number[] = [];
  const sum = () => jobs.reduce((total, { count }) => total + count(), 0);
  for (let turn = 0; turn < 15; turn++) {
    const before = sum();
    vi.advanceTimersByTime(1_000);
    woken.push(sum() - before);
  }
  expect(Math.max(...woken)).toBe(3_000 / 8);
  expect(jobs.every(({ count }) => count() === 1)).toBe(true);
});
