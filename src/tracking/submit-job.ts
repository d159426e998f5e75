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
import { createKeyedCalls } from "./keyed-calls.ts";
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
  const callsUnderWay = new Set<Promise<Job>>();
  const jobsUnderWay = new Set<string>();
  // A call takes as long as its POST and what is written before and after it.
  const inTurnOfKey = createKeyedCalls<Job>({ patienceMs: submitLease.durationMs });
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
    const call = submit(submission);
    callsUnderWay.add(call);
    try {
      return { job: await call, warnings: submission.warnings };
    } catch (error) {
      throw inSpellingOf(submission, error);
    } finally {
      callsUnderWay.delete(call);
    }
  };

  async function submit(submission: Submission): Promise<Job> {
    const { viewer, submissionKey } = submission;
    if (submissionKey === null) return await submitOnce(submission);
    const key = JSON.stringify([viewer.ownerId, submissionKey.key]);
    return await inTurnOfKey(key, submissionKey.fingerprint, () => submitOnce(submission));
  }

  /** The job that has the key, once its submit has an outcome; null when the key is free. */
  async function findKeyed({ viewer, submissionKey }: Submission): Promise<KeyedJob | null> {
    if (submissionKey === null) return null;
    const keyed = await store.readKeyedJob(viewer.ownerId, submissionKey.key);
    return keyed === null ? null : await untilSettled(keyed);
  }

  /** The row first, then one POST, then the answer: whatever a crash leaves behind tells how far it came. */
  async function submitOnce(submission: Submission): Promise<Job> {
    const earlier = await findKeyed(submission);
    if (earlier !== null) return answerAgain(earlier, submission);
    if (submission.refusal !== null) throw submission.refusal;
    if (patience !== null) throw stopping();
    const pausedForMs = pace.pausedForMs();
    if (pausedForMs > 0) throw rateLimited(pausedForMs);
    const refusal = pace.submitRefusal(submission.deploymentId);
    if (refusal !== null) throw new UpstreamError(refusal);
    const insertedAt = monotonic();
    const giveBack = await quota.count(submission.viewer);
    const job = createJob({
      ownerId: submission.viewer.ownerId,
      deploymentId: submission.deploymentId,
      apiVersion: dependencies.apiVersion,
      now: new Date(dependencies.now()),
    });
    jobsUnderWay.add(job.id);
    try {
      return await insertAndSend(job, { ...submission, giveBack }, insertedAt);
    } finally {
      jobsUnderWay.delete(job.id);
    }
  }

  async function insertAndSend(job: Job, submission: Counted, insertedAt: number): Promise<Job> {
    const taken = await insert(job, submission);
    if (taken !== null) {
      const settled = await untilSettled(taken);
      if (settled === null) throw new UpstreamError("UNAVAILABLE");
      return answerAgain(settled, submission);
    }
    if (!(await mayLeave(job, submission, insertedAt))) return await answerUnsent(job, submission);
    return await deliver(job, submission);
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
  function answerAgain({ job, fingerprint }: KeyedJob, { submissionKey }: Submission): Job {
    if (fingerprint !== submissionKey?.fingerprint) throw new IdempotencyConflictError(job.id);
    return answer(job);
  }

  /**
   * Another gateway may be submitting it at this moment, or has died over it and will be found out. Null: the job is gone,
   * because that came to nothing.
   */
  async function untilSettled(keyed: KeyedJob): Promise<KeyedJob | null> {
    const isSettled = ({ status }: Job): boolean => status !== "SUBMITTING";
    if (isSettled(keyed.job)) return keyed;
    const job = await untilOver(waitForJob(store, keyed.job.id, isSettled, submitTimeoutMs));
    if (job !== null && !isSettled(job)) throw new UpstreamError("UNAVAILABLE");
    return job === null ? null : { ...keyed, job };
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
      await Promise.allSettled(callsUnderWay);
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
