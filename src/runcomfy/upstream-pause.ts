/** For how long the upstream asked everybody to stay away. */
export type UpstreamPause = {
  /** How many milliseconds nobody may call the upstream, because it asked for a pause; 0 when it did not. */
  pausedForMs(): number;
  /** The upstream asked everybody to stay away for so long; the listeners of `onPause` hear of it. */
  notePause(durationMs: number): void;
  /** Another gateway was asked to: the same, but nobody hears of it. */
  adoptPause(durationMs: number): void;
  /** Calls `tell` whenever a pause was noted that lasts longer than the one before. */
  onPause(tell: () => void): void;
};

/** The longest pause that is obeyed, however long the upstream asked for. */
export const LONGEST_PAUSE_MS = 300_000;

/** Pauses that differ by less are the same one, which several answers told. */
const SAME_PAUSE_MS = 500;

/** Makes one that has not begun. */
export function createUpstreamPause(now: () => number): UpstreamPause {
  const listeners: (() => void)[] = [];
  let pausedUntil = 0;

  function adoptPause(durationMs: number): void {
    pausedUntil = Math.max(pausedUntil, now() + Math.min(durationMs, LONGEST_PAUSE_MS));
  }

  return {
    pausedForMs: () => Math.max(0, Math.ceil(pausedUntil - now())),
    adoptPause,
    notePause(durationMs) {
      const before = pausedUntil;
      adoptPause(durationMs);
      if (pausedUntil > before + SAME_PAUSE_MS) for (const tell of listeners) tell();
    },
    onPause: (tell) => void listeners.push(tell),
  };
}
