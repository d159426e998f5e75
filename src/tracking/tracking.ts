import { setTimeout as delay } from "node:timers/promises";

import type { BaseLogger } from "pino";

import type { Catalogue } from "../deployments/catalogue.ts";
import { SUBMISSION_UNKNOWN } from "../job/job-error.ts";
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

/** Everything that changes jobs. */
export type Tracking = {
  readonly submitJob: SubmitJob;
  readonly cancelJob: CancelJob;
  /** Takes up every unfinished job and looks at it from then on. */
  start(): Promise<void>;
  /**
   * Stops looking, and resolves once every submit under way has its outcome written down, or after 5 s: what is then
   * still open is settled as SUBMISSION_UNKNOWN at the next start.
   */
  close(): Promise<void>;
};

/** How often the gateway says that it lives and asks for jobs whose gateway does not: thrice a lease. */
const BEAT_MS = 2_000;
const CLAIM_LIMIT = 500;
const LONGEST_TIMER_MS = 60_000;
const SETTLE_PATIENCE_MS = 5_000;

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
  readonly random?: () => number;
  readonly sleep?: (durationMs: number) => Promise<unknown>;
}): Tracking {
  const { store, runcomfy, pace, catalogue, apiVersion, deadlineSeconds, log } = dependencies;
  const { now = Date.now, random = Math.random, sleep = delay } = dependencies;
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
    random,
    log,
    onDue: () => tickIn(0),
  });
  const { submitJob, settleAll } = createSubmitJob({
    store,
    runcomfy,
    pace,
    record,
    follow: poller.follow,
    isKnownDeployment: (id) => catalogue === null || catalogue.find(id) !== null,
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

  function tickIn(waitMs: number): void {
    if (closing.signal.aborted || waitMs === Infinity) return;
    clearTimeout(timer);
    timer = setTimeout(() => tickIn(poller.tick()), Math.min(waitMs, LONGEST_TIMER_MS));
  }

  /** Also the way in which a submit that nobody finished is settled: never sent again. */
  async function takeOver(): Promise<void> {
    await store.renewLease();
    for (;;) {
      const jobs = await store.claimJobs(CLAIM_LIMIT);
      for (const job of jobs) {
        if (job.status !== "SUBMITTING") poller.follow(job);
        else await record(job.id, { kind: "failed", error: SUBMISSION_UNKNOWN, finishedAt: null });
      }
      if (jobs.length < CLAIM_LIMIT) return;
    }
  }

  async function beat(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        await delay(BEAT_MS, undefined, { signal: closing.signal });
        await takeOver();
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
    submitJob,
    cancelJob,
    async start() {
      await takeOver();
      beating = beat();
    },
    async close() {
      clearTimeout(timer);
      closing.abort();
      await Promise.all([
        poller.close(),
        beating,
        Promise.race([settleAll(), delay(SETTLE_PATIENCE_MS, undefined, { ref: false })]),
      ]);
    },
  };
}
