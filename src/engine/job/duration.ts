/** How long something takes, in seconds: a mixture of log-normals, and a tail for surprises. */
export type Duration = {
  readonly parts: readonly Part[];
  /** A Lomax distribution: P(T > t) = (1 + t / scale)^-SHAPE. */
  readonly tail: { readonly weight: number; readonly scale: number };
};

/** log T is normal. The weights of all parts and the tail are 1 together. */
type Part = { readonly weight: number; readonly mean: number; readonly deviation: number };

const TAIL_SHAPE = 3.2;

/** Log-normal with this mean and variance of T itself. */
export function fromMoments(mean: number, variance: number): Duration {
  const spread = Math.log(1 + variance / mean ** 2);
  const part = { weight: 1, mean: Math.log(mean) - spread / 2, deviation: Math.sqrt(spread) };
  return { parts: [part], tail: { weight: 0, scale: 1 } };
}

/** P(T > t). */
export function survival({ parts, tail }: Duration, t: number): number {
  if (t <= 0) return 1;
  let sum = tail.weight * (1 + t / tail.scale) ** -TAIL_SHAPE;
  for (const { weight, mean, deviation } of parts) {
    sum += weight * toUpper((Math.log(t) - mean) / deviation);
  }
  return sum;
}

/** The mean of min(T, t), which is the integral of `survival` from 0 to t. */
function restrictedMean({ parts, tail }: Duration, t: number): number {
  if (t <= 0) return 0;
  const { weight: tailWeight, scale } = tail;
  let sum = (tailWeight * scale * (1 - (1 + t / scale) ** (1 - TAIL_SHAPE))) / (TAIL_SHAPE - 1);
  for (const { weight, mean, deviation } of parts) {
    const z = (Math.log(t) - mean) / deviation;
    const below = Math.exp(mean + deviation ** 2 / 2) * toUpper(deviation - z);
    sum += weight * (below + t * toUpper(z));
  }
  return sum;
}

/** The time by which this part of those that have lasted for `after` has ended. */
export function quantile(duration: Duration, part: number, after = 0): number {
  const target = survival(duration, after) * (1 - part);
  let low = after;
  let high = Math.max(after, MIN_LENGTH) * 2;
  while (survival(duration, high) > target && high < MAX_LENGTH) high *= 2;
  for (let step = 0; step < HALVINGS; step++) {
    const middle = (low + high) / 2;
    if (survival(duration, middle) > target) low = middle;
    else high = middle;
  }
  return high;
}

/** The least of these ascending numbers that this part of them does not exceed, by the nearest rank; NaN of none. */
export function nearestRank(ascending: ArrayLike<number>, part: number): number {
  return ascending[Math.ceil(part * ascending.length) - 1] ?? Number.NaN;
}

/**
 * How long to wait before polling again what had not ended at `after`: until the time that an end is expected to have
 * gone unseen, ∫ P(ended by s | not ended at `after`) ds, is `cost`, or `longest` has passed. Inspection scheduling, Barlow
 * and Proschan 1963.
 */
export function inspectionDelay(
  duration: Duration,
  after: number,
  { cost, longest }: { readonly cost: number; readonly longest: number },
): number {
  const alive = survival(duration, after);
  // So far out nothing is known, and the difference of two integrals is lost in rounding.
  if (alive < MIN_ALIVE) return longest;
  const before = restrictedMean(duration, after);
  const unseen = (delay: number): number =>
    delay - (restrictedMean(duration, after + delay) - before) / alive;
  if (unseen(longest) <= cost) return longest;
  let low = 0;
  let high = longest;
  for (let step = 0; step < HALVINGS; step++) {
    const middle = (low + high) / 2;
    if (unseen(middle) < cost) low = middle;
    else high = middle;
  }
  return high;
}

/** How many seconds have passed; 0 where the clock was set back. */
export function secondsSince(thenMs: number, nowMs: number): number {
  return Math.max(0, nowMs - thenMs) / 1_000;
}

const MIN_LENGTH = 0.001;
const MAX_LENGTH = 1e9;
const HALVINGS = 20;
const MIN_ALIVE = 1e-9;

/** P(Z > z) of a standard normal Z: Numerical Recipes' erfcc, whose relative error is below 1.2e-7 also far out. */
function toUpper(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + x / 2);
  let polynomial = 0;
  for (const coefficient of COEFFICIENTS) polynomial = polynomial * t + coefficient;
  const upper = (t * Math.exp(-x * x + polynomial)) / 2;
  return z >= 0 ? upper : 1 - upper;
}

const COEFFICIENTS = [
  0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196,
  1.00002368, -1.26551223,
] as const;
