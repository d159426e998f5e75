import type { UpstreamErrorCode } from "../job/errors.ts";

export type Breaker = ReturnType<typeof createBreaker>;

export const FAILURES_UNTIL_OUTAGE = 5;

/** Two in a row open a breaker: each has taken seconds already. */
const TIMEOUT_WEIGHT = 3;

const MIN_BACK_OFF_MS = 1_000;

/** Where probes are answered and all else fails, outages follow each other this soon; their back-off goes on. */
const RELAPSE_MS = 60_000;

/** Probes may not tell what POSTs would: after this long with bad answers to them, a submit has to find out. */
const BAD_ANSWERS_MS = 120_000;

/**
 * Opens after failures in a row, of RunComfy or of one deployment, which begins an outage; the first good answer closes it.
 * While it is open it tells when to probe, after 1, 2, 4, 8 s and so on, at most `longestBackOffMs`, less up to a half.
 */
export function createBreaker(options: {
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  readonly random: () => number;
  readonly longestBackOffMs: number;
  readonly onOpen: (code: UpstreamErrorCode) => void;
  readonly onClose: () => void;
}) {
  const { now, random, longestBackOffMs, onOpen, onClose } = options;
  let failures = 0;
  /** What opened it; null while it is closed. */
  let cause: UpstreamErrorCode | null = null;
  let openedAt = -Infinity;
  let closedAt = -Infinity;
  let backOffMs = MIN_BACK_OFF_MS;
  let probeAt = Infinity;
  /** Since when every probe was answered, but badly. */
  let badAnswersSince = Infinity;
  let nextSubmitAt = -Infinity;

  function scheduleProbe(nextBackOffMs: number): void {
    backOffMs = Math.min(nextBackOffMs, longestBackOffMs);
    probeAt = now() + backOffMs * (0.5 + 0.5 * random());
  }

  /** Begins an outage at once, unless there is one. */
  function open(code: UpstreamErrorCode): void {
    if (cause !== null) return;
    cause = code;
    openedAt = now();
    badAnswersSince = Infinity;
    scheduleProbe(now() - closedAt < RELAPSE_MS ? backOffMs : MIN_BACK_OFF_MS);
    onOpen(code);
  }

  return {
    isOpen: () => cause !== null,
    /** For how long it has been open, in milliseconds; null while it is closed. */
    openForMs: () => (cause === null ? null : now() - openedAt),
    open,
    noteFailure(code: UpstreamErrorCode): void {
      failures += code === "TIMEOUT" ? TIMEOUT_WEIGHT : 1;
      if (failures >= FAILURES_UNTIL_OUTAGE) open(code);
    },
    noteGood(): void {
      failures = 0;
      if (cause === null) return;
      cause = null;
      closedAt = now();
      probeAt = Infinity;
      onClose();
    },
    /** When the next probe is due, by `now`; Infinity while closed. */
    probeAt: () => probeAt,
    /** A probe leaves. The next one counts from here: RunComfy may be back while this one still waits for its answer. */
    takeProbe: () => scheduleProbe(backOffMs * 2),
    noteBadProbe(isAnswered: boolean): void {
      badAnswersSince = isAnswered ? Math.min(badAnswersSince, now()) : Infinity;
    },
    /** Why no submit may leave now. After null, one has to leave. */
    submitRefusal(): UpstreamErrorCode | null {
      if (cause === null) return null;
      if (now() - badAnswersSince >= BAD_ANSWERS_MS && now() >= nextSubmitAt) {
        nextSubmitAt = now() + longestBackOffMs;
        return null;
      }
      // Waiting does not make a refused token good.
      return cause === "UNAUTHORIZED" ? "UNAUTHORIZED" : "UNAVAILABLE";
    },
  };
}
