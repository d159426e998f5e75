import type { Duration } from "./duration.ts";
import { nearestRank } from "./duration.ts";

/** One of the past, newest first. */
export type Sample = { readonly seconds: number; readonly work: number };

/** How long something takes as a function of its work. */
export type Learned = {
  readonly basedOn: number;
  /** How long it takes where the input asks for this much. */
  of(work: number): Duration;
  /** The median of that in seconds; 0 where nothing is known. */
  median(work: number): number;
};

/** With each newer sample, an older one counts so much less. */
const AGEING = 0.99;

/** What is expected before anything is known. */
const UNKNOWN_SCALE = 20;
/** As many samples as the tail weighs, and as the usual spread weighs in each part. */
const TAIL_SAMPLES = 0.02;
const SPREAD_SAMPLES = 0.25;
const USUAL_VARIANCE = 0.16;
/** The tail's scale, in medians of the longest part. */
const TAIL_MEDIANS = 2.5;
const MIN_SECONDS = 0.001;

/**
 * Learns from at most 200 samples. Old ones weigh less, and none from before a clear change count. The time grows with a
 * power of the work where that explains it; what is left is fitted by one to four log-normals.
 */
export function learnDuration(samples: readonly Sample[]): Learned {
  if (samples.length === 0) {
    const nothing: Duration = { parts: [], tail: { weight: 1, scale: UNKNOWN_SCALE } };
    return { basedOn: 0, of: () => nothing, median: () => 0 };
  }
  const power = findPower(samples.map(toLogs));
  const rest = samples.map((sample, index): Point => {
    const { time, work } = toLogs(sample);
    return { value: time - power * work, weight: AGEING ** index };
  });
  const points = rest.slice(0, findChange(rest)).toSorted((a, b) => a.value - b.value);
  const total = points.reduce((sum, { weight }) => sum + weight, 0);
  const tailWeight = TAIL_SAMPLES / (TAIL_SAMPLES + total);
  const parts = split(points).map((one) => {
    const { weight, mean, variance } = summarize(one);
    // Of the next one: its spread, and the uncertainty of the mean.
    const deviation = Math.sqrt(variance * (1 + 1 / one.length));
    return { weight: (weight / total) * (1 - tailWeight), mean, deviation };
  });
  const longest = Math.exp(Math.max(...parts.map(({ mean }) => mean)));
  const median = Math.exp(toMedian(points));

  return {
    basedOn: points.length,
    median: (work) => median * work ** power,
    of(work) {
      const shift = power * Math.log(work);
      return {
        parts: parts.map(({ weight, mean, deviation }) => ({
          weight,
          mean: mean + shift,
          deviation,
        })),
        tail: { weight: tailWeight, scale: longest * Math.exp(shift) * TAIL_MEDIANS },
      };
    },
  };
}

export type Point = { readonly value: number; readonly weight: number };

function toLogs({ seconds, work }: Sample) {
  return { time: Math.log(Math.max(MIN_SECONDS, seconds)), work: Math.log(work) };
}

const MAX_POWER = 1.5;
const MIN_SAMPLES_FOR_POWER = 8;
const MIN_WORK_VARIANCE = 0.02;
/** The part of the variance that work has to explain. */
const MIN_EXPLAINED = 0.5;

/** The slope of log time over log work; 0 where work explains less than half of it. */
function findPower(logs: readonly { readonly time: number; readonly work: number }[]): number {
  if (logs.length < MIN_SAMPLES_FOR_POWER) return 0;
  const mean = (of: (one: (typeof logs)[number]) => number): number =>
    logs.reduce((sum, one) => sum + of(one), 0) / logs.length;
  const [time, work] = [mean((one) => one.time), mean((one) => one.work)];
  const workVariance = mean((one) => (one.work - work) ** 2);
  const timeVariance = mean((one) => (one.time - time) ** 2);
  if (workVariance < MIN_WORK_VARIANCE) return 0;
  const slope = mean((one) => (one.work - work) * (one.time - time)) / workVariance;
  const explained = (slope ** 2 * workVariance) / timeVariance;
  return explained > MIN_EXPLAINED ? Math.min(MAX_POWER, Math.max(0, slope)) : 0;
}

