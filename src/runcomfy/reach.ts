/** How well one gateway reaches the upstream. */
export type Reach = {
  /** Of the upstream as a whole. */
  readonly isOutage: boolean;
  /** It has been without an answer for long, also after another gateway had one: the fault is on this side. */
  readonly isCutOff: boolean;
  /** Null when the upstream never answered it well. */
  readonly answeredMsAgo: number | null;
};

/** Finds out whether the upstream is out of reach from here alone. */
export type ReachTracker = {
  noteGood(): void;
  /** `isUnreached`: it got no answer, or none to this gateway's token. */
  noteFailure(isUnreached: boolean): void;
  /** Another gateway had a good answer so long ago. True when that is news that a call should check. */
  noteAnswerElsewhere(ageMs: number): boolean;
  isCutOff(): boolean;
  answeredMsAgo(): number | null;
};

/** By so much an answer elsewhere has to be newer: a slow database tells of it as if it were. */
const CLOCK_SLACK_MS = 1_000;

/** Makes one that knows nothing yet; after `cutOffAfterMs` of failures the answers of other gateways count. */
export function createReachTracker(options: {
  readonly now: () => number;
  readonly cutOffAfterMs: number;
}): ReachTracker {
  const { now, cutOffAfterMs } = options;
  let answeredAt = -Infinity;
  /** The first failure since the last good answer, and the first and the last since an answer of any kind. */
  let failingSince: number | null = null;
  let unreached: { readonly since: number; lastAt: number } | null = null;
  let elsewhereAt = -Infinity;

  /** Whether `at` is after the failures began, which an answer before them tells nothing of. */
  function isLater(at: number): boolean {
    const since = unreached?.since ?? failingSince;
    return since !== null && at > since + CLOCK_SLACK_MS;
  }

  return {
    noteGood() {
      answeredAt = now();
      failingSince = null;
      unreached = null;
      elsewhereAt = -Infinity;
    },
    noteFailure(isUnreached) {
      failingSince ??= now();
      if (!isUnreached) unreached = null;
      else if (unreached === null) unreached = { since: now(), lastAt: now() };
      else unreached.lastAt = now();
    },
    noteAnswerElsewhere(ageMs) {
      const at = now() - ageMs;
      // The first is enough to know, and each call that it brings on may fail.
      if (!isLater(at) || isLater(elsewhereAt)) return false;
      elsewhereAt = at;
      return true;
    },
    isCutOff() {
      if (unreached === null || !isLater(elsewhereAt)) return false;
      if (now() - unreached.since < cutOffAfterMs) return false;
      // A call that hangs is not waited for.
      return unreached.lastAt > elsewhereAt || now() - elsewhereAt >= cutOffAfterMs;
    },
    answeredMsAgo: () => (answeredAt === -Infinity ? null : now() - answeredAt),
  };
}
