import { expect, test } from "vitest";

import { keepBackOffMs } from "../../src/job/asset.ts";

const DAY_MS = 86_400_000;

test("a file that can't be fetched is tried again after 2 s, and then twice as late each time, up to 6 h", () => {
  const delays = [1, 2, 3, 14, 15, 1_000].map((attempts) => keepBackOffMs(attempts, 0, 1));
  expect(delays).toEqual([2_000, 4_000, 8_000, 16_384_000, 21_600_000, 21_600_000]);
  expect(keepBackOffMs(1, 0, 0)).toBe(1_000);
});

test("it is given up six days after its job's end, and after five attempts at least", () => {
  expect(keepBackOffMs(40, 6 * DAY_MS - 1, 0.5)).not.toBeNull();
  expect(keepBackOffMs(5, 6 * DAY_MS, 0.5)).toBeNull();
  expect(keepBackOffMs(4, 6 * DAY_MS, 0.5)).not.toBeNull();
});
