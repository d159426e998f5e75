import type { Duration } from "../../src/engine/job/duration.ts";

export type Random = () => number;

/** A seeded generator of numbers in [0, 1): mulberry32. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Draws log-normal numbers. */
export function logNormal(median: number, deviation: number): (random: Random) => number {
  return (random) => {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    return median * Math.exp(deviation * radius * Math.cos(2 * Math.PI * random()));
  };
}

function known(...parts: readonly (readonly [weight: number, median: number, number])[]): Duration {
  return {
    parts: parts.map(([weight, median, deviation]) => ({
      weight,
      mean: Math.log(median),
      deviation,
    })),
    tail: { weight: 0, scale: 1 },
  };
}

/** Run times in seconds, drawn and as they are known. */
export const DISTRIBUTIONS = [
  { name: "log-normal, median 8 s, σ 0.1", draw: logNormal(8, 0.1), known: known([1, 8, 0.1]) },
  { name: "log-normal, median 8 s, σ 0.25", draw: logNormal(8, 0.25), known: known([1, 8, 0.25]) },
  { name: "log-normal, median 8 s, σ 0.5", draw: logNormal(8, 0.5), known: known([1, 8, 0.5]) },
  {
    name: "70 % 2 s, 30 % 22 s",
    draw: (random: Random) => logNormal(random() < 0.7 ? 2 : 22, 0.1)(random),
    known: known([0.7, 2, 0.1], [0.3, 22, 0.1]),
  },
] as const;
