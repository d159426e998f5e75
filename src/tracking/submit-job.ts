import type { BaseLogger } from "pino";

import type { Catalogue } from "../deployments/catalogue.ts";
import { IdempotencyConflictError } from "../job/idempotency-conflict-error.ts";
import type { InputIssue } from "../job/input-issue.ts";
import type { Job } from "../job/job.ts";
import { LimitError } from "../job/limit-error.ts";
import { createJob } from "../job/job.ts";
import { UpstreamError } from "../job/upstream-error.ts";
import type { Pace } from "../runcomfy/pace.ts";
import type { RunComfy } from "../runcomfy/runcomfy.ts";
import { RunComfyError } from "../runcomfy/runcomfy-error.ts";
import type { JobStore, KeyedJob } from "../store/job-store.ts";
import { createPersist } from "./persist.ts";
import type { GiveBack, Quota } from "./quota.ts";
import type { Record } from "./record.ts";
import type { SubmitLease } from "./submit-lease.ts";
import type { Submission, SubmissionRequest } from "./submission.ts";
import { inSpellingOf, toSubmission } from "./submission.ts";
import { rateLimited, toRefusal } from "./to-upstream-error.ts";
import { waitForJob } from "./wait-for-job.ts";

/**
 * Submits a job and resolves with it once the upstream accepted it. Rejects with InvalidInputError,
 * DeploymentNotFoundError, IdempotencyConflictError, UpstreamError or LimitError; a caller who no longer waits changes nothing.
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

/** One that counts, until it turns out to come to no job. */
type Counted = Submission & { readonly giveBack: GiveBack };

type UnderWay = { readonly job: Job; readonly fingerprint: string; readonly ended: Promise<Job> };

/** A submit that was never sent is not worth a long wait; what it leaves is settled later. */
const UNSENT_DELAYS_MS = [100, 500] as const;

