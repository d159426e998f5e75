import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { Viewer } from "../../src/auth/viewer.ts";
import { createRequestRates } from "../../src/operations/owner-limits.ts";
import { createViewer } from "../support/viewers.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const viewer = (ownerId: string, requestsPerSecond: number | null): Viewer =>
  createViewer({ ownerId, limits: { requestsPerSecond } });

test("an owner's requests beyond its limit are refused until the second is over", async () => {
  const rates = createRequestRates();
  const greedy = viewer("greedy", 3);
  for (const _ of [1, 2, 3]) expect(await rates.take(greedy)).toBeNull();
  expect(await rates.take(greedy)).toMatchObject({
    code: "RATE_LIMITED",
    retryAfterSeconds: 1,
    limit: 3,
    message: expect.stringContaining("more than 3 requests in a second"),
  });
  vi.advanceTimersByTime(1_001);
  expect(await rates.take(greedy)).toBeNull();
});

test("one owner's requests take nothing from another's, and each has its own limit", async () => {
  const rates = createRequestRates();
  for (let count = 0; count < 100; count += 1) await rates.take(viewer("greedy", 2));
  expect(await rates.take(viewer("quiet", 1))).toBeNull();
  expect(await rates.take(viewer("free", null))).toBeNull();
});

test("nothing is kept of an owner that has been quiet for a second", async () => {
  const rates = createRequestRates();
  for (let place = 0; place < 1_000; place += 1) await rates.take(viewer(`owner-${place}`, 10));
  expect(vi.getTimerCount()).toBe(1_000);
  vi.advanceTimersByTime(1_001);
  expect(vi.getTimerCount()).toBe(0);
});
