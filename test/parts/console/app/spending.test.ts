import { expect, test } from "vitest";

import { formatDay, readMonth, toBars } from "../../../../console/src/parts/money/month";
import { sumUp, tellJobs, tellSpent, toRanking } from "../../../../console/src/parts/money/spent";

const spent = (exactUsd: number, estimatedUsd = 0, unknownJobs = 0) => ({
  ...{ jobs: 2, seconds: 10 },
  ...{ exactUsd, estimatedUsd, unknownJobs },
});

test("what a month cost is told as far as it is known, and what is not known is never $0", () => {
  const spents = [
    spent(0),
    spent(0.0375),
    spent(10, 2.404),
    spent(0, 0, 1),
    spent(1_234.5, 0, 3),
    spent(0, 0.25, 2_000),
  ];
  expect(spents.map(tellSpent)).toEqual([
    ...["$0.00", "$0.0375", "about $12.40"],
    ...["unknown", "$1,234.50", "about $0.25"],
  ]);
  expect(tellJobs(spent(1))).toBe("2 jobs");
  expect(tellJobs({ ...spent(1, 0, 1), jobs: 1 })).toBe("1 job, 1 of unknown cost");
});

test("what cost most comes first, and the last are one row with the sum of all they cost", () => {
  const spents = [spent(1), spent(0, 3), spent(0, 0, 1), spent(0.5, 0, 2), spent(2)];
  const rows = spents.map((one, index) => ({ name: `owner ${index}`, spent: one }));
  expect(toRanking(rows, 5).map(({ name }) => name.at(-1))).toEqual(["1", "4", "0", "3", "2"]);
  const [first, second, others] = toRanking(rows, 2);
  expect([first?.name, second?.name]).toEqual(["owner 1", "owner 4"]);
  expect(others).toEqual({
    name: "3 others",
    spent: { ...spent(1.5, 0, 3), jobs: 6, seconds: 30 },
  });
  expect(sumUp(spents)).toEqual({ ...spent(3.5, 3, 3), jobs: 10, seconds: 50 });
});

test("a month is one of UTC that has begun: the latest unless the address names another", () => {
  expect(readMonth("2026-02", "2026-12")).toEqual({
    from: "2026-02-01T00:00:00.000Z",
    to: "2026-02-28T00:00:00.000Z",
    name: "February 2026",
    days: 28,
    previous: "2026-01",
    next: "2026-03",
  });
  for (const given of ["", "2027-01", "2026-13", "2026-1", "soon"])
    expect(readMonth(given, "2026-12")).toMatchObject({
      from: "2026-12-01T00:00:00.000Z",
      to: "2026-12-31T00:00:00.000Z",
      previous: "2026-11",
      next: null,
    });
});

test("bars are as high as what is known, below a round amount, and days without one stay", () => {
  const at = (day: number) => `2026-12-0${day}T00:00:00.000Z`;
  const days = [
    { day: at(1), ...spent(0.1, 0.15) },
    { day: at(3), ...spent(0, 0, 2) },
  ];
  const { topUsd, bars } = toBars(days);
  expect(topUsd).toBe(0.5);
  expect(bars.map(({ at: day, exact, estimated }) => [formatDay(day), exact, estimated])).toEqual([
    ["Dec 1", 0.2, 0.3],
    ["Dec 3", 0, 0],
  ]);
  const top = (usd: number) => toBars([{ day: at(1), ...spent(usd) }]).topUsd;
  expect([0, 0.000_03, 1, 1.1, 2.01, 60, 1_000].map(top)).toEqual([
    0, 0.000_05, 1, 2, 5, 100, 1_000,
  ]);
});
