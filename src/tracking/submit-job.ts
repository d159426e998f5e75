import type { BaseLogger } from "pino";

import type { Catalogue } from "../deployments/catalogue.ts";
import { DeploymentNotFoundError } from "../job/deployment-not-found-error.ts";
import { IdempotencyConflictError } from "../job/idempotency-conflict-error.ts";
import type { InputIssue } from "../job/input-issue.ts";
import { InvalidInputError } from "../job/invalid-input-error.ts";
import type { Job } from "../job/job.ts";
import { createJob } from "../job/job.ts";
import { UpstreamError } from "../job/upstream-error.ts";
import type { Pace } from "../runcomfy/pace.ts";
import type { RunComfy } from "../runcomfy/runcomfy.ts";
import { RunComfyError } from "../runcomfy/runcomfy-error.ts";
import type { JobStore, KeyedJob } from "../store/job-store.ts";
import type { Record } from "./record.ts";
import type { SubmitLease } from "./submit-lease.ts";
import type { Submission, SubmissionRequest } from "./submission.ts";
import { respell, toSubmission } from "./submission.ts";
import { rateLimited, toUpstreamError } from "./to-upstream-error.ts";
import { waitForJob } from "./wait-for-job.ts";

/**
 * Submits a job and resolves with it once the upstream accepted it. Rejects with InvalidInputError,
 * DeploymentNotFoundError, IdempotencyConflictError or UpstreamError; a caller who no longer waits changes nothing.
 */
export type SubmitJob = (request: SubmissionRequest) => Promise<Submitted>;

/** A job that the upstream has accepted, and what will happen to its input silently. */
export type Submitted = { readonly job: Job; readonly warnings: readonly InputIssue[] };

/** Whoever submits, and what can be known of the submits under way. */
export type Submitter = {
  readonly submitJob: SubmitJob;
  isSubmitting(jobId: string): boolean;
  /** Refuses every further submit from now on; those that have no answer within `patienceMs` end as unknown. */
  stop(patienceMs: number): void;
  /** Resolves once every submit under way has its outcome written down. */
  close(): Promise<void>;
};

type UnderWay = { readonly job: Job; readonly fingerprint: string; readonly ended: Promise<Job> };

/** How long the answer of the upstream may wait for a database that does not take it. */
const PERSIST_DELAYS_MS = [100, 500, ...Array.from({ length: 300 }, () => 1_000)] as const;

/** A submit that was never sent is not worth a long wait; what it leaves is settled later. */
const UNSENT_DELAYS_MS = [100, 500] as const;

type PersistOptions = {
  /** The upstream's id, for the log, in case it can't be stored. */
  readonly requestId?: string;
  readonly delaysMs?: readonly number[];
};

