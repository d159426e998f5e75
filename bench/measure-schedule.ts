import { learnTimes } from "../src/job/run-times.ts";
import { calibrate } from "../test/job/calibrate.ts";
import type { Random } from "../test/job/distributions.ts";
import { createRandom, DISTRIBUTIONS } from "../test/job/distributions.ts";
import type { Figure } from "./figure.ts";
import { compare, toFigure } from "./figure.ts";
import type { Score } from "./poll-policies.ts";
import { scoreSchedule, toFamilies, tune } from "./poll-policies.ts";
import { nextPoll, toRun } from "./schedule-adapter.ts";

const JOBS = 20_000;
const HISTORY = 100;
/** Of milliseconds since 1970. */
const STARTED_AT = 1.8e12;
const DECISIONS = 100_000;
const FITS = 200;

/** The schedule of polls without a network: what it costs against the best there can be, how long it takes, how well ends are foretold. */
export function measureSchedule(): Figure[] {
  return [
    ...DISTRIBUTIONS.flatMap(measurePolls),
    ...measureWork(),
    ...DISTRIBUTIONS.flatMap(measureEstimates),
  ];
}

type Distribution = (typeof DISTRIBUTIONS)[number];

function measurePolls({ name, draw, known }: Distribution): Figure[] {
  const random = createRandom(1);
  const runs = Array.from({ length: JOBS }, () => draw(random));
  const families = toFamilies(known, Math.max(...runs) * 1.2);
  const learned = scoreSchedule(runs, () =>
    Array.from({ length: HISTORY }, () => draw(random) * 1_000),
  );
  const unknown = scoreSchedule(runs, () => []);
  const fixed = families.slice(0, 1);
  return [
    ...against(`${name}, after ${HISTORY} runs`, learned, families),
    ...against(`${name}, after none`, unknown, fixed),
  ];

  function against(what: string, own: Score, peers: typeof families): Figure[] {
    const measured = peers.map((family) => ({
      name: family.name,
      value: tune(family, runs, own.lateness).polls,
    }));
    return [
      ...compare(`polls per job as late, ${what}`, "polls", [
        ...measured,
        { name: "gateway", value: own.polls },
      ]),
      toFigure(`lateness, ${what}`, own.lateness * 1_000, "ms"),
    ];
  }
}

function measureWork(): Figure[] {
  const random: Random = createRandom(1);
  // Two parts, each with a spread, take longest.
  const [, , , mixture] = DISTRIBUTIONS;
  const history = Array.from({ length: 2 * HISTORY }, () => mixture.draw(random) * 1_000);
  const runs = history.map(toRun);
  const decisionMs = time(DECISIONS, () =>
    nextPoll({ startedAt: STARTED_AT, now: STARTED_AT + random() * 30_000, history }),
  );
  const fitMs = time(FITS, () => learnTimes(runs));
  return [
    toFigure("a decision when to poll", decisionMs * 1_000, "µs"),
    toFigure(`a fit of ${history.length} runs`, fitMs, "ms"),
  ];
}

/** Milliseconds of each, after some to warm up. */
function time(times: number, act: () => unknown): number {
  for (let count = 0; count < times / 10; count++) act();
  const startedAt = performance.now();
  for (let count = 0; count < times; count++) act();
  return (performance.now() - startedAt) / times;
}

function measureEstimates({ name, draw }: Distribution): Figure[] {
  return [0, 0.5].flatMap((part) => {
    const { inTime, ours, known } = calibrate(draw, part);
    const what = `${name}, at ${part * 100} % of its life`;
    const best = toFigure(
      `median error, ${what}: the distribution being known`,
      known * 1_000,
      "ms",
    );
    return [
      toFigure(`ends before finishesBy, ${what}`, inTime * 100, "%"),
      best,
      toFigure(`median error, ${what}: finishesAt`, ours * 1_000, "ms", best),
    ];
  });
}
