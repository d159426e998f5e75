import { expect, test } from "vitest";

import { DISTURBANCES } from "./disturbances.ts";
import type { Round } from "./plan-rounds.ts";
import { planRounds } from "./plan-rounds.ts";

const ALL = DISTURBANCES.size;

test("a soak's rounds are the same for the same seed, and others for another", () => {
  expect(take(ALL, { seed: 7, minutes: 10 })).toEqual(take(ALL, { seed: 7, minutes: 10 }));
  expect(take(ALL, { seed: 7, minutes: 10 })).not.toEqual(take(ALL, { seed: 8, minutes: 10 }));
});

test("each disturbance has its turn before one comes first again, and never two of one target at once", () => {
  for (let seed = 0; seed < 50; seed++) {
    const rounds = take(ALL, { seed, minutes: 1 });
    expect(new Set(rounds.map(({ disturbances: [first] }) => first?.name))).toHaveLength(ALL);
    for (const { disturbances } of rounds) {
      expect(new Set(disturbances.map(({ target }) => target))).toHaveLength(disturbances.length);
    }
  }
});

test("a long soak has the upstream down for a minute with 500 jobs in flight, and once 10,000 jobs", () => {
  const rounds = take(2 * ALL, { seed: 7, minutes: 30 });
  const outages = rounds.filter(({ disturbances }) =>
    disturbances.some(({ name, lastingMs }) => name.endsWith("is down") && lastingMs === 60_000),
  );
  expect(outages.some(({ jobsInFlight }) => jobsInFlight === 500)).toBe(true);
  expect(rounds.filter(({ jobsInFlight }) => jobsInFlight === 10_000)).toHaveLength(1);
});

function take(count: number, options: Parameters<typeof planRounds>[0]): readonly Round[] {
  const planned = planRounds(options);
  return Array.from({ length: count }, () => planned.next().value).filter(
    (round) => round !== undefined,
  );
}