const CHANGES = [5, 8, 12, 18, 27, 40, 60, 90, 135];
/** In standard errors: many places are tried. */
const CLEAR_CHANGE = 4;

/** How many of the newest are of one kind: all, unless those before one point differ clearly from those after it. */
function findChange(points: readonly Point[]): number {
  let found = points.length;
  let clearest = CLEAR_CHANGE;
  for (const count of CHANGES) {
    if (count > points.length - 5) break;
    const [newer, older] = [toMoments(points.slice(0, count)), toMoments(points.slice(count))];
    const rest = points.length - count;
    // Of both together: a few in a row may all be of one of several kinds.
    const variance = (newer.variance * count + older.variance * rest) / points.length;
    const error = Math.sqrt(variance * (1 / count + 1 / rest));
    const moved = newer.mean - older.mean;
    const difference = Math.abs(moved) / Math.max(error, 0.01);
    if (difference <= clearest) continue;
    // One that took very long moves the mean of a few, but not their median.
    const medians = toMedian(points.slice(0, count)) - toMedian(points.slice(count));
    if (medians / moved < 0.5) continue;
    clearest = difference;
    found = count;
  }
  return found;
}

const MAX_SPLITS = 2;
const MIN_IN_PART = 4;

/** Cuts sorted points where that explains them clearly better than one log-normal does, and each side again. */
function split(points: readonly Point[], splits = 0): readonly (readonly Point[])[] {
  if (splits === MAX_SPLITS) return [points];
  let best: { readonly at: number; readonly gap: number } | null = null;
  let before = 0;
  for (const [at, { value }] of points.entries()) {
    const gap = value - before;
    before = value;
    if (at < MIN_IN_PART || at > points.length - MIN_IN_PART) continue;
    if (best === null || gap > best.gap) best = { at, gap };
  }
  if (best === null) return [points];
  const sides = [points.slice(0, best.at), points.slice(best.at)];
  // Three more numbers have to pay (the Bayesian information criterion).
  const gain = likelihood(points, sides) - likelihood(points, [points]);
  if (gain < 1.5 * Math.log(points.length) + 2) return [points];
  return sides.flatMap((side) => split(side, splits + 1));
}

/** The logarithm of the density of all points under a mixture of normals, one for each group. */
function likelihood(points: readonly Point[], groups: readonly (readonly Point[])[]): number {
  const parts = groups.map((group) => ({
    ...summarize(group),
    share: group.length / points.length,
  }));
  return points.reduce((sum, { value }) => {
    const density = parts.reduce(
      (all, { share, mean, variance }) =>
        all + (share * Math.exp(-((value - mean) ** 2) / (2 * variance))) / Math.sqrt(variance),
      0,
    );
    return sum + Math.log(density + Number.MIN_VALUE);
  }, 0);
}

/** With a variance that leans to the usual one while the points are few. */
function summarize(points: readonly Point[]) {
  const { weight, mean, variance } = toMoments(points);
  const count = points.length;
  const leaning =
    (SPREAD_SAMPLES * USUAL_VARIANCE + count * variance) / (SPREAD_SAMPLES + count - 1);
  return { weight, mean, variance: count === 1 ? USUAL_VARIANCE : leaning };
}

/** The weighted mean and variance. */
export function toMoments(points: readonly Point[]) {
  const weight = points.reduce((sum, one) => sum + one.weight, 0);
  const mean = points.reduce((sum, one) => sum + one.weight * one.value, 0) / weight;
  const variance =
    points.reduce((sum, one) => sum + one.weight * (one.value - mean) ** 2, 0) / weight;
  return { weight, mean, variance };
}

function toMedian(points: readonly Point[]): number {
  const values = Float64Array.from(points, ({ value }) => value);
  return nearestRank(values.toSorted(), 0.5);
}
