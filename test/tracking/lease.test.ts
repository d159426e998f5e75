import { expect, test } from "vitest";

import { createLease } from "../../src/tracking/take-over.ts";

test("a lease is not held before its first renewal, and runs from when a renewal was sent", () => {
  let nowMs = 0;
  const lease = createLease({ leaseMs: 6_000, monotonic: () => nowMs });
  expect(lease.isHeld()).toBe(false);
  lease.noteRenewal(0);
  nowMs = 5_999;
  expect(lease.isHeld()).toBe(true);
  nowMs = 6_000;
  expect(lease.isHeld()).toBe(false);
  lease.noteRenewal(1_000);
  expect(lease.isHeld()).toBe(true);
});

test("a lease without end is held for good after one renewal", () => {
  let nowMs = 0;
  const lease = createLease({ leaseMs: Infinity, monotonic: () => nowMs });
  expect(lease.isHeld()).toBe(false);
  lease.noteRenewal(0);
  nowMs = Number.MAX_SAFE_INTEGER;
  expect(lease.isHeld()).toBe(true);
});
