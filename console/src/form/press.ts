/** Whoever presses again this soon after an answer, or goes on pressing, did not mean another job. */
const PAUSE_MS = 1_000;

let quietUntil = -Infinity;

export function noteAccepted(): void {
  quietUntil = performance.now() + PAUSE_MS;
}

/** Whoever has changed something since means another one. */
export function noteChange(): void {
  quietUntil = -Infinity;
}

/** Asked at each press: a double click, or a key that is held down. */
export function isTooSoon(): boolean {
  const isQuiet = performance.now() < quietUntil;
  if (isQuiet) noteAccepted();
  return isQuiet;
}
