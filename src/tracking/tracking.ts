import { setTimeout as delay } from "node:timers/promises";

import type { BaseLogger } from "pino";

import type { Catalogue } from "../deployments/catalogue.ts";
import type { Channels } from "../diagnostics/channels.ts";
import { createChannels } from "../diagnostics/channels.ts";
import { nextPollMs } from "../job/next-poll.ts";
import { expectStarts } from "../job/run-times.ts";
import type { UpstreamHealth } from "../runcomfy/upstream-health.ts";
import type { RunComfy } from "../runcomfy/runcomfy.ts";
import type { JobStore } from "../store/job-store.ts";
import { FIRST_POLL_MS } from "../store/polls.ts";
import { Queue, SLICE_MS } from "../runtime/queue.ts";
import { createCancelJob, createDeleteJob } from "./cancel-job.ts";
import { createCheckInput } from "./find-input-issues.ts";
import { createLearning } from "./learning.ts";
import { Poller } from "./poller.ts";
import { createRecordObservation } from "./record-observation.ts";
import { createRerunJob } from "./rerun-job.ts";
import { startPauseSharing } from "./share-pause.ts";
import type { UploadsOfInputs } from "./submit-job.ts";
import { createSubmitJob } from "./submit-job.ts";
import { createRecovery } from "./recovery.ts";
import type { WatchJob } from "./wait-for-job.ts";

export type Tracking = ReturnType<typeof createTracking>;

const SUBMIT_PATIENCE_MS = 7_500;
/** A database that is away must not hold up a stop: without a hand-over others take over when the claims end. */
const HANDOVER_PATIENCE_MS = 1_000;

/** Everything that changes jobs. */
export function createTracking(dependencies: {
  readonly store: JobStore;
  readonly runcomfy: RunComfy;
  readonly health: UpstreamHealth;
  readonly catalogue: Catalogue;
  readonly watchJob: WatchJob;
  readonly uploads?: UploadsOfInputs;
  /** Hears of files that are to be kept; none are where it is not given. */
  readonly onKeep?: (() => void) | undefined;
  /** Hears that a job is deleted, with which its files go. */
  readonly onDelete?: (() => void) | undefined;
  readonly channels?: Channels;
  readonly apiVersion: string;
  readonly deadlineSeconds: number;
  readonly submitTimeoutSeconds: number;
  /** What one poll is worth in seconds of waiting. */
  readonly pollCostSeconds: number;
  readonly submitsAtOnce: number;
  readonly submitMarginSeconds: number;
  readonly pollsAtOnce: number;
  readonly log: BaseLogger;
  readonly now?: () => number;
  readonly monotonic?: () => number;
  readonly random?: () => number;
  readonly sleep?: (durationMs: number) => Promise<unknown>;
}) {
  const { store, runcomfy, health, catalogue, watchJob, uploads, apiVersion } = dependencies;
  const { deadlineSeconds, log } = dependencies;
  const { now = Date.now, monotonic = () => performance.now() } = dependencies;
  const { random = Math.random, sleep = delay } = dependencies;
  const { submitsAtOnce, submitMarginSeconds, pollsAtOnce, pollCostSeconds } = dependencies;
  const { channels = createChannels() } = dependencies;
  const submitTimeoutMs = dependencies.submitTimeoutSeconds * 1_000;
  const closing = new AbortController();
  const { jobs, upstream } = store;
  const record = createRecordObservation({ jobs, upstream, now, onKeep: dependencies.onKeep });
  const learning = createLearning({ upstream, readRuns: store.readRuns, now, monotonic });
  const exchangePauses = startPauseSharing({ store, health, log });
  const inputQueue = new Queue({ perKey: 1, sliceMs: SLICE_MS });
  const common = {
    store,
    upstream,
    runcomfy,
    health,
    record,
    now,
    monotonic,
    sleep,
    channels,
    log,
  };

  const poller = new Poller({
    ...common,
    table: store.polls,
    async schedule(job, nowMs) {
      const times = await learning.readTimes(job.deploymentId);
      return nextPollMs(job, times, nowMs, pollCostSeconds);
    },
    async expectStarts(job, durationMs) {
      return expectStarts(job, await learning.readTimes(job.deploymentId), durationMs);
    },
    pollsAtOnce,
    deadlineSeconds,
    random,
  });
  const submitter = createSubmitJob({
    ...common,
    follow: () => poller.wakeIn(FIRST_POLL_MS),
    catalogue,
    inputQueue,
    watchJob,
    uploads,
    apiVersion,
    submitTimeoutMs,
    submitMarginMs: submitMarginSeconds * 1_000,
    submitsAtOnce,
  });
  const { isSubmitting, submitJob, submitRead } = submitter;
  const recovery = createRecovery({ ...common, isSubmitting, exchangePauses, deadlineSeconds });
  const pollNow = (jobId: string) => poller.pollNow(jobId);
  const { signal } = closing;
  health.onRecovery(() => poller.wakeIn(0));

  return {
    submitJob,
    rerunJob: createRerunJob({ store, submitRead }),
    checkInput: createCheckInput({ catalogue, uploads, inputQueue }),
    learning,
    cancelJob: createCancelJob({ ...common, pollNow, watchJob, submitTimeoutMs, signal }),
    deleteJob: createDeleteJob({ ...store, onDelete: dependencies.onDelete }),
    /** Refuses new and waiting submits; those that have no answer within 7.5 s end as unknown. */
    stopSubmits: () => submitter.stop(SUBMIT_PATIENCE_MS),
    /** Polls the unfinished jobs from then on. */
    async start(): Promise<void> {
      await recovery.start();
      poller.start();
    },
    /** Waits until every submit's outcome is written down, then stops polls and hands those under way over. */
    async close(): Promise<void> {
      closing.abort();
      submitter.stop(SUBMIT_PATIENCE_MS);
      // Jobs are polled until all can be handed over.
      await submitter.close();
      const handedOver = poller.close().catch((error: unknown) => {
        log.warn(
          { err: error },
          "The polls under way could not be handed over; other gateways take them over within 9 seconds.",
        );
      });
      const patience = delay(HANDOVER_PATIENCE_MS, undefined, { ref: false });
      await Promise.all([recovery.close(), Promise.race([handedOver, patience])]);
    },
  };
}
