/** The idempotency key already belongs to a job with another deployment or input. */
export class IdempotencyConflictError extends Error {
  override readonly name = "IdempotencyConflictError";
  readonly jobId: string;

  constructor(jobId: string) {
    super(
      `This idempotency key was already used with another deployment or input, for ${jobId}. Use a new key for a new job.`,
    );
    this.jobId = jobId;
  }
}
