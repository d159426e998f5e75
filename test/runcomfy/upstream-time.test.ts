import { expect, test } from "vitest";

import { readRetryAfterMs } from "../../src/runcomfy/read-answer.ts";
import { readUpstreamTime } from "../../src/runcomfy/wire.ts";

test.each([
  ["2025-07-22T13:05:16.143086", "2025-07-22T13:05:16.143Z"],
  ["2025-07-22T13:05:16", "2025-07-22T13:05:16.000Z"],
  ["2025-07-22 13:05:16.1", "2025-07-22T13:05:16.100Z"],
  ["2025-07-22T13:05:16.143086Z", "2025-07-22T13:05:16.143Z"],
  ["2025-07-22T15:05:16.143086+02:00", "2025-07-22T13:05:16.143Z"],
  ["2025-07-22T15:05:16.143086+0200", "2025-07-22T13:05:16.143Z"],
  ["2025-07-22T13:05:16.143086+00:00Z", "2025-07-22T13:05:16.143Z"],
])("The time %s is read as %s, whatever the local zone", (text, time) => {
  expect(readUpstreamTime(text)?.toISOString()).toBe(time);
});

test.each([
  [null],
  [undefined],
  [""],
  ["yesterday"],
  [1_753_189_516],
  ["2025-13-40T25:00:00"],
  ["2025-07-22"],
])("%j is no time", (value) => {
  expect(readUpstreamTime(value)).toBeNull();
});

const NOW = Date.parse("2025-07-22T13:00:00Z");

test.each([
  ["7", 7_000],
  ["0", 0],
  ["1.5", 1_500],
  ["Tue, 22 Jul 2025 13:01:00 GMT", 60_000],
  ["Tue, 22 Jul 2025 12:00:00 GMT", 0],
  ["86400", 300_000],
  ["9".repeat(400), 300_000],
  ["Wed, 22 Jul 2026 13:00:00 GMT", 300_000],
  ["-5", null],
  ["soon", null],
  ["Sunday, or so", null],
  ["", null],
  [null, null],
])("Retry-After %s is %s milliseconds", (header, delayMs) => {
  expect(readRetryAfterMs(header, NOW)).toBe(delayMs);
});
