import { estimate } from "../../src/engine/job/estimate.ts";
import type { Job } from "../../src/engine/job/job.ts";
import type { Run } from "../../src/engine/job/run-times.ts";
import { learnTimes } from "../../src/engine/job/run-times.ts";
import { makeJob } from "../store/store-jobs.ts";
import type { Random } from "./distributions.ts";
import { createRandom } from "./distributions.ts";

const JOBS = 1_000;
/** Of those, the ends of so many are predicted. */
const TOLD = 250;
/** Before the first that is judged. */
const PAST = 200;
const RUNNERS = 3;
/** From free to started, in seconds. */
const DISPATCH = 0.5;
const LOAD = 0.85;

/**
 * How well jobs are foretold at this part of their lives, from 0 to 1, by what those before them taught: the share that ends
 * by `finishesBy`, and the median errors in seconds of the estimate and of one that knows the distribution.
 */
export function calibrate(draw: (random: Random) => number, part: number) {
  const random = createRandom(7);
  const jobs = simulate(draw, random);
  const judged = jobs.slice(PAST).map((job, index): Judged => {
    const now = job.createdAt + (job.finishedAt - job.createdAt) * part;
    return { job, now, seen: pollAt(jobs, PAST + index, now) };
  });
  const known = foretell(judged, draw, random);
  let inTime = 0;
  const ours: number[] = [];
  const byKnown: number[] = [];
  for (const [index, one] of judged.entries()) {
    if (index % (JOBS / TOLD) > 0) continue;
    const { job, now, seen } = one;
    const before = jobs.slice(0, PAST + index);
    const reported = estimate(seen, learnAt(before, now), now * 1_000);
    if (reported === null) throw new Error("there is no estimate");
    if (job.finishedAt * 1_000 <= reported.finishesBy) inTime += 1;
    ours.push(Math.abs(reported.finishesAt / 1_000 - job.finishedAt));
    byKnown.push(Math.abs(known(one) - job.finishedAt));
  }
  return { inTime: inTime / TOLD, ours: toMedian(ours), known: toMedian(byKnown) };
}

type Simulated = {
  readonly createdAt: number;
  readonly startedAt: number;
  readonly finishedAt: number;
  /** Those that had not started when it came. */
  readonly place: number;
};

/** Jobs that come at random to a deployment whose runners take them first in, first out. */
function simulate(draw: (random: Random) => number, random: Random): readonly Simulated[] {
  const mean = Array.from({ length: 2_000 }, () => draw(random)).reduce((a, b) => a + b) / 2_000;
  const jobs: Simulated[] = [];
  const free = Array.from({ length: RUNNERS }, () => 0);
  let now = 0;
  for (let index = 0; index < JOBS + PAST; index++) {
    now += -Math.log(1 - random()) * (mean / RUNNERS / LOAD);
    const runner = free.indexOf(Math.min(...free));
    const startedAt = Math.max(now, free[runner] ?? 0) + DISPATCH;
    const finishedAt = startedAt + draw(random);
    free[runner] = finishedAt;
    const place = jobs.filter((job) => job.startedAt - DISPATCH > now).length;
    jobs.push({ createdAt: now, startedAt, finishedAt, place });
  }
  return jobs;
}

/** What the last runs that had ended by then teach. */
function learnAt(jobs: readonly Simulated[], now: number) {
  const ended = jobs.filter(({ finishedAt }) => finishedAt <= now);
  const newestFirst = ended.toSorted((a, b) => b.finishedAt - a.finishedAt).slice(0, 200);
  return learnTimes(
    newestFirst.map((job): Run => ({
      status: "SUCCEEDED",
      work: 1,
      place: job.place,
      idleMs: 0,
      queueMs: (job.startedAt - job.createdAt) * 1_000,
      runMs: (job.finishedAt - job.startedAt) * 1_000,
    })),
  );
}

/** The job as a poll at that moment finds it. */
function pollAt(jobs: readonly Simulated[], index: number, now: number): Job {
  const job = jobs[index];
  if (job === undefined) throw new Error("there is no such job");
  const hasStarted = job.startedAt <= now;
  const front = jobs.slice(0, index).filter((one) => one.startedAt - DISPATCH > now).length;
  return makeJob({
    sentAt: new Date(job.createdAt * 1_000),
    status: hasStarted ? "IN_PROGRESS" : "IN_QUEUE",
    queuePosition: hasStarted ? null : front,
    place: job.place,
    idleMs: 0,
    startedAt: hasStarted ? new Date(job.startedAt * 1_000) : null,
    updatedAt: new Date(now * 1_000),
  });
}

type Judged = { readonly job: Simulated; readonly seen: Job; readonly now: number };

/**
 * The median of what is left, as predicted with knowledge of the distributions: of a running job that of
 * the runs that last as long, of a queued one that of all that ever had its place.
 */
function foretell(
  judged: readonly Judged[],
  draw: (random: Random) => number,
  random: Random,
): (one: Judged) => number {
  const left = ({ job, now }: Judged): number => job.finishedAt - now;
  const queued = Map.groupBy(judged, ({ seen }) => seen.queuePosition);
  const byPlace = new Map([...queued].map(([place, all]) => [place, toMedian(all.map(left))]));
  const runs = Array.from({ length: 2_000 }, () => draw(random));
  return ({ job, seen, now }) => {
    const age = now - job.startedAt;
    const known =
      seen.startedAt === null
        ? (byPlace.get(seen.queuePosition) ?? 0)
        : toMedian(runs.filter((run) => run > age)) - age;
    return now + (Number.isNaN(known) ? 0 : known);
  };
}

function toMedian(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
