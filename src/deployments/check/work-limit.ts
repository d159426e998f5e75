/** A check went on for too long. */
export class TooMuchWorkError extends Error {
  override readonly name = "TooMuchWorkError";

  constructor() {
    super("The value takes too much work to check. Make it smaller or less deep.");
  }
}

/**
 * Bounds the work of one check. Without it a schema that refers to itself from two alternatives doubles the work with
 * each level of a small input, and a pattern may never come to an end.
 */
export type WorkLimit = {
  /** Begins a check of so many values. */
  begin(values: number): void;
  /** Counts a step into what a schema refers to; throws TooMuchWorkError when there were too many. */
  step(): void;
  /** Adds the time that a pattern took; throws TooMuchWorkError when all took too long. */
  spend(durationMs: number): void;
};

const LEAST_STEPS = 20_000;
const STEPS_A_VALUE = 20;
const MOST_PATTERN_MS = 500;

export function createWorkLimit(): WorkLimit {
  let steps = 0;
  let patternMs = 0;
  return {
    begin(values) {
      steps = LEAST_STEPS + STEPS_A_VALUE * values;
      patternMs = MOST_PATTERN_MS;
    },
    step() {
      steps -= 1;
      if (steps < 0) throw new TooMuchWorkError();
    },
    spend(durationMs) {
      patternMs -= durationMs;
      if (patternMs < 0) throw new TooMuchWorkError();
    },
  };
}
