/** Lets one call at a time pass while calls fail, and the next one ever later. */
export type Slot = {
  /** What the next failure doubles. */
  backOffMs(): number;
  /** 0 when it is free. */
  waitMs(): number;
  take(): void;
  /** The call that took it told nothing: it is free again. Does nothing when it is not taken. */
  release(): void;
  /** The call that took it failed. Does nothing when it is not taken: many others may be under way. */
  backOff(): void;
  /** There is reason to try at once, unless a call is under way. */
  hurry(): void;
};

/** Makes one that is free after the first wait; `toWaitMs` makes a wait of a back-off. */
export function createSlot(options: {
  readonly now: () => number;
  readonly toWaitMs: (backOffMs: number) => number;
  readonly firstBackOffMs: number;
  readonly longestBackOffMs: number;
}): Slot {
  const { now, toWaitMs, longestBackOffMs } = options;
  let backOffMs = Math.min(options.firstBackOffMs, longestBackOffMs);
  let freeAt = now() + toWaitMs(backOffMs);
  let takenAt: number | null = null;

  return {
    backOffMs: () => backOffMs,
    waitMs: () => Math.max(0, Math.ceil(freeAt - now())),
    take() {
      takenAt = now();
      // A call that hangs, or whose end is never noted, keeps the place no longer: the upstream may be back meanwhile.
      freeAt = takenAt + longestBackOffMs;
    },
    release() {
      if (takenAt === null) return;
      takenAt = null;
      freeAt = now();
    },
    backOff() {
      if (takenAt === null) return;
      backOffMs = Math.min(longestBackOffMs, backOffMs * 2);
      // From its start: the upstream may have come back while the call was waiting in vain.
      freeAt = takenAt + toWaitMs(backOffMs);
      takenAt = null;
    },
    hurry() {
      if (takenAt === null) freeAt = now();
    },
  };
}
