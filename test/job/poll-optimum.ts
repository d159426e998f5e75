import type { Duration } from "../../src/engine/job/duration.ts";
import { survival } from "../../src/engine/job/duration.ts";

/** When to poll a job next that had not ended `last` seconds after its start. */
type Policy = (last: number) => number;

/** Means of a job: its polls, the one that finds the end among them, and how many seconds after the end that one comes. */
type Score = { readonly polls: number; readonly lateness: number };

const JOBS_OF_A_POLICY = 100;

/** How policies do with jobs that run for so many seconds: each with the next hundred. */
export function scorePolicies(runs: readonly number[], drawPolicy: () => Policy): Score {
  const scores: Score[] = [];
  for (let from = 0; from < runs.length; from += JOBS_OF_A_POLICY)
    scores.push(score(runs.slice(from, from + JOBS_OF_A_POLICY), drawPolicy()));
  const mean = (of: (one: Score) => number): number =>
    scores.reduce((sum, one) => sum + of(one), 0) / scores.length;
  return { polls: mean(({ polls }) => polls), lateness: mean(({ lateness }) => lateness) };
}

const WEIGHT = { lowest: 1e-4, highest: 2_000, steps: 32 };
const SAME_LATENESS = 0.0005;

/** The best there can be for run times of this distribution, with this lateness. */
export function scoreOptimum(known: Duration, runs: readonly number[], lateness: number): Score {
  const longest = Math.max(...runs) * 1.2;
  let { lowest: low, highest: high } = WEIGHT;
  let result: Score = { polls: Number.NaN, lateness: Number.NaN };
  for (let step = 0; step < WEIGHT.steps; step++) {
    const weight = Math.sqrt(low * high);
    result = score(runs, findOptimum(weight, known, longest));
    if (Math.abs(result.lateness - lateness) < SAME_LATENESS) break;
    // More weight makes it less late.
    if (result.lateness > lateness) low = weight;
    else high = weight;
  }
  return result;
}

function score(runs: readonly number[], policy: Policy): Score {
  let polls = 0;
  let lateness = 0;
  let last = 0;
  let count = 0;
  // The polls of one job are the first ones at a longer one.
  for (const run of runs.toSorted((a, b) => a - b)) {
    for (; last < run; count++) last = policy(last);
    polls += count;
    lateness += last - run;
  }
  return { polls: polls / runs.length, lateness: lateness / runs.length };
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
