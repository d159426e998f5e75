import { expect, test } from "vitest";

import { toPlan } from "./plan.ts";
import { simulate } from "./simulation.ts";

/** Half of sixty: files run beside each other. `npm run simulate` runs more. */
const SEEDS = 30;

export function testSeeds(first: number): void {
  test.each(Array.from({ length: SEEDS }, (_, index) => String(first + index)))(
    "whatever goes wrong in the plan of seed %s, all promises hold",
    async (seed) => {
      expect((await simulate(toPlan(seed))).broken).toEqual([]);
    },
  );
}
