import { expect, test } from "vitest";

import { toPlan } from "./plan.ts";
import { simulate } from "./simulation.ts";

const SEEDS = 12;

test.each(Array.from({ length: SEEDS }, (_, index) => String(index + 1)))(
  "whatever goes wrong in the plan of seed %s, all promises hold",
  async (seed) => {
    expect((await simulate(toPlan(seed))).broken).toEqual([]);
  },
);

test.each(["1", "3"])("two runs of seed %s are the same, to the letter", async (seed) => {
  const one = await simulate(toPlan(seed), true);
  const other = await simulate(toPlan(seed), true);
  expect(one.lines.length).toBeGreaterThan(100);
  expect(other.lines).toEqual(one.lines);
});
