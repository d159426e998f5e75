import { setTimeout as delay } from "node:timers/promises";

import type { BaseLogger } from "pino";

import { DeploymentNotFoundError } from "../job/deployment-not-found-error.ts";
import { IdempotencyConflictError } from "../job/idempotency-conflict-error.ts";
import { InvalidInputError } from "../job/invalid-input-error.ts";
import type { Job } from "../job/job.ts";
import { createJob } from "../job/job.ts";
import { SUBMISSION_UNKNOWN } from "../job/job-error.ts";
import { UpstreamError } from "../job/upstream-error.ts";
import type { Pace } from "../runcomfy/pace.ts";
import type { RunComfy } from "../runcomfy/runcomfy.ts";
import { RunComfyError } from "../runcomfy/runcomfy-error.ts";
import type { JobStore, KeyedJob } from "../store/job-store.ts";
import type { Record } from "./record.ts";
import type { Submission, SubmissionRequest } from "./submission.ts";
import { toSubmission } from "./submission.ts";
import { rateLimited, toUpstreamError } from "./to-upstream-error.ts";
import { waitForJob } from "./wait-for-job.ts";

/**
 * Submits a job and resolves with it once the upstream accepted it. Rejects with InvalidInputError,
 * DeploymentNotFoundError, IdempotencyConflictError or UpstreamError; a caller who no longer waits changes nothing.
 */
export type SubmitJob = (request: SubmissionRequest) => Promise<Job>;

/** Whoever submits, and what can be known of the submits under way. */
export type Submitter = {
  readonly submitJob: SubmitJob;
  isSubmitting(jobId: string): boolean;
  /**
   * Refuses every further submit, and resolves once those under way have their outcome written down; what has none
   * after `patienceMs` is written down as unknown.
   */
  close(patienceMs: number): Promise<void>;
};

type UnderWay = { readonly job: Job; readonly fingerprint: string; readonly ended: Promise<Job> };

const CLOSING = "The gateway is about to stop. Submit again in a few seconds, when it is back.";

/** How long the answer of the upstream may wait for a database that does not take it. */
const PERSIST_DELAYS_MS = [100, 500, 1_000, ...Array.from({ length: 60 }, () => 5_000)] as const;