export function createSubmitJob(dependencies: {
  readonly store: JobStore;
  readonly runcomfy: RunComfy;
  readonly pace: Pace;
  readonly record: Record;
  readonly follow: (job: Job) => void;
  readonly submitLease: SubmitLease;
  readonly quota: Quota;
  readonly catalogue: Catalogue;
  readonly apiVersion: string;
  readonly submitTimeoutMs: number;
  readonly now: () => number;
  readonly monotonic: () => number;
  readonly sleep: (durationMs: number) => Promise<unknown>;
  readonly log: BaseLogger;
}): Submitter {
  const { store, runcomfy, pace, record, follow, monotonic, log } = dependencies;
  const { submitLease, quota, submitTimeoutMs } = dependencies;
  const keysUnderWay = new Map<string, UnderWay>();
  const jobsUnderWay = new Map<string, Promise<Job>>();
  /** Aborted once nothing is waited for any longer. */
  const over = new AbortController();
  let patience: NodeJS.Timeout | null = null;
  // A stop leaves time for one last try.
  const persist = createPersist({
    sleep: (durationMs) => untilOver(dependencies.sleep(durationMs)),
    log,
  });

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
    const { viewer, deploymentId, submissionKey } = submission;
    const key = submissionKey === null ? null : JSON.stringify([viewer.ownerId, submissionKey.key]);
    const sameKey = key === null ? undefined : keysUnderWay.get(key);
    if (sameKey !== undefined) {
      if (sameKey.fingerprint !== submissionKey?.fingerprint)
        throw new IdempotencyConflictError(sameKey.job.id);
      return await sameKey.ended;
    }
    if (submission.refusal !== null) return await answerRefused(submission, submission.refusal);
    if (patience !== null) throw stopping();
    const job = createJob({
      ownerId: viewer.ownerId,
      deploymentId,
      apiVersion: dependencies.apiVersion,
      now: new Date(dependencies.now()),
    });
    const ended = submitOnce(job, submission);
    // Nothing is awaited between the look at the map and this, so two calls with one key can't both get here.
    if (key !== null && submissionKey !== null)
      keysUnderWay.set(key, { job, fingerprint: submissionKey.fingerprint, ended });
    jobsUnderWay.set(job.id, ended);
    try {
      return await ended;
    } finally {
      jobsUnderWay.delete(job.id);
      if (key !== null) keysUnderWay.delete(key);
    }
  }

  /** Only for a key that has a job: it takes no key from a call that may be submitted. */
  async function answerRefused(submission: Submission, refusal: Error): Promise<Job> {
    const earlier = await readEarlier(submission);
    if (earlier === null) throw refusal;
    return await answerAgain(earlier, submission);
  }

  async function readEarlier({ viewer, submissionKey }: Submission): Promise<KeyedJob | null> {
    if (submissionKey === null) return null;
    return await store.readKeyedJob(viewer.ownerId, submissionKey.key);
  }

  /** The row first, then one POST, then the answer: whatever a crash leaves behind tells how far it came. */
  async function submitOnce(job: Job, submission: Submission): Promise<Job> {
    const earlier = await readEarlier(submission);
    if (earlier !== null) return await answerAgain(earlier, submission);
    const pausedForMs = pace.pausedForMs();
    if (pausedForMs > 0) throw rateLimited(pausedForMs);
    const refusal = pace.submitRefusal(submission.deploymentId);
    if (refusal !== null) throw new UpstreamError(refusal);
    const insertedAt = monotonic();
    const giveBack = await quota.count(submission.viewer);
    const counted = { ...submission, giveBack };
    const taken = await insert(job, counted);
    if (taken !== null) return await answerAgain(taken, submission);
    if (!(await mayLeave(job, counted, insertedAt))) return await answerUnsent(job, counted);
    return await deliver(job, counted);
  }

  /** A gateway that can't ask does not send, and leaves the key free. */
  async function mayLeave(job: Job, submission: Counted, insertedAt: number): Promise<boolean> {
    try {
      return await submitLease.mayLeave(job.id, insertedAt);
    } catch (error) {
      await withdraw(job, submission, UNSENT_DELAYS_MS);
      throw error;
    }
  }

  /** Whoever settled the row meanwhile could not know that nothing was sent, and what a row says stays. */
  async function answerUnsent(job: Job, { giveBack }: Counted): Promise<Job> {
    await persist(job, () => store.deleteJob(job.id), { delaysMs: UNSENT_DELAYS_MS });
    const settled = await store.readJob(job.id);
    if (settled !== null) return answer(settled);
    await giveBack("without a job");
    throw new UpstreamError("UNAVAILABLE");
  }

  async function insert(job: Job, submission: Counted): Promise<KeyedJob | null> {
    const { viewer, input, submissionKey, giveBack } = submission;
    const { jobsInFlight } = viewer.limits;
    try {
      const { durationMs } = submitLease;
      const taken = await store.insertJob(job, input, submissionKey, durationMs, jobsInFlight);
      if (taken !== null) await giveBack("retry");
      return taken;
    } catch (error) {
      if (error instanceof IdempotencyConflictError) await giveBack("retry");
      else if (error instanceof LimitError) await giveBack("without a job");
      // A row whose insert was answered with an error may be there all the same, and must not hold its key.
      else await withdraw(job, submission, UNSENT_DELAYS_MS);
      throw error;
    }
  }

  /** Takes back a job that the upstream surely has not: its key is free, and it counts as none of the day's. */
  async function withdraw(
    job: Job,
    { giveBack }: Counted,
    delaysMs?: readonly number[],
  ): Promise<void> {
    try {
      await persist(job, () => store.deleteJob(job.id), { delaysMs });
    } finally {
      await giveBack("without a job");
    }
  }

  async function deliver(job: Job, submission: Counted): Promise<Job> {
    const { deploymentId, input } = submission;
    let requestId: string;
    try {
      requestId = await untilOver(
        runcomfy.submit({ apiVersion: job.apiVersion, deploymentId, input }),
      );
    } catch (error) {
      if (error instanceof RunComfyError && error.delivery !== "unknown") {
        await withdraw(job, submission);
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
    message: "This service is just being restarted. Submit again in a few seconds.",
  });
}
