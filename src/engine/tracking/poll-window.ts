import { LRUCache } from "lru-cache";

const FIRST_WINDOW = 16;
/** One claim takes no more, so that a deployment that nobody knows yet goes no further beyond its window. */
const MAX_IN_A_CLAIM = 64;
/** The part of all room that one deployment may take. */
const MAX_PART = 7 / 8;
const MAX_DEPLOYMENTS = 1_000;

/** An answer is slow when it takes this much longer than usual. */
const SLOW_FACTOR = 2;
const SLOW_MS = 500;
/** The weight of the newest answer in what is usual; a quicker one counts wholly. */
const NEWEST_PART = 0.02;

/**
 * How many polls may be under way, which is found for each deployment as TCP finds its window: it grows while answers are
 * quick, and halves when they are not. All together are at most `most`, of which the last eighth is for deployments that
 * have few under way, so that slow ones leave room to others.
 */
export function createPollWindow({
  most,
  monotonic,
}: {
  readonly most: number;
  readonly monotonic: () => number;
}) {
  const mostOfOne = Math.max(1, Math.floor(most * MAX_PART));
  let underWay = 0;
  const windows = new LRUCache<string, Window>({
    max: MAX_DEPLOYMENTS,
    memoMethod: () => ({
      size: Math.min(FIRST_WINDOW, mostOfOne),
      isStarting: true,
      underWay: 0,
      usualMs: Infinity,
      halvedAt: -Infinity,
    }),
  });

  const isFull = (window: Window): boolean =>
    underWay >= most ||
    window.underWay >= Math.floor(window.size) ||
    (window.underWay >= FIRST_WINDOW && underWay >= mostOfOne);

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
    /** How many polls may be claimed now. */
    free(): number {
      const rooms = [...windows.values()].flatMap((window) =>
        isFull(window) || window.underWay === 0 ? [] : window.size - window.underWay,
      );
      const least = rooms.length === 0 ? 0 : Math.floor(Math.min(...rooms));
      return Math.min(most - underWay, MAX_IN_A_CLAIM, Math.max(FIRST_WINDOW, least));
    },
    /** The deployments of which none may be claimed. */
    fullDeployments: () => [...windows].flatMap(([id, window]) => (isFull(window) ? id : [])),
    /** Whether polls may have to wait for room. */
    isShort: () => underWay >= most || [...windows.values()].some(isFull),
    /** A poll begins for which nobody is asked. */
    enterUnasked(): () => boolean {
      underWay += 1;
      return () => {
        underWay -= 1;
        return underWay + 1 >= most;
      };
    },
    /** Begins a poll. The returned function ends it, well or not, and returns whether that made the first room. */
    enter(deploymentId: string): (isBad: boolean) => boolean {
      const window = windows.memo(deploymentId);
      const startedAt = monotonic();
      underWay += 1;
      window.underWay += 1;
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
};
