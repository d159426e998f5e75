import { expect, inject, test } from "vitest";

import { SHORT_TIMES } from "./cluster.ts";
import { findDisturbance } from "./disturbances.ts";
import { runSoak } from "./run-soak.ts";

const LASTING = { lastingMs: 2_500, choice: 1 };
/** To look for other ones is the part of `npm run soak`. */
const ROUND = {
  disturbances: [
    { ...findDisturbance("a Postgres that crashes"), ...LASTING, startsAfterMs: 0 },
    { ...findDisturbance("an upstream behind a black hole"), ...LASTING, startsAfterMs: 200 },
  ],
  jobsInFlight: 20,
  mayReset: true,
};

test("disturbances, two at once, break no promise", { timeout: 300_000 }, async () => {
  const told: string[] = [];
  const broken = await runSoak({
    rounds: [ROUND],
    gateways: 2,
    program: inject("programFolder"),
    environment: SHORT_TIMES,
    tell: (line) => told.push(line),
  });
  expect(broken, told.join("\n")).toEqual([]);
});
