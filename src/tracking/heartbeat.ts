import type { BaseLogger } from "pino";

import type { Ownership } from "../store/job-store.ts";
import { sleepFor } from "../store/sleep.ts";
import type { TakeOver } from "./take-over.ts";

export type Heartbeat = ReturnType<typeof createHeartbeat>;

const BEATS_A_LEASE = 3;
/** How often, in beats, to compare what is followed with what is owned. */
const BEATS_A_RECONCILIATION = 5;
/** No beat comes sooner, however often others hand over jobs. */
const SHORTEST_BEAT_MS = 100;

/** Tells the other gateways every third of a lease that this one lives, and does its part of the work. */
export function createHeartbeat(dependencies: {
  readonly ownership: Pick<Ownership, "onHandover">;
  readonly takeOver: TakeOver;
  readonly exchangePauses: () => Promise<void>;
  readonly leaseMs: number;
  readonly monotonic: () => number;
  readonly log: BaseLogger;
}) {
  const { ownership, takeOver, exchangePauses, leaseMs, monotonic, log } = dependencies;
  const closing = new AbortController();
  let beating: Promise<void> = Promise.resolve();
  let stopListening = (): void => undefined;
  /** Aborted when the next beat should come early. */
  let early = new AbortController();
  let hasFailed = false;
  /** By how much the last beat shortens the rest, or a slow database would make the lease run out. */
  let tookMs = 0;

  async function beat(beats: number): Promise<void> {
    const startedAt = monotonic();
    try {
      await takeOver.renew();
      if (!(await takeOver.share())) early.abort();
      await exchangePauses();
      await takeOver.settleAbandoned();
      if (beats % BEATS_A_RECONCILIATION === 0) await takeOver.reconcile();
    } finally {
      tookMs = monotonic() - startedAt;
    }
  }

  async function keepBeating(): Promise<void> {
    for (let beats = 1; ; beats++) {
      await untilNext();
      if (closing.signal.aborted) return;
      try {
        await beat(beats);
        hasFailed = false;
      } catch (error) {
        if (closing.signal.aborted) return;
        if (!hasFailed) {
          log.error(
            { err: error },
            "The database does not answer; the gateway keeps trying. Check that it runs.",
          );
        }
        hasFailed = true;
        takeOver.forgetAbandoned();
      }
    }
  }

  async function untilNext(): Promise<void> {
    await sleepFor(SHORTEST_BEAT_MS, closing.signal);
    const restMs = Math.max(0, leaseMs / BEATS_A_LEASE - tookMs - SHORTEST_BEAT_MS);
    await sleepFor(restMs, AbortSignal.any([closing.signal, early.signal]));
    early = new AbortController();
  }

  return {
    /** Beats once, rejecting when that fails, and then goes on. */
    async start(): Promise<void> {
      stopListening = ownership.onHandover(() => early.abort());
      await beat(1);
      beating = keepBeating();
    },
    /** Resolves when the beat under way has ended. */
    async close(): Promise<void> {
      stopListening();
      closing.abort();
      await beating;
    },
  };
}
