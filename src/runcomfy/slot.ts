export type Slot = ReturnType<typeof createSlot>;

/**
 * Lets one call at a time pass while calls fail, each later than the one before. It is free after the first wait;
 * `toWaitMs` turns a back-off into a wait.
 */
export function createSlot(options: {
  readonly now: () => number;
  readonly toWaitMs: (backOffMs: number) => number;
  readonly firstBackOffMs: number;
  readonly longestBackOffMs: number;
}) {
  const { now, toWaitMs, longestBackOffMs } = options;
  let backOffMs = Math.min(options.firstBackOffMs, longestBackOffMs);
  let freeAt = now() + toWaitMs(backOffMs);
  let takenAt: number | null = null;

  return {
    /** What the next failure doubles. */
    backOffMs: () => backOffMs,
    /** 0 when it is free. */
    waitMs: () => Math.max(0, Math.ceil(freeAt - now())),
    take(): void {
      takenAt = now();
      // A call that hangs, or whose end is never noted, keeps the slot no longer than this.
      freeAt = takenAt + longestBackOffMs;
    },
    /** The call that took it said nothing, so it is free again. Does nothing when it is not taken. */
    release(): void {
      if (takenAt === null) return;
      takenAt = null;
      freeAt = now();
    },
    /** The call that took it failed. Does nothing when it is not taken: many others may be under way. */
    backOff(): void {
      if (takenAt === null) return;
      backOffMs = Math.min(longestBackOffMs, backOffMs * 2);
      // From the call's start: the upstream may have come back while it was waiting.
      freeAt = takenAt + toWaitMs(backOffMs);
      takenAt = null;
    },
    /** There is a reason to try at once, unless a call is under way. */
    hurry(): void {
      if (takenAt === null) freeAt = now();
    },
  };
}
