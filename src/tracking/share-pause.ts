import type { BaseLogger } from "pino";

import type { UpstreamHealth } from "../runcomfy/upstream-health.ts";
import type { JobStore } from "../store/job-store.ts";

/** Two gateways that round a pause differently need not correct each other. */
const SAME_PAUSE_MS = 1_000;

/**
 * Makes a pause that the upstream asked one gateway for hold for all of them. Returns what takes over, at each beat, what
 * other gateways were told, and tells again what they do not know of.
 */
export function startPauseSharing({
  store: { isShared, pauses },
  health,
  log,
}: {
  readonly store: Pick<JobStore, "isShared" | "pauses">;
  readonly health: Pick<UpstreamHealth, "pausedForMs" | "adoptPause" | "onPause">;
  readonly log: BaseLogger;
}): () => Promise<void> {
  // Where no other gateway can live there is nobody to tell.
  if (!isShared) return async () => undefined;

  health.onPause(() => {
    pauses.notePause(health.pausedForMs()).catch((error: unknown) => {
      log.warn(
        { err: error },
        "The other gateways could not be told of RunComfy's pause. They hear of it within seconds of the database answering.",
      );
    });
  });
  return async () => {
    const sharedMs = await pauses.readPauseMs();
    const ownMs = health.pausedForMs();
    if (ownMs > sharedMs + SAME_PAUSE_MS) await pauses.notePause(ownMs);
    else health.adoptPause(sharedMs);
  };
}
