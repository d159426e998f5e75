import type { Job } from "./job.ts";
import { isFinished } from "./job.ts";

/** A cancel came too late; holds the job as it is now. */
export class JobNotCancellableError extends Error {
  override readonly name = "JobNotCancellableError";
  readonly job: Job;

  constructor(job: Job) {
    super(
      isFinished(job)
        ? "The job has already ended, so there is nothing left to cancel. Look at how it ended."
        : "The job is already running, and only a queued job can be cancelled. Wait until it ends.",
    );
    this.job = job;
  }
}
