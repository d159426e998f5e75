import { createRandom } from "../job/distributions.ts";
import type { Disturbance } from "./disturbances.ts";
import { DISTURBANCES } from "./disturbances.ts";

/** What befalls the cluster in one round; nothing of it depends on how long anything took. */
export type Round = {
  readonly disturbances: readonly PlannedDisturbance[];
  readonly jobsInFlight: number;
  /** Whether feeds may have to begin anew. */
  readonly mayReset: boolean;
};

/** One of `DISTURBANCES`, and when it begins. */
type PlannedDisturbance = Disturbance & {
  readonly startsAfterMs: number;
  readonly lastingMs: number;
  readonly choice: number;
};

const MAX_MS = 60_000;
const MIN_MS = 2_000;
const MAX_CHOICE = 2 ** 16;
const JOBS_IN_FLIGHT = 30;

/**
 * The rounds of a soak without end, the same for the same seed and length. Each disturbance has its turn before one comes
 * again; to every other a second one comes, of another target, a moment later.
 */
export function* planRounds({
  seed,
  minutes,
}: {
  readonly seed: number;
  readonly minutes: number;
}): Generator<Round> {
  const random = createRandom(seed);
  const pick = (limit: number): number => Math.floor(random() * limit);
  const longestMs = Math.min(MAX_MS, minutes * 6_000);
  const manyJobs = longestMs === MAX_MS ? 500 : 100;
  const plan = (disturbance: Disturbance, startsAfterMs: number) => {
    const drawnMs = MIN_MS + pick(longestMs - MIN_MS);
    const lastingMs = disturbance.isLarge ? longestMs : drawnMs;
    return { ...disturbance, startsAfterMs, lastingMs, choice: pick(MAX_CHOICE) };
  };
  let turns: Disturbance[] = [];

  for (;;) {
    if (turns.length === 0) turns = [...DISTURBANCES];
    const [first] = turns.splice(pick(turns.length), 1);
    if (first === undefined) return;
    const disturbances = [plan(first, 0)];
    const others = DISTURBANCES.filter(({ target }) => target !== first.target);
    const second = others[pick(others.length)];
    const startsAfterMs = pick(longestMs / 10);
    if (pick(2) === 0 && second !== undefined) disturbances.push(plan(second, startsAfterMs));
    const isLarge = disturbances.some((one) => one.isLarge);
    const jobsInFlight = isLarge ? manyJobs : JOBS_IN_FLIGHT;
    const mayReset = disturbances.some((one) => one.mayReset);
    yield { disturbances, jobsInFlight, mayReset };
  }
}
