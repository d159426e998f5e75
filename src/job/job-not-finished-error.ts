import type { Job } from "./job.ts";

/** A job can't be deleted because it has not ended; holds the job as it is now. */
export class JobNotFinishedError extends Error {
  override readonly name = "JobNotFinishedError";
  readonly job: Job;

  constructor(job: Job) {
    super(
      `The job is ${job.status}, and only what has ended can be deleted. Wait for its end with \`jobUpdated\`, or cancel it first.`,
    );
    this.job = job;
  }
}
