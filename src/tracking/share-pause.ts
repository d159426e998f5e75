import type { BaseLogger } from "pino";

import type { Pace } from "../runcomfy/pace.ts";
import type { Ownership } from "../store/job-store.ts";

export type PauseSharing = ReturnType<typeof createPauseSharing>;

/** Two gateways that round a pause differently need not correct each other. */
const SAME_PAUSE_MS = 1_000;

/** Makes a pause that the upstream asked one gateway for hold for all of them. */
export function createPauseSharing(dependencies: {
  readonly ownership: Pick<Ownership, "isExclusive" | "readPauseMs" | "notePause">;
  readonly pace: Pick<Pace, "pausedForMs" | "adoptPause" | "onPause">;
  readonly log: BaseLogger;
}) {
  const { ownership, pace, log } = dependencies;
  let telling: Promise<void> | null = null;
  let isUntold = false;

  /** One statement at a time, with the newest pause. */
  async function tell(): Promise<void> {
    try {
      while (isUntold) {
        isUntold = false;
        await ownership.notePause(pace.pausedForMs());
      }
    } catch (error) {
      log.warn(
        { err: error },
        "The other gateways could not be told of RunComfy's pause. They hear of it within seconds of the database answering.",
      );
    } finally {
      telling = null;
    }
  }

  // Where no other gateway can live there is nobody to tell.
  if (ownership.isExclusive) return { exchange: async () => {}, close: async () => {} };
  pace.onPause(() => {
    isUntold = true;
    telling ??= tell();
  });
  return {
    /** Takes over what other gateways were told, and tells again what they do not know of. */
    async exchange(): Promise<void> {
      const sharedMs = await ownership.readPauseMs();
      const ownMs = pace.pausedForMs();
      if (ownMs > sharedMs + SAME_PAUSE_MS) await ownership.notePause(ownMs);
      else pace.adoptPause(sharedMs);
    },
    /** Resolves once nothing is being told. */
    async close(): Promise<void> {
      await telling;
    },
  };
}
