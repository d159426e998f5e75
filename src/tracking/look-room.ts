import { LRUCache } from "lru-cache";

/** One claim takes no more, so that a deployment goes no further beyond its window. */
const MOST_IN_A_CLAIM = 16;
const FIRST_WINDOW = 16;
/** The part of all room that one deployment may take. */
const MOST_PART = 7 / 8;
const MOST_DEPLOYMENTS = 1_000;

/** An answer is slow when it takes this much longer than usual. */
const SLOW_FACTOR = 2;
const SLOW_MS = 500;
/** The weight of the newest answer in what is usual; a quicker one counts wholly. */
const NEWEST_PART = 0.02;

/** A look that had to wait for room for a second makes looks 25 times as dear, so that they are a fifth as many. */
const RISE_PER_SECOND = 4;
const LONGEST_WAIT_SECONDS = 1;
/** What does not last does not count. */
const PRICE_SETTLES_MS = 3_000;

/**
 * How many looks may be under way, which is found for each deployment as TCP finds its window: it grows while answers are
 * quick, and halves when they are not. All together are at most `most`. Where looks have to wait for room they become
 * dearer, so that they come where they count.
 */
export function createLookRoom({
  most,
  monotonic,
}: {
  readonly most: number;
  readonly monotonic: () => number;
}) {
  const mostOfOne = Math.max(1, Math.floor(most * MOST_PART));
  let underWay = 0;
  let pricedAt = monotonic();
  const windows = new LRUCache<string, Window>({
    max: MOST_DEPLOYMENTS,
    memoMethod: () => ({
      size: Math.min(FIRST_WINDOW, mostOfOne),
      isStarting: true,
      underWay: 0,
      usualMs: Infinity,
      halvedAt: -Infinity,
      waitedMs: 0,
      price: 1,
    }),
  });

  const isFull = (window: Window): boolean =>
    underWay >= most || window.underWay >= Math.floor(window.size);

  function grow(window: Window): void {
    const isUsed = window.underWay * 2 >= window.size;
    if (!isUsed) return;
    window.size = Math.min(mostOfOne, window.size + (window.isStarting ? 1 : 1 / window.size));
  }

  /** Once for all that were under way by then. */
  function halve(window: Window, startedAt: number): void {
    if (startedAt < window.halvedAt) return;
    window.size = Math.max(1, window.size / 2);
    window.isStarting = false;
    window.halvedAt = monotonic();
  }

  return {
    /** How many looks may be claimed now. */
    free: () => Math.min(MOST_IN_A_CLAIM, most - underWay),
    /** The deployments of which none may be claimed. */
    fullDeployments: () => [...windows].flatMap(([id, window]) => (isFull(window) ? id : [])),
    /** All that is due and has room is under way. Returns whether some may have to wait for room. */
    adjustPrices(): boolean {
      const now = monotonic();
      const step = 1 - Math.exp((pricedAt - now) / PRICE_SETTLES_MS);
      pricedAt = now;
      let isShort = false;
      for (const window of windows.values()) {
        const waited = isFull(window) ? Math.min(LONGEST_WAIT_SECONDS, window.waitedMs / 1_000) : 0;
        isShort ||= waited > 0;
        window.price += ((1 + RISE_PER_SECOND * waited) ** 2 - window.price) * step;
      }
      return isShort;
    },
    /** 1 where there is room for all looks that are due. */
    price: (deploymentId: string) => windows.peek(deploymentId)?.price ?? 1,
    /**
     * A look begins that had been due for so long. Returns how to say that it has ended and how well, which tells whether
     * that made the first room.
     */
    enter(deploymentId: string, waitedMs: number): (isBad: boolean) => boolean {
      const window = windows.memo(deploymentId);
      const startedAt = monotonic();
      underWay += 1;
      window.underWay += 1;
      window.waitedMs = Math.max(0, waitedMs);
      return (isBad) => {
        const tookMs = monotonic() - startedAt;
        const wasFull = isFull(window);
        if (isBad || tookMs > window.usualMs * SLOW_FACTOR + SLOW_MS) halve(window, startedAt);
        else grow(window);
        underWay -= 1;
        window.underWay -= 1;
        window.usualMs =
          tookMs < window.usualMs
            ? tookMs
            : window.usualMs + (tookMs - window.usualMs) * NEWEST_PART;
        return wasFull;
      };
    },
  };
}

type Window = {
  size: number;
  /** Until the first answer that is not quick. */
  isStarting: boolean;
  underWay: number;
  usualMs: number;
  halvedAt: number;
  /** How long the look that began last had been due. */
  waitedMs: number;
  /** How much dearer looks are than usual. */
  price: number;
};
