import { setTimeout as delay } from "node:timers/promises";

/** Waits for this long, or until the signal is aborted, whichever comes first. */
export async function sleepFor(durationMs: number, signal: AbortSignal): Promise<void> {
  // It rejects for nothing but an abort.
  await delay(durationMs, undefined, { signal }).catch(() => undefined);
}
