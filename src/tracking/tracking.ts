import { setTimeout as delay } from "node:timers/promises";

import type { BaseLogger } from "pino";

import type { Catalogue } from "../deployments/catalogue.ts";
import { lookByAge } from "../job/looks.ts";
import type { Pace } from "../runcomfy/pace.ts";
import type { RunComfy } from "../runcomfy/runcomfy.ts";
import type { JobStore } from "../store/job-store.ts";
import { createCancelJob, createDeleteJob } from "./cancel-job.ts";
import { createHeartbeat } from "./heartbeat.ts";
import { createPoller } from "./poller.ts";
import { createRecordObservation } from "./record-observation.ts";
import { startPauseSharing } from "./share-pause.ts";
import { createSubmitJob } from "./submit-job.ts";
import { createLease, createTakeOver } from "./take-over.ts";

export type Tracking = ReturnType<typeof createTracking>;

const LONGEST_TIMER_MS = 60_000;
const SUBMIT_PATIENCE_MS = 7_500;
/** A database that is away must not hold up a stop: without a hand-over others take over when the lease ends. */
const HANDOVER_PATIENCE_MS = 1_000;

/** Everything that changes jobs. */
export function createTracking(dependencies: {
  readonly store: JobStore;
  readonly runcomfy: RunComfy;
  readonly pace: Pace;
  readonly catalogue: Catalogue;
  readonly apiVersion: string;
  readonly deadlineSeconds: number;
  readonly submitTimeoutSeconds: number;
  /** 100 when not given. */
  readonly submitsAtOnce?: number;
  /** 5 when not given. */
  readonly submitMarginSeconds?: number;
  /** That of the store; 6 when not given. */
  readonly leaseSeconds?: number;
  readonly log: BaseLogger;
  readonly now?: () => number;
  readonly monotonic?: () => number;
  readonly random?: () => number;
  readonly sleep?: (durationMs: number) => Promise<unknown>;
}) {
  const { store, runcomfy, pace, catalogue, apiVersion, deadlineSeconds, log } = dependencies;
  const { now = Date.now, monotonic = () => performance.now() } = dependencies;
  const { random = Math.random, sleep = delay } = dependencies;
  const { submitsAtOnce = 100, submitMarginSeconds = 5, leaseSeconds = 6 } = dependencies;
  const submitTimeoutMs = dependencies.submitTimeoutSeconds * 1_000;
  const leaseMs = leaseSeconds * 1_000;
  const closing = new AbortController();
  const { jobs, ownership } = store;
  const record = createRecordObservation({ jobs, now });
  // Where no other gateway can live there is nobody to lose a job to.
  const lease = createLease({ leaseMs: ownership.isExclusive ? Infinity : leaseMs, monotonic });
  const exchangePauses = startPauseSharing({ ownership, pace, log });
  const common = { store, runcomfy, pace, record, now, monotonic, sleep, log };
  let timer: NodeJS.Timeout | undefined;
  let hasStopped = false;
  /** At the last beat. Nobody takes its jobs from such a gateway, and that two look at one for a moment does no harm. */
  let isAlone = false;

  const poller = createPoller({
    ...common,
    jobs,
    schedule: lookByAge,
    isOwner: () => isAlone || lease.isHeld(),
    deadlineSeconds,
    random,
    onDue: () => tickIn(0),
  });
  const submitter = createSubmitJob({
    ...common,
    follow: poller.follow,
    isOwner: lease.isHeld,
    catalogue,
    apiVersion,
    submitTimeoutMs,
    submitMarginMs: submitMarginSeconds * 1_000,
    submitsAtOnce,
  });
  const { lookNow } = poller;
  const { signal } = closing;
  const takeOver = createTakeOver({
    ...common,
    poller,
    lease,
    leaseMs,
    isSubmitting: submitter.isSubmitting,
    onShares({ gateways, sharing }) {
      isAlone = gateways === 1;
      // A gateway that leaves the jobs to others still looks at a few.
      poller.setGateways(sharing === 0 ? gateways : sharing);
      pace.setGateways(gateways);
    },
  });
  const heartbeat = createHeartbeat({
    ownership,
    takeOver,
    exchangePauses,
    leaseMs,
    monotonic,
    log,
  });

  function tickIn(waitMs: number): void {
    if (hasStopped || waitMs === Infinity) return;
    clearTimeout(timer);
    timer = setTimeout(() => tickIn(poller.tick()), Math.min(waitMs, LONGEST_TIMER_MS));
  }

  return {
    submitJob: submitter.submitJob,
    cancelJob: createCancelJob({ ...common, lookNow, submitTimeoutMs, signal }),
    deleteJob: createDeleteJob(jobs),
    /** Refuses new and waiting submits; those that have no answer within 7.5 s end as unknown. */
    stopSubmits: () => submitter.stop(SUBMIT_PATIENCE_MS),
    /** Takes up the unfinished jobs, thousands of them over several beats, and follows each from then on. */
    start: () => heartbeat.start(),
    /** Waits until every submit's outcome is written down, then stops looks and hands the jobs over. */
    async close(): Promise<void> {
      closing.abort();
      submitter.stop(SUBMIT_PATIENCE_MS);
      // Jobs are looked at, and the lease is kept, until all can be handed over.
      await submitter.close();
      hasStopped = true;
      clearTimeout(timer);
      await Promise.all([poller.close(), heartbeat.close()]);
      const patience = delay(HANDOVER_PATIENCE_MS, undefined, { ref: false });
      await Promise.race([handOver(), patience]);
    },
  };

  async function handOver(): Promise<void> {
    try {
      await takeOver.handOver();
    } catch (error) {
      log.warn(
        { err: error },
        "The jobs could not be handed over; other gateways take them over once this one's lease has run out.",
      );
    }
  }
}
