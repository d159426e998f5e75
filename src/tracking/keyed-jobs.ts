import { IdempotencyConflictError, UpstreamError } from "../job/errors.ts";
import type { Job } from "../job/job.ts";
import type { JobStore, KeyedJob } from "../store/job-store.ts";
import type { Submission } from "./submission.ts";
import { waitForJob } from "./wait-for-job.ts";

/**
 * Answers a submit whose key has a job already. Both reject with an `IdempotencyConflictError` when that is of another
 * submission, and with an `UpstreamError` when its fate is unknown or another gateway does not finish submitting it.
 */
export type KeyedJobs = {
  /** Null when the key is free. */
  find(submission: Submission): Promise<Job | null>;
  /** For a job that was just found to have the key. */
  answer(keyed: KeyedJob, submission: Submission): Promise<Job>;
};

/** `untilOver` ends a wait when the gateway stops. */
export function createKeyedJobs(dependencies: {
  readonly store: JobStore;
  readonly untilOver: <Value>(waiting: Promise<Value>) => Promise<Value>;
  readonly submitTimeoutMs: number;
}): KeyedJobs {
  const { store, untilOver, submitTimeoutMs } = dependencies;

  /** Null when the job's submit came to nothing. */
  async function answerOnceSettled(keyed: KeyedJob, submission: Submission): Promise<Job | null> {
    const job = isSettled(keyed.job) ? keyed.job : await settle(keyed.job);
    if (job === null) return null;
    if (keyed.fingerprint !== submission.submissionKey?.fingerprint) {
      throw new IdempotencyConflictError(job.id);
    }
    return answerWith(job);
  }

  /** Another gateway is submitting it now, or has died over it and will be found out. */
  async function settle({ id }: Job): Promise<Job | null> {
    const job = await untilOver(waitForJob(store, id, isSettled, submitTimeoutMs));
    if (job !== null && !isSettled(job)) throw new UpstreamError("UNAVAILABLE");
    return job;
  }

  return {
    async find(submission) {
      const { viewer, submissionKey } = submission;
      if (submissionKey === null) return null;
      const keyed = await store.jobs.readKeyed(viewer.ownerId, submissionKey.key);
      return keyed === null ? null : await answerOnceSettled(keyed, submission);
    },
    async answer(keyed, submission) {
      const job = await answerOnceSettled(keyed, submission);
      if (job === null) throw new UpstreamError("UNAVAILABLE");
      return job;
    },
  };
}

/** Throws an `UpstreamError` with the job when nobody knows whether the upstream accepted it. */
export function answerWith(job: Job): Job {
  if (job.error?.code === "SUBMISSION_UNKNOWN") {
    throw new UpstreamError("SUBMISSION_UNKNOWN", { unconfirmedJob: job });
  }
  return job;
}

function isSettled({ status }: Job): boolean {
  return status !== "SUBMITTING";
}
