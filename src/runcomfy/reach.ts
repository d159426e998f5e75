/** How well one gateway reaches the upstream. */
export type Reach = {
  /** Of the upstream as a whole. */
  readonly isOutage: boolean;
  /** It has had no answer for long while another gateway had one, so the fault is on this side. */
  readonly isCutOff: boolean;
  /** Null when it never had a good answer. */
  readonly answeredMsAgo: number | null;
};

/** An answer elsewhere has to be newer by this much, since a slow database makes it look newer. */
const CLOCK_SLACK_MS = 1_000;

/** Finds out whether only this gateway can't reach the upstream. After `cutOffAfterMs` of failures the answers of other gateways count. */
export function createReachTracker(options: {
  readonly now: () => number;
  readonly cutOffAfterMs: number;
}) {
  const { now, cutOffAfterMs } = options;
  let answeredAt = -Infinity;
  /** The first failure since the last good answer, and the first and the last since an answer of any kind. */
  let failingSince: number | null = null;
  let unreached: { readonly since: number; lastAt: number } | null = null;
  let elsewhereAt = -Infinity;

  /** Whether `at` is after the failures began: an earlier answer says nothing about them. */
  function isLater(at: number): boolean {
    const since = unreached?.since ?? failingSince;
    return since !== null && at > since + CLOCK_SLACK_MS;
  }

  return {
    noteGood(): void {
      answeredAt = now();
      failingSince = null;
      unreached = null;
      elsewhereAt = -Infinity;
    },
    /** `isUnreached`: it got no answer, or none to this gateway's token. */
    noteFailure(isUnreached: boolean): void {
      failingSince ??= now();
      if (!isUnreached) unreached = null;
      else if (unreached === null) unreached = { since: now(), lastAt: now() };
      else unreached.lastAt = now();
    },
    /** Another gateway had a good answer that long ago. True when a call should check that news. */
    noteAnswerElsewhere(ageMs: number): boolean {
      const at = now() - ageMs;
      // The first is enough to know: each call that it causes may fail.
      if (!isLater(at) || isLater(elsewhereAt)) return false;
      elsewhereAt = at;
      return true;
    },
    isCutOff(): boolean {
      if (unreached === null || !isLater(elsewhereAt)) return false;
      if (now() - unreached.since < cutOffAfterMs) return false;
      // Not waiting for a call that hangs.
      return unreached.lastAt > elsewhereAt || now() - elsewhereAt >= cutOffAfterMs;
    },
    answeredMsAgo: () => (answeredAt === -Infinity ? null : now() - answeredAt),
  };
}
