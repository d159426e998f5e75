import { expect, test } from "vitest";

import { createCursorSeal, type FeedCursor } from "../../src/engine/store/feed-cursor.ts";

const seal = createCursorSeal("secret");
const delivered = { next: 9, open: [3, 7] };
const numbers = (length: number) => Array.from({ length }, (_, index) => 1e15 + index);

test.each<FeedCursor>([
  { delivered: { next: 0, open: [] }, stage: null },
  { delivered, stage: null },
  {
    delivered,
    superseded: [3],
    stage: { until: { next: 12, open: [9] }, changed: 8, id: "job_1" },
  },
  { delivered, superseded: null, stage: null },
  {
    delivered: { next: 2e15, open: numbers(500) },
    stage: {
      until: { next: 3e15, open: numbers(500) },
      changed: 1e15,
      id: "j".repeat(128),
    },
  },
])("a cursor comes back as it was", (cursor) => {
  const text = seal.close(cursor);
  expect(text).toMatch(/^[\w-]+$/);
  expect(createCursorSeal("secret").open(text)).toEqual(cursor);
});

test("a cursor that would be too long is an empty one, which begins anew", () => {
  const far = { next: 2e15, open: numbers(501) };
  expect(seal.close({ delivered: far, stage: null })).toBe("");
  expect(seal.close({ delivered, stage: { until: far, changed: 8, id: "job_1" } })).toBe("");
});

test("a cursor is short, and between two stages it is no longer for more changes, nor for two open transactions", () => {
  const stage = { until: { next: 1e9, open: [] }, changed: 1e9, id: `job_${"a".repeat(32)}` };
  const within = seal.close({ delivered: { next: 1e9, open: [] }, stage });
  expect(within.length).toBeLessThanOrEqual(320);
  const places = [
    { next: 1, open: [] },
    { next: 2e9, open: [] },
    { next: 2e5, open: [1e5, 1e5 + 1] },
  ];
  const lengths = new Set(
    places.map((place) => seal.close({ delivered: place, stage: null }).length),
  );
  expect(lengths.size).toBe(1);
  expect(Math.max(...lengths)).toBeLessThanOrEqual(200);
});
