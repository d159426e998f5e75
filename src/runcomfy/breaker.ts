import type { UpstreamErrorCode } from "../job/errors.ts";

export type Breaker = ReturnType<typeof createBreaker>;

const FAILURES_UNTIL_OUTAGE = 5;

/** Two in a row open a breaker: each has taken seconds already. */
const TIMEOUT_WEIGHT = 3;

const MIN_BACK_OFF_MS = 1_000;

/** Where probes are answered and all else fails, outages follow each other this soon; their back-off goes on. */
const RELAPSE_MS = 60_000;

/** Probes may not tell what POSTs would: after this long with bad answers to them, a submit has to find out. */
const BAD_ANSWERS_MS = 120_000;

/**
 * Opens after failures in a row, of RunComfy or of one deployment, which begins an outage; the first good answer closes it.
 * Probes are due after 1, 2, 4, 8 s and so on, at most `longestBackOffMs`, less up to a half.
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
  /** Since when every probe was answered, but badly. */
  let badAnswersSince = Infinity;
  let nextSubmitAt = -Infinity;

  return {
    isOpen: () => cause !== null,
    /** For how long it has been open, in milliseconds; null while it is closed. */
    openForMs: () => (cause === null ? null : now() - openedAt),
    noteFailure(code: UpstreamErrorCode): void {
      failures += code === "TIMEOUT" ? TIMEOUT_WEIGHT : 1;
      if (failures < FAILURES_UNTIL_OUTAGE || cause !== null) return;
      cause = code;
      openedAt = now();
      badAnswersSince = Infinity;
      if (openedAt - closedAt >= RELAPSE_MS) backOffMs = MIN_BACK_OFF_MS;
      onOpen(code);
    },
    noteGood(): void {
      failures = 0;
      if (cause === null) return;
      cause = null;
      closedAt = now();
      onClose();
    },
    noteBadProbe(isAnswered: boolean): void {
      badAnswersSince = isAnswered ? Math.min(badAnswersSince, now()) : Infinity;
    },
    /** How long to wait before the next probe; longer each time. Null while it is closed. */
    nextProbeMs(): number | null {
      if (cause === null) return null;
      const waitMs = Math.min(backOffMs, longestBackOffMs);
      backOffMs = waitMs * 2;
      return waitMs * (0.5 + 0.5 * random());
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
