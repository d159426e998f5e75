/** What all walks of an operation have together: time in their steps, and by the clock. */
const MAX_STEPS_MS = 2_000;
const MAX_MS = 5_000;

export type WalkBudget = {
  /** Runs a step in its slot; resolves with how long it took, too. */
  step<Value>(run: () => Promise<Value>): Promise<{ readonly value: Value; readonly ms: number }>;
  /** Whether no further step may begin. */
  isSpent(): boolean;
};

/** The time that the walks of one operation share, from the first one on. `runStep` runs a step when it may. */
export function createWalkBudget({
  now = () => performance.now(),
  runStep = (run) => run(),
}: {
  /** Milliseconds of a clock that never goes back. */
  readonly now?: (() => number) | undefined;
  readonly runStep?: <Value>(run: () => Promise<Value>) => Promise<Value>;
} = {}): WalkBudget {
  let leftMs = MAX_STEPS_MS;
  let endsAt: number | undefined;

  return {
    async step(run) {
      endsAt ??= now() + MAX_MS;
      return await runStep(async () => {
        const beganAt = now();
        const value = await run();
        const ms = now() - beganAt;
        leftMs -= ms;
        return { value, ms };
      });
    },
    isSpent: () => leftMs <= 0 || (endsAt !== undefined && now() >= endsAt),
  };
}
