import { expect, inject, test } from "vitest";

import { SHORT_TIMES } from "./cluster.ts";
import { findDisturbance } from "./disturbances.ts";
import { runSoak } from "./run-soak.ts";

const SHORT = { lastingMs: 2_500, choice: 1 };
/** Longer than a claim. */
const LONG = { lastingMs: 10_000, startsAfterMs: 0 };
/** To look for other ones is the part of `npm run soak`. */
const ROUNDS = [
  {
    disturbances: [
      { ...findDisturbance("a Postgres that crashes"), ...SHORT, startsAfterMs: 0 },
      { ...findDisturbance("an upstream behind a black hole"), ...SHORT, startsAfterMs: 200 },
    ],
    jobsInFlight: 20,
    mayReset: true,
  },
  {
    disturbances: [
      { ...findDisturbance("a gateway with its clock an hour off"), ...LONG, choice: 0 },
      { ...findDisturbance("a frozen gateway"), ...LONG, choice: 1 },
      { ...findDisturbance("kill -9 of a gateway"), ...SHORT, choice: 0, startsAfterMs: 3_000 },
    ],
    jobsInFlight: 20,
    mayReset: false,
  },
];

test("disturbances, two or three at once, break no promise", { timeout: 300_000 }, async () => {
  const told: string[] = [];
  const broken = await runSoak({
    rounds: ROUNDS,
    gateways: 2,
    program: inject("programFolder"),
    environment: SHORT_TIMES,
    tell: (line) => told.push(line),
  });
  expect(broken, told.join("\n")).toEqual([]);
});
