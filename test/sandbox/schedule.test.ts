import { expect, test } from "vitest";
import { RUN_INPUT, toColdStartMs, toRunMs } from "../../sandbox/src/schedule.ts";

const IDS = Array.from({ length: 100 }, (_, index) => `request-${index}`);
const PICTURE = RUN_INPUT.parse({});

test.each([
  ["runs", (id: string) => toRunMs(id, PICTURE, 1), 5_500],
  ["cold starts", (id: string) => toColdStartMs(id, 1), 6_000],
])("%s differ from request to request around what is usual", (_title, toMs, usualMs) => {
  const lengthsMs = IDS.map(toMs);
  expect(new Set(lengthsMs).size).toBeGreaterThan(90);
  const median = lengthsMs.toSorted((a, b) => a - b)[50];
  expect(Math.abs(Math.log((median ?? 0) / usualMs))).toBeLessThan(0.1);
  expect(IDS.map(toMs)).toEqual(lengthsMs);
});

test.each([{ sample_steps: 50 }, { width: 2_048 }, { num_frames: 21 }, { resolution: "High" }])(
  "a run with %j takes twice as long, but for its fixed part",
  (more) => {
    const drawMs = (body: object) => toRunMs("request", RUN_INPUT.parse(body), 0.001);
    expect(drawMs(more) / drawMs({})).toBeCloseTo((2 * 5_000 + 500) / 5_500, 3);
  },
);

test("a run that fails does so half-way, and a slow one takes at least 15 s", () => {
  const run = (prompt: string) => toRunMs("request", { ...PICTURE, prompt }, 1);
  expect(run("[fail]") / run("A lantern")).toBeCloseTo(0.5, 3);
  expect(run("[slow]")).toBe(15_000);
});
