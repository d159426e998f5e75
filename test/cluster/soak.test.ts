import { randomInt } from "node:crypto";

import { expect, test } from "vitest";

import { SHORT_TIMES } from "./cluster.ts";
import { runSoak } from "./run-soak.ts";

test("a minute of random disturbances breaks no promise", { timeout: 300_000 }, async () => {
  const seed = randomInt(2 ** 31);
  const rounds = [`Replay it: npm run soak -- --minutes 1 --seed ${seed}`];
  const broken = await runSoak({
    minutes: 1,
    seed,
    environment: SHORT_TIMES,
    tell: (line) => rounds.push(line),
  });
  expect(broken, rounds.join("\n")).toEqual([]);
});
