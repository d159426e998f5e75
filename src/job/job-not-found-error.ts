/** No job has this id. */
export class JobNotFoundError extends Error {
  override readonly name = "JobNotFoundError";
  readonly jobId: string;

  constructor(jobId: string) {
    super(
      `There is no job ${JSON.stringify(jobId.slice(0, 128))}. Take an id from \`submitJob\` or from the \`jobs\` query.`,
    );
    this.jobId = jobId;
  }
}