export function createSubmitJob(dependencies: {
  readonly store: JobStore;
  readonly runcomfy: RunComfy;
  readonly pace: Pace;
  readonly record: Record;
  readonly follow: (job: Job) => void;
  readonly submitLease: SubmitLease;
  readonly catalogue: Catalogue;
  readonly apiVersion: string;
  readonly submitTimeoutMs: number;
  readonly now: () => number;
  readonly monotonic: () => number;
  readonly sleep: (durationMs: number) => Promise<unknown>;
  readonly log: BaseLogger;
}): Submitter {
  const { store, runcomfy, pace, record, follow, monotonic, log } = dependencies;
  const { submitLease, submitTimeoutMs } = dependencies;
  const keysUnderWay = new Map<string, UnderWay>();
  const jobsUnderWay = new Map<string, Promise<Job>>();
  /** Aborted once nothing is waited for any longer. */
  const over = new AbortController();
  let patience: NodeJS.Timeout | null = null;

  const submitJob: SubmitJob = async (request) => {
    const submission = toSubmission(request, dependencies.catalogue);
    try {
      return { job: await joinOrSubmit(submission), warnings: submission.warnings };
    } catch (error) {
      throw inSpellingOf(submission, error);
    }
  };

  /** A call with the key of another one that is under way waits for that. */
  async function joinOrSubmit(submission: Submission): Promise<Job> {
    const { deploymentId, submissionKey } = submission;
    const sameKey = submissionKey === null ? undefined : keysUnderWay.get(submissionKey.key);
    if (sameKey !== undefined) {
      if (sameKey.fingerprint !== submissionKey?.fingerprint)
        throw new IdempotencyConflictError(sameKey.job.id);
      return await sameKey.ended;
    }
    if (submission.refusal !== null) return await answerRefused(submission, submission.refusal);
    if (patience !== null) throw stopping();
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
  }

  /** Only for a key that has a job: it takes no key from a call that may be submitted. */
  async function answerRefused(submission: Submission, refusal: Error): Promise<Job> {
    const { submissionKey } = submission;
    const earlier = submissionKey === null ? null : await store.readKeyedJob(submissionKey.key);
    if (earlier === null) throw refusal;
    return await answerAgain(earlier, submission);
  }

  /** The row first, then one POST, then the answer: whatever a crash leaves behind tells how far it came. */
  async function submitOnce(job: Job, submission: Submission): Promise<Job> {
    const { submissionKey } = submission;
    const earlier = submissionKey === null ? null : await store.readKeyedJob(submissionKey.key);
    if (earlier !== null) return await answerAgain(earlier, submission);
    const pausedForMs = pace.pausedForMs();
    if (pausedForMs > 0) throw rateLimited(pausedForMs);
    const refusal = pace.submitRefusal(submission.deploymentId);
    if (refusal !== null) throw new UpstreamError(refusal);
    const insertedAt = monotonic();
    const taken = await insert(job, submission);
    if (taken !== null) return await answerAgain(taken, submission);
    if (!(await mayLeave(job, insertedAt))) return await answerUnsent(job);
    return await deliver(job, submission);
  }

  /** A gateway that can't ask does not send, and leaves the key free. */
  async function mayLeave(job: Job, insertedAt: number): Promise<boolean> {
    try {
      return await submitLease.mayLeave(job.id, insertedAt);
    } catch (error) {
      await persist(job, () => store.deleteJob(job.id), { delaysMs: UNSENT_DELAYS_MS });
      throw error;
    }
  }

  /** Whoever settled the row meanwhile could not know that nothing was sent, and what a row says stays. */
  async function answerUnsent(job: Job): Promise<Job> {
    await persist(job, () => store.deleteJob(job.id), { delaysMs: UNSENT_DELAYS_MS });
    const settled = await store.readJob(job.id);
    if (settled === null) throw new UpstreamError("UNAVAILABLE");
    return answer(settled);
  }

  /** A row whose insert was answered with an error may be there all the same, and must not hold its key. */
  async function insert(job: Job, { input, submissionKey }: Submission): Promise<KeyedJob | null> {
    try {
      return await store.insertJob(job, input, submissionKey, submitLease.durationMs);
    } catch (error) {
      await persist(job, () => store.deleteJob(job.id), { delaysMs: UNSENT_DELAYS_MS });
      throw error;
    }
  }

  async function deliver(job: Job, submission: Submission): Promise<Job> {
    const { deploymentId, input } = submission;
    let requestId: string;
    try {
      requestId = await untilOver(
        runcomfy.submit({ apiVersion: job.apiVersion, deploymentId, input }),
      );
    } catch (error) {
      if (error instanceof RunComfyError && error.delivery !== "unknown") {
        await persist(job, () => store.deleteJob(job.id));
        throw toRefusal(error, deploymentId);
      }
      log.warn(
        { jobId: job.id, err: error },
        "It is not known whether RunComfy accepted a job; it is not sent again.",
      );
      const settled = await persist(job, () => record(job.id, { kind: "unanswered" }));
      return answer(settled ?? job);
    }
    const accepted = await persist(job, () => record(job.id, { kind: "accepted", requestId }), {
      requestId,
    });
    if (accepted === null || accepted.requestId !== requestId) {
      log.error(
        { jobId: job.id, requestId },
        "RunComfy accepted a job after it had been settled, so nobody follows it; find it by its request id on RunComfy's dashboard.",
      );
      await persist(job, () => store.keepLateRequestId(job.id, requestId), { requestId });
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
    const isSettled = ({ status }: Job): boolean => status !== "SUBMITTING";
    const job = await untilOver(waitForJob(store, keyed.job.id, isSettled, submitTimeoutMs));
    if (job === null || job.status === "SUBMITTING") throw new UpstreamError("UNAVAILABLE");
    return answer(job);
  }

  /** The upstream's answer must not be lost because the database is away for a moment. */
  async function persist<T>(
    job: Job,
    write: () => Promise<T>,
    { requestId, delaysMs = PERSIST_DELAYS_MS }: PersistOptions = {},
  ): Promise<T> {
    for (const [attempt, delayMs] of delaysMs.entries()) {
      try {
        return await write();
      } catch (error) {
        log[attempt === 0 ? "error" : "debug"](
          { jobId: job.id, requestId, err: error },
          "The database did not take a submit's outcome; trying again.",
        );
      }
      const hasSlept = await untilOver(dependencies.sleep(delayMs)).then(
        () => true,
        () => false,
      );
      // A stop leaves time for one last try.
      if (!hasSlept) break;
    }
    return await write();
  }

  /** What `waiting` resolves with, unless the gateway stops waiting first. */
  function untilOver<T>(waiting: Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const giveUp = (): void => reject(stopping());
    if (over.signal.aborted) giveUp();
    over.signal.addEventListener("abort", giveUp, { once: true });
    waiting
      .then(resolve, reject)
      .finally(() => over.signal.removeEventListener("abort", giveUp))
      .catch(reject);
    return promise;
  }

  return {
    submitJob,
    isSubmitting: (jobId) => jobsUnderWay.has(jobId),
    stop(patienceMs) {
      patience ??= setTimeout(() => over.abort(), patienceMs);
    },
    async close() {
      await Promise.allSettled(jobsUnderWay.values());
      if (patience !== null) clearTimeout(patience);
    },
  };
}

function answer(job: Job): Job {
  if (job.error?.code === "SUBMISSION_UNKNOWN") {
    throw new UpstreamError("SUBMISSION_UNKNOWN", { unconfirmedJob: job });
  }
  return job;
}

function stopping(): UpstreamError {
  return new UpstreamError("UNAVAILABLE", {
    message: "The gateway is about to stop. Submit again in a few seconds, when it is back.",
  });
}

/** An error of a submit that callers with several spellings may wait for. */
function inSpellingOf({ spell, refusal }: Submission, error: unknown): unknown {
  if (!(error instanceof InvalidInputError)) return error;
  if (refusal !== null) return refusal;
  const issues = error.issues.map((issue) => respell(issue, spell));
  return new InvalidInputError(issues, { cause: error.cause });
}

function toRefusal(error: RunComfyError, deploymentId: string): Error {
  if (error.issues !== null) return new InvalidInputError(error.issues, { cause: error });
  if (error.code === "NOT_FOUND")
    return new DeploymentNotFoundError(deploymentId, { cause: error });
  return toUpstreamError(error);
}
