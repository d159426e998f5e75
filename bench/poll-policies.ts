import type { Duration } from "../src/job/duration.ts";
import { inspectionDelay, survival } from "../src/job/duration.ts";
import { nextPoll } from "./schedule-adapter.ts";

/** When to poll a job next that had not ended `last` seconds after its start, where the poll was number `polls` (0: none). */
export type Policy = (last: number, polls: number) => number;

/** Means of a job: its polls, the one that finds the end among them, and how many seconds after the end that one comes. */
export type Score = { readonly polls: number; readonly lateness: number };

/** A policy at as many values of one number as it takes to meet a lateness. */
export type PolicyFamily = {
  readonly name: string;
  /** Lateness grows with the dial, or falls. */
  readonly isRising: boolean;
  policy(dial: number): Policy;
};

/** What is known of the best schedules for run times of this distribution, none of which takes longer than `longest`. */
export function toFamilies(known: Duration, longest: number): readonly PolicyFamily[] {
  return [
    { name: "fixed interval", isRising: true, policy: (interval) => (last) => last + interval },
    {
      name: "back-off × 1.5 up to 10 s",
      isRising: true,
      policy: (first) => (last, polls) => last + Math.min(10, first * 1.5 ** polls),
    },
    {
      name: "the same rule, the distribution being known",
      isRising: true,
      policy: (cost) => (last) => last + inspectionDelay(known, last, { cost, longest: 15 }),
    },
    { name: "optimum", isRising: false, policy: (weight) => findOptimum(weight, known, longest) },
  ];
}

const DIAL = { lowest: 1e-4, highest: 2_000, steps: 32 };
const SAME_LATENESS = 0.0005;

/** The score of the family's policy that has this lateness. */
export function tune(family: PolicyFamily, runs: readonly number[], lateness: number): Score {
  let { lowest: low, highest: high } = DIAL;
  let result: Score = { polls: Number.NaN, lateness: Number.NaN };
  for (let step = 0; step < DIAL.steps; step++) {
    const dial = Math.sqrt(low * high);
    result = score(runs, family.policy(dial));
    if (Math.abs(result.lateness - lateness) < SAME_LATENESS) break;
    if (result.lateness < lateness === family.isRising) low = dial;
    else high = dial;
  }
  return result;
}

/** How a policy does with jobs that run for so many seconds. */
export function score(runs: readonly number[], policy: Policy): Score {
  let polls = 0;
  let lateness = 0;
  let last = 0;
  let count = 0;
  // The polls of one job are the first ones at a longer one.
  for (const run of runs.toSorted((a, b) => a - b)) {
    while (last < run) last = policy(last, count++);
    polls += count;
    lateness += last - run;
  }
  return { polls: polls / runs.length, lateness: lateness / runs.length };
}

const JOBS_WITH_ONE_HISTORY = 100;
/** Of milliseconds since 1970. */
const STARTED_AT = 1.8e12;

/** How the gateway's schedule does: some jobs after the other, each time with another history, in milliseconds. */
export function scoreSchedule(
  runs: readonly number[],
  drawHistory: () => readonly number[],
): Score {
  const scores: Score[] = [];
  for (let from = 0; from < runs.length; from += JOBS_WITH_ONE_HISTORY) {
    const history = drawHistory();
    scores.push(
      score(
        runs.slice(from, from + JOBS_WITH_ONE_HISTORY),
        (last) =>
          last +
          nextPoll({ startedAt: STARTED_AT, now: STARTED_AT + last * 1_000, history }) / 1_000,
      ),
    );
  }
  const mean = (of: (one: Score) => number): number =>
    scores.reduce((sum, one) => sum + of(one), 0) / scores.length;
  return { polls: mean(({ polls }) => polls), lateness: mean(({ lateness }) => lateness) };
}

const GRID_SECONDS = 0.01;

/** The polls that minimise E[polls] + weight · E[lateness], by backward induction over a grid of times. */
function findOptimum(weight: number, known: Duration, longest: number): Policy {
  const count = Math.ceil(longest / GRID_SECONDS);
  const alive = Float64Array.from({ length: count + 1 }, (_, at) =>
    survival(known, at * GRID_SECONDS),
  );
  const lasted = new Float64Array(count + 1);
  for (let at = 1; at <= count; at++) {
    lasted[at] = (lasted[at - 1] ?? 0) + GRID_SECONDS * survival(known, (at - 0.5) * GRID_SECONDS);
  }
  /** What is still to pay, times the probability that the job lasts until then. */
  const costs = new Float64Array(count + 1);
  const next = new Int32Array(count + 1).fill(count + 1);
  for (let from = count - 1; from >= 0; from--) {
    const running = alive[from] ?? 0;
    let best = Infinity;
    for (let to = from + 1; to <= count; to++) {
      const late = (to - from) * GRID_SECONDS * running - ((lasted[to] ?? 0) - (lasted[from] ?? 0));
      const cost = running + weight * late;
      if (cost > best) break;
      if (cost + (costs[to] ?? 0) >= best) continue;
      best = cost + (costs[to] ?? 0);
      next[from] = to;
    }
    costs[from] = best;
  }
  return (last) => {
    const at = Math.round(last / GRID_SECONDS);
    return at >= count ? last + 1 : (next[at] ?? 0) * GRID_SECONDS;
  };
}
