import type { Job } from "../job/job.ts";
import { isFinished } from "../job/job.ts";
import { JobNotCancellableError } from "../job/job-not-cancellable-error.ts";
import { JobNotFoundError } from "../job/job-not-found-error.ts";
import { UpstreamError } from "../job/upstream-error.ts";
import type { CancelReport, RunComfy } from "../runcomfy/runcomfy.ts";
import { RunComfyError } from "../runcomfy/runcomfy-error.ts";
import type { JobStore } from "../store/job-store.ts";
import type { Record } from "./record.ts";
import { toUpstreamError } from "./to-upstream-error.ts";
import { waitForJob } from "./wait-for-job.ts";

/**
 * Cancels a job and resolves with it once it is CANCELLED; one that was cancelled before is so already. Rejects with
 * JobNotFoundError, JobNotCancellableError or UpstreamError.
 */
export type CancelJob = (jobId: string) => Promise<Job>;

/** How long a cancel that the upstream merely took note of is looked after. */
const REQUESTED_LOOKS = 10;
const REQUESTED_LOOK_DELAY_MS = 500;

export function createCancelJob(dependencies: {
  readonly store: JobStore;
  readonly runcomfy: RunComfy;
  readonly record: Record;
  readonly lookNow: (jobId: string) => Promise<void>;
  readonly submitTimeoutMs: number;
  readonly sleep: (durationMs: number) => Promise<unknown>;
  readonly signal: AbortSignal;
}): CancelJob {
  const { store, runcomfy, record, lookNow, submitTimeoutMs, sleep, signal } = dependencies;

  return async (jobId) => {
    const job = await waitForJob(
      store,
      jobId,
      ({ status }) => status !== "SUBMITTING",
      submitTimeoutMs + 1_000,
    );
    if (job === null) throw new JobNotFoundError(jobId);
    if (job.status === "CANCELLED") return job;
    if (job.status === "SUBMITTING") throw new UpstreamError("TIMEOUT");
    if (job.status !== "IN_QUEUE" || job.requestId === null) throw new JobNotCancellableError(job);
    const report = await ask({ ...job, requestId: job.requestId });
    switch (report) {
      case "cancelled":
        return cancelledOr(
          await record(jobId, { kind: "cancelled", finishedAt: null }),
          jobId,
          notCancellable,
        );
      case "not-cancellable":
        return cancelledOr(await lookAt(jobId), jobId, notCancellable);
      case "requested":
        return await lookAfter(jobId);
    }
    // No answer that counts, so the job itself has to tell.
    return cancelledOr(await lookAt(jobId), jobId, (current) =>
      isFinished(current) ? notCancellable(current) : toUpstreamError(report),
    );
  };

  async function ask(
    job: Job & { readonly requestId: string },
  ): Promise<CancelReport | RunComfyError> {
    try {
      return await runcomfy.cancel(job, signal);
    } catch (error) {
      if (error instanceof RunComfyError) return error;
      throw error;
    }
  }

  async function lookAt(jobId: string): Promise<Job | null> {
    await lookNow(jobId);
    return await store.readJob(jobId);
  }

  async function lookAfter(jobId: string): Promise<Job> {
    let job = await lookAt(jobId);
    for (let looks = 1; looks < REQUESTED_LOOKS && job !== null && !isFinished(job); looks++) {
      await sleep(REQUESTED_LOOK_DELAY_MS);
      job = await lookAt(jobId);
    }
    return cancelledOr(job, jobId, (current) =>
      isFinished(current) ? notCancellable(current) : new UpstreamError("TIMEOUT"),
    );
  }
}

function notCancellable(job: Job): Error {
  return new JobNotCancellableError(job);
}

function cancelledOr(job: Job | null, jobId: string, toError: (job: Job) => Error): Job {
  if (job === null) throw new JobNotFoundError(jobId);
  if (job.status !== "CANCELLED") throw toError(job);
  return job;
}
