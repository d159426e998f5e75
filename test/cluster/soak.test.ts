import { expect, inject, test } from "vitest";

import { SHORT_TIMES } from "./cluster.ts";
import { runSoak } from "./run-soak.ts";

/**
 * Each time the same two rounds: a crash of Postgres beside a frozen gateway, and a database that refuses writes beside an
 * upstream that is silent. To look for new ones is the part of `npm run soak`.
 */
const SCHEDULE = { minutes: 0.5, mostRounds: 2, seed: 85 };

test("disturbances, two at once, break no promise", { timeout: 300_000 }, async () => {
  const rounds: string[] = [];
  const broken = await runSoak({
    ...SCHEDULE,
    program: inject("programFolder"),
    environment: SHORT_TIMES,
    tell: (line) => rounds.push(line),
  });
  expect(rounds.filter((line) => line.startsWith("Round"))).toHaveLength(SCHEDULE.mostRounds);
  expect(broken, rounds.join("\n")).toEqual([]);
});