export function createSubmitJob(dependencies: {
  readonly store: JobStore;
  readonly runcomfy: RunComfy;
  readonly pace: Pace;
  readonly record: Record;
  readonly follow: (job: Job) => void;
  readonly isKnownDeployment: (deploymentId: string) => boolean;
  readonly apiVersion: string;
  readonly submitTimeoutMs: number;
  readonly now: () => number;
  readonly sleep: (durationMs: number) => Promise<unknown>;
  readonly log: BaseLogger;
}): Submitter {
  const { store, runcomfy, pace, record, follow, log } = dependencies;
  const keysUnderWay = new Map<string, UnderWay>();
  const jobsUnderWay = new Map<string, Promise<Job>>();
  let isClosing = false;

  const submitJob: SubmitJob = async (request) => {
    const submission = toSubmission(request);
    const { deploymentId, submissionKey } = submission;
    if (!dependencies.isKnownDeployment(deploymentId))
      throw new DeploymentNotFoundError(deploymentId);
    const sameKey = submissionKey === null ? undefined : keysUnderWay.get(submissionKey.key);
    if (sameKey !== undefined) {
      if (sameKey.fingerprint !== submissionKey?.fingerprint)
        throw new IdempotencyConflictError(sameKey.job.id);
      return await sameKey.ended;
    }
    if (isClosing) throw new UpstreamError("UNAVAILABLE", { message: CLOSING });
    const job = createJob({
      deploymentId,
      apiVersion: dependencies.apiVersion,
      now: new Date(dependencies.now()),
    });
    const ended = submitOnce(job, submission);
    // Nothing is awaited between the look at the map and this, so two calls with one key can't both get here.
    if (submissionKey !== null)
      keysUnderWay.set(submissionKey.key, { job, fingerprint: submissionKey.fingerprint, ended });
    jobsUnderWay.set(job.id, ended);
    try {
      return await ended;
    } finally {
      jobsUnderWay.delete(job.id);
      if (submissionKey !== null) keysUnderWay.delete(submissionKey.key);
    }
  };

  /** The row first, then one POST, then the answer: whatever a crash leaves behind tells how far it came. */
  async function submitOnce(job: Job, submission: Submission): Promise<Job> {
    const { submissionKey, input } = submission;
    const earlier = submissionKey === null ? null : await store.readKeyedJob(submissionKey.key);
    if (earlier !== null) return await answerAgain(earlier, submission);
    const pausedForMs = pace.pausedForMs();
    if (pausedForMs > 0) throw rateLimited(pausedForMs);
    const taken = await store.insertJob(job, input, submissionKey);
    if (taken !== null) return await answerAgain(taken, submission);
    return await deliver(job, submission);
  }

  async function deliver(job: Job, { deploymentId, input }: Submission): Promise<Job> {
    let requestId: string;
    try {
      requestId = await runcomfy.submit({ apiVersion: job.apiVersion, deploymentId, input });
    } catch (error) {
      if (error instanceof RunComfyError && error.delivery !== "unknown") {
        await persist(job, () => store.deleteJob(job.id));
        throw toRefusal(error, deploymentId);
      }
      log.warn(
        { jobId: job.id, err: error },
        "It is not known whether RunComfy accepted a job; it is not sent again.",
      );
      const settled = await persist(job, () =>
        record(job.id, { kind: "failed", error: SUBMISSION_UNKNOWN, finishedAt: null }),
      );
      return answer(settled ?? job);
    }
    const accepted = await persist(
      job,
      () => record(job.id, { kind: "accepted", requestId }),
      requestId,
    );
    if (accepted === null || accepted.requestId !== requestId) {
      log.error(
        { jobId: job.id, requestId },
        "RunComfy accepted a job after it had been settled; see to it by hand.",
      );
    } else {
      follow(accepted);
    }
    return answer(accepted ?? job);
  }

  /** What a key stands for already: the same answer as the first time. */
  async function answerAgain(keyed: KeyedJob, { submissionKey }: Submission): Promise<Job> {
    if (keyed.fingerprint !== submissionKey?.fingerprint)
      throw new IdempotencyConflictError(keyed.job.id);
    if (keyed.job.status !== "SUBMITTING") return answer(keyed.job);
    // Another gateway is submitting it at this moment, or has died over it and will be found out.
    const job = await waitForJob(
      store,
      keyed.job.id,
      ({ status }) => status !== "SUBMITTING",
      dependencies.submitTimeoutMs,
    );
    if (job === null || job.status === "SUBMITTING") throw new UpstreamError("UNAVAILABLE");
    return answer(job);
  }

  /** The upstream's answer must not be lost because the database is away for a moment. */
  async function persist<T>(job: Job, write: () => Promise<T>, requestId?: string): Promise<T> {
    for (const delayMs of PERSIST_DELAYS_MS) {
      try {
        return await write();
      } catch (error) {
        log.error(
          { jobId: job.id, requestId, err: error },
          "The database did not take a submit's outcome; trying again.",
        );
        await dependencies.sleep(delayMs);
      }
    }
    return await write();
  }

  /** What a stop leaves without an answer; a row that is gone or has one already stays as it is. */
  async function settleUnanswered(jobId: string): Promise<void> {
    const job = await store.readJob(jobId);
    if (job?.status !== "SUBMITTING") return;
    log.warn(
      { jobId },
      "The gateway stops before RunComfy answered a submit; it is not sent again.",
    );
    await record(jobId, { kind: "failed", error: SUBMISSION_UNKNOWN, finishedAt: null });
  }

  return {
    submitJob,
    isSubmitting: (jobId) => jobsUnderWay.has(jobId),
    async close(patienceMs) {
      isClosing = true;
      const ended = Promise.allSettled(jobsUnderWay.values());
      await Promise.race([ended, delay(patienceMs, undefined, { ref: false })]);
      for (const jobId of jobsUnderWay.keys()) await settleUnanswered(jobId);
    },
  };
}

function answer(job: Job): Job {
  if (job.error?.code === "SUBMISSION_UNKNOWN") {
    throw new UpstreamError("SUBMISSION_UNKNOWN", { unconfirmedJob: job });
  }
  return job;
}

function toRefusal(error: RunComfyError, deploymentId: string): Error {
  if (error.issues !== null) return new InvalidInputError(error.issues, { cause: error });
  if (error.code === "NOT_FOUND")
    return new DeploymentNotFoundError(deploymentId, { cause: error });
  return toUpstreamError(error);
}
