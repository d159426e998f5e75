import { setTimeout as delay } from "node:timers/promises";

import type { BaseLogger } from "pino";

import type { Catalogue } from "../deployments/catalogue.ts";
import { lookByAge } from "../job/poll-schedule.ts";
import type { Pace } from "../runcomfy/pace.ts";
import type { RunComfy } from "../runcomfy/runcomfy.ts";
import type { JobStore } from "../store/job-store.ts";
import type { CancelJob } from "./cancel-job.ts";
import { createCancelJob } from "./cancel-job.ts";
import { createPoller } from "./poller.ts";
import { createRecord } from "./record.ts";
import type { SubmitJob } from "./submit-job.ts";
import { createSubmitJob } from "./submit-job.ts";
import { createTakeOver } from "./take-over.ts";

/** Everything that changes jobs. */
export type Tracking = {
  readonly submitJob: SubmitJob;
  readonly cancelJob: CancelJob;
  /** Takes up every unfinished job and looks at it from then on. */
  start(): Promise<void>;
  /** Takes no more submits from now on; those that have no answer within 7.5 s end as unknown. */
  stopSubmits(): void;
  /** Stops submits and looks, and resolves once every submit under way has its outcome written down. */
  close(): Promise<void>;
};

/** How often the gateway says that it lives and asks for jobs whose gateway does not: thrice a lease. */
const BEAT_MS = 2_000;
/** Every so many beats, what is followed is compared with what is owned. */
const BEATS_A_RECONCILIATION = 5;
const LONGEST_TIMER_MS = 60_000;
const SUBMIT_PATIENCE_MS = 7_500;

export function createTracking(dependencies: {
  readonly store: JobStore;
  readonly runcomfy: RunComfy;
  readonly pace: Pace;
  readonly catalogue: Catalogue;
  readonly apiVersion: string;
  readonly deadlineSeconds: number;
  readonly submitTimeoutSeconds: number;
  readonly log: BaseLogger;
  readonly now?: () => number;
  readonly monotonic?: () => number;
  readonly random?: () => number;
  readonly sleep?: (durationMs: number) => Promise<unknown>;
}): Tracking {
  const { store, runcomfy, pace, catalogue, apiVersion, deadlineSeconds, log } = dependencies;
  const { now = Date.now, monotonic = () => performance.now() } = dependencies;
  const { random = Math.random, sleep = delay } = dependencies;
  const submitTimeoutMs = dependencies.submitTimeoutSeconds * 1_000;
  const closing = new AbortController();
  const record = createRecord({ store, now });
  let timer: NodeJS.Timeout | undefined;
  let beating: Promise<void> = Promise.resolve();
  let hasBeatFailed = false;

  const poller = createPoller({
    store,
    runcomfy,
    pace,
    record,
    schedule: lookByAge,
    deadlineSeconds,
    now,
    monotonic,
    random,
    log,
    onDue: () => tickIn(0),
  });
  const submitter = createSubmitJob({
    store,
    runcomfy,
    pace,
    record,
    follow: poller.follow,
    catalogue,
    apiVersion,
    submitTimeoutMs,
    now,
    sleep,
    log,
  });
  const cancelJob = createCancelJob({
    store,
    runcomfy,
    record,
    lookNow: poller.lookNow,
    submitTimeoutMs,
    sleep,
    signal: closing.signal,
  });

  const takeOver = createTakeOver({
    store,
    poller,
    record,
    isSubmitting: submitter.isSubmitting,
    submitTimeoutMs,
    now,
    monotonic,
    log,
  });

  function tickIn(waitMs: number): void {
    if (closing.signal.aborted || waitMs === Infinity) return;
    clearTimeout(timer);
    timer = setTimeout(() => tickIn(poller.tick()), Math.min(waitMs, LONGEST_TIMER_MS));
  }

  async function beat(): Promise<void> {
    for (let beats = 1; !closing.signal.aborted; beats++) {
      try {
        await delay(BEAT_MS, undefined, { signal: closing.signal });
        await takeOver.claim();
        if (beats % BEATS_A_RECONCILIATION === 0) await takeOver.reconcile();
        hasBeatFailed = false;
      } catch (error) {
        if (closing.signal.aborted) return;
        if (!hasBeatFailed) {
          log.error(
            { err: error },
            "The database does not answer; the gateway goes on trying. Check that it runs.",
          );
        }
        hasBeatFailed = true;
      }
    }
  }

  return {
    submitJob: submitter.submitJob,
    cancelJob,
    stopSubmits: () => submitter.stop(SUBMIT_PATIENCE_MS),
    async start() {
      await takeOver.claim();
      beating = beat();
    },
    async close() {
      clearTimeout(timer);
      closing.abort();
      submitter.stop(SUBMIT_PATIENCE_MS);
      await Promise.all([poller.close(), beating, submitter.close()]);
    },
  };
}
