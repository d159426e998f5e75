import { expect, test } from "vitest";

import { goOn } from "../../../../console/src/form/progress";
import { toCountText } from "../../../../console/src/model/words";

test("a new estimate counts from when it came, and what is shown never falls", () => {
  const job = (progress: number) => ({
    sentAt: "2026-01-01T00:00:00Z",
    estimate: { progress, finishesAt: "2026-01-01T00:01:40Z", startsAt: null, isColdStart: false },
  });
  const steps = [
    [0.1, 0],
    [0.1, 15],
    [0.2, 16],
    [0.2, 20],
    [0.5, 21],
  ] as const;
  let held: ReturnType<typeof goOn> = null;
  const seen = steps.map(([progress, seconds]) => {
    held = goOn(held, job(progress), seconds * 1_000);
    return [held?.part.toFixed(2), Math.round(held?.secondsLeft ?? 0)];
  });
  expect(seen).toEqual([
    ["0.10", 90],
    ["0.25", 75],
    ["0.25", 80],
    ["0.25", 76],
    ["0.50", 50],
  ]);
});

test("jobs are counted as far as the gateway counts them", () => {
  expect([1, 2_500, 10_000].map(toCountText)).toEqual([
    "1 job",
    "2,500 jobs",
    "10,000 or more jobs",
  ]);
});
