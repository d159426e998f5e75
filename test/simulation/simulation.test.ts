import { expect, test } from "vitest";

import { toPlan } from "./plan.ts";
import { shrink, take } from "./shrink.ts";
import { simulate } from "./simulation.ts";

/** A job whose insert was answered by nobody, and that could not be withdrawn, went on uncounted. */
test("what a submit leaves behind counts against its owner's quota, in the plan of seed 1160", async () => {
  expect((await simulate(toPlan("1160", 60))).broken).toEqual([]);
});

test.each(["1", "3"])("two runs of seed %s are the same, to the letter", async (seed) => {
  const one = await simulate(toPlan(seed), true);
  const other = await simulate(toPlan(seed), true);
  expect(one.lines.length).toBeGreaterThan(100);
  expect(other.lines).toEqual(one.lines);
});

test("a failing plan shrinks to what it needs to fail", async () => {
  const plan = toPlan("4711", 40);
  const needed = plan.faults.at(-1);
  const part = await shrink(
    plan,
    async ({ gateways, errands, faults }) =>
      gateways >= 2 &&
      [7, 31].every((mark) => errands.some((errand) => errand.mark === mark)) &&
      faults.some((fault) => fault === needed),
  );
  expect(part).toEqual({ gateways: 2, errands: [7, 31], faults: [plan.faults.length - 1] });
  expect(take(plan, part).errands.map(({ mark }) => mark)).toEqual([7, 31]);
});
