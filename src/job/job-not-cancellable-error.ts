import type { Job } from "./job.ts";
import { isFinished } from "./job.ts";

/** A cancel came too late; holds the job as it is now. */
export class JobNotCancellableError extends Error {
  override readonly name = "JobNotCancellableError";
  readonly job: Job;

  constructor(job: Job) {
    super(
      isFinished(job)
        ? `The job has already ended as ${job.status}. There is nothing left to cancel.`
        : "The job already runs, and RunComfy cancels queued jobs only. Wait for its end with `jobUpdated`.",
    );
    this.job = job;
  }
}
