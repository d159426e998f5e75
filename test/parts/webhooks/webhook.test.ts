import { expect, test } from "vitest";

import { toRestMs, toRetryMs } from "../../../src/parts/webhooks/webhook.ts";

const HOUR_MS = 3_600_000;
const TRIES = 10;

test("a delivery is tried ten times within 76 hours, sooner at first", () => {
  const pauses = Array.from({ length: TRIES }, (_, index) => toRetryMs(index + 1, 0, 0));
  expect(pauses.slice(0, 3)).toEqual([5_000, 300_000, 1_800_000]);
  expect(pauses.at(-2)).toBe(24 * HOUR_MS);
  expect(pauses.at(-1)).toBeNull();
  expect(toRetryMs(1, 0.5, 0)).toBe(5_250);
});

test("a server that asks for more time gets it, up to a day", () => {
  expect(toRetryMs(1, 0, 60_000)).toBe(60_000);
  expect(toRetryMs(2, 0, 60_000)).toBe(300_000);
  expect(toRetryMs(1, 0, 1_000 * HOUR_MS)).toBe(24 * HOUR_MS);
  expect(toRetryMs(TRIES, 0, 60_000)).toBeNull();
});

test("a server that asks for a rest, or has too much to do, is left alone", () => {
  expect(toRestMs(500, 0)).toBe(0);
  expect(toRestMs(null, 0)).toBe(0);
  expect(toRestMs(500, 60_000)).toBe(60_000);
  for (const status of [429, 503]) expect(toRestMs(status, 0)).toBe(5_000);
  expect(toRestMs(503, 1_000 * HOUR_MS)).toBe(24 * HOUR_MS);
});
