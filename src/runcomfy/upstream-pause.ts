/** Longer pauses are cut to this. */
export const LONGEST_PAUSE_MS = 300_000;

/** Pauses that differ by less are one pause that several answers asked for. */
const SAME_PAUSE_MS = 500;

/** The pause that the upstream asked for with a Retry-After. */
export function createUpstreamPause(now: () => number) {
  const listeners: (() => void)[] = [];
  let pausedUntil = 0;

  /** Takes over a pause that another gateway noted; no listener hears of it. */
  function adoptPause(durationMs: number): void {
    pausedUntil = Math.max(pausedUntil, now() + Math.min(durationMs, LONGEST_PAUSE_MS));
  }

  return {
    /** How many milliseconds nobody may call the upstream; 0 without a pause. */
    pausedForMs: () => Math.max(0, Math.ceil(pausedUntil - now())),
    adoptPause,
    /** The upstream asked for a pause; listeners of `onPause` hear of it. */
    notePause(durationMs: number): void {
      const before = pausedUntil;
      adoptPause(durationMs);
      if (pausedUntil > before + SAME_PAUSE_MS) for (const tell of listeners) tell();
    },
    /** Calls `tell` whenever a noted pause lasts longer than the one before. */
    onPause: (tell: () => void) => void listeners.push(tell),
  };
}
