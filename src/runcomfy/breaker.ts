import type { UpstreamErrorCode } from "../job/errors.ts";

export type Breaker = ReturnType<typeof createBreaker>;

export type Outage = {
  readonly looks: Slot;
  /** Apart from looks, which may all be at one broken job, or be rare. */
  readonly probes: Slot;
};

export const FAILURES_UNTIL_OUTAGE = 5;
const SHORTEST_BACK_OFF_MS = 1_000;

/** An outage this soon after another continues its probes' back-off: their answers say nothing about what fails. */
const RELAPSE_MS = 60_000;

/** After this long with probes that are answered, but badly, a submit has to find out. */
const ODD_PROBES_MS = 120_000;

/**
 * Turns consecutive failures into an outage, of the upstream or of one deployment, and ends it. Two in a row that lie
 * `longFailureMs` or more apart are an outage as well.
 */
export function createBreaker(options: {
  readonly now: () => number;
  readonly toWaitMs: (backOffMs: number) => number;
  readonly longestBackOffMs: number;
  readonly longFailureMs: number;
  readonly onBegin: (code: UpstreamErrorCode) => void;
  readonly onEnd: () => void;
}) {
  const { now, longestBackOffMs, longFailureMs, onBegin, onEnd } = options;
  let failures = 0;
  let failingSince = 0;
  let outage: (Outage & { readonly code: UpstreamErrorCode }) | null = null;
  /** When the last outage ended, and its probes' back-off by then. */
  let endedAt = -Infinity;
  let endedBackOffMs = 0;
  /** Since when every probe was answered, but badly. */
  let oddSince = Infinity;
  let nextSubmitAt = -Infinity;

  /** Begins an outage at once, unless there is one. */
  function begin(code: UpstreamErrorCode): void {
    if (outage !== null) return;
    const isRelapse = now() - endedAt < RELAPSE_MS;
    outage = {
      code,
      looks: createSlot({ ...options, firstBackOffMs: SHORTEST_BACK_OFF_MS }),
      probes: createSlot({
        ...options,
        firstBackOffMs: isRelapse ? endedBackOffMs * 2 : SHORTEST_BACK_OFF_MS,
      }),
    };
    oddSince = Infinity;
    onBegin(code);
  }

  return {
    /** Null while there is no outage. */
    outage: (): Outage | null => outage,
    begin,
    noteFailure(code: UpstreamErrorCode): void {
      failures += 1;
      if (failures === 1) failingSince = now();
      const isLong = failures > 1 && now() - failingSince >= longFailureMs;
      if (isLong || failures >= FAILURES_UNTIL_OUTAGE) begin(code);
    },
    noteGood(): void {
      failures = 0;
      if (outage === null) return;
      endedAt = now();
      endedBackOffMs = outage.probes.backOffMs();
      outage = null;
      onEnd();
    },
    noteProbeFailure(isAnswered: boolean): void {
      oddSince = isAnswered ? Math.min(oddSince, now()) : Infinity;
    },
    /** Why no submit may leave now; null when one may. */
    submitRefusal(): UpstreamErrorCode | null {
      if (outage === null) return null;
      if (now() - oddSince >= ODD_PROBES_MS && now() >= nextSubmitAt) {
        nextSubmitAt = now() + longestBackOffMs;
        return null;
      }
      // Waiting does not make a refused token good.
      return outage.code === "UNAUTHORIZED" ? "UNAUTHORIZED" : "UNAVAILABLE";
    },
  };
}

type Slot = ReturnType<typeof createSlot>;

/**
 * Lets one call at a time pass while calls fail, each later than the one before. It is free after the first wait;
 * `toWaitMs` turns a back-off into a wait.
 */
function createSlot(options: {
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
