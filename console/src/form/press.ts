import type { KeyboardEvent, MouseEvent } from "react";

/** Whoever presses again this soon after an answer did not mean another job. */
const PAUSE_MS = 1_000;

let acceptedAt = -Infinity;

export function noteAccepted(): void {
  acceptedAt = performance.now();
}

/** Whoever has changed something since means another one. */
export function noteChange(): void {
  acceptedAt = -Infinity;
}

export function isTooSoon(): boolean {
  return performance.now() - acceptedAt < PAUSE_MS;
}

/** For a button that costs money: neither a double click nor a key that is held down presses it twice. */
export const PRESSED_ONCE = {
  onClickCapture(event: MouseEvent): void {
    if (event.detail <= 1) return;
    event.preventDefault();
    event.stopPropagation();
  },
  onKeyDown(event: KeyboardEvent): void {
    if (event.repeat && event.key === "Enter") event.preventDefault();
  },
} as const;
