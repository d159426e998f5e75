import type { Job } from "./job.ts";

/** A job can't be deleted because it has not ended; holds the job as it is now. */
export class JobNotFinishedError extends Error {
  override readonly name = "JobNotFinishedError";
  readonly job: Job;

  constructor(job: Job) {
    super(
      "The job has not ended yet, so it can't be deleted. Wait until it ends, or cancel it while it is queued.",
    );
    this.job = job;
  }
}
