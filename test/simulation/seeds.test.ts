import { expect, test } from "vitest";

import { toPlan } from "./plan.ts";
import { simulate } from "./simulation.ts";

/** `npm run simulate` runs more. */
const SEEDS = 30;

test.each(Array.from({ length: SEEDS }, (_, index) => String(1 + index)))(
  "whatever goes wrong in the plan of seed %s, all promises hold",
  async (seed) => {
    expect((await simulate(toPlan(seed))).broken).toEqual([]);
  },
);
