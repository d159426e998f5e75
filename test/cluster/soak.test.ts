import { expect, inject, test } from "vitest";

import { SHORT_TIMES } from "./cluster.ts";
import { findDisturbance } from "./disturbances.ts";
import { runSoak } from "./run-soak.ts";

const LASTING_MS = 2_500;
/** To look for other ones is the part of `npm run soak`. */
const ROUNDS = [
  { names: ["a Postgres that crashes", "a frozen gateway"], mayReset: true },
  { names: ["a Postgres that refuses writes", "an upstream behind a black hole"], mayReset: false },
];

test("disturbances, two at once, break no promise", { timeout: 300_000 }, async () => {
  const told: string[] = [];
  const broken = await runSoak({
    rounds: ROUNDS.map(({ names, mayReset }) => ({
      disturbances: names.map((name, index) => ({
        ...findDisturbance(name),
        startsAfterMs: index * 200,
        lastingMs: LASTING_MS,
        choice: 1,
      })),
      jobsInFlight: 20,
      mayReset,
    })),
    gateways: 2,
    program: inject("programFolder"),
    environment: SHORT_TIMES,
    tell: (line) => told.push(line),
  });
  expect(broken, told.join("\n")).toEqual([]);
});
