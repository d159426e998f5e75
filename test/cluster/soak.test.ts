import { expect, inject, test } from "vitest";

import { SHORT_TIMES } from "./cluster.ts";
import { runSoak } from "./run-soak.ts";

/** The same schedule each time: to look for new ones is the part of `npm run soak`. */
const SEED = 11;

test("a minute of mixed disturbances breaks no promise", { timeout: 300_000 }, async () => {
  const rounds = [`Replay it: npm run soak -- --minutes 1 --seed ${SEED}`];
  const broken = await runSoak({
    minutes: 1,
    seed: SEED,
    program: inject("programFolder"),
    environment: SHORT_TIMES,
    tell: (line) => rounds.push(line),
  });
  expect(broken, rounds.join("\n")).toEqual([]);
});
