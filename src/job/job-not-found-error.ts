/** No job has this id. */
export class JobNotFoundError extends Error {
  override readonly name = "JobNotFoundError";
  readonly jobId: string;

  constructor(jobId: string) {
    super(
      `You have no job ${JSON.stringify(jobId.slice(0, 128))}. It may have been deleted; choose one from your jobs.`,
    );
    this.jobId = jobId;
  }
}
