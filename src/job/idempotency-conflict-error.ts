/** The idempotency key already belongs to a job with another deployment or input, or to one that was deleted. */
export class IdempotencyConflictError extends Error {
  override readonly name = "IdempotencyConflictError";
  readonly jobId: string;

  constructor(jobId: string, options: { readonly isDeleted?: boolean } = {}) {
    super(
      options.isDeleted === true
        ? `This idempotency key was already used, for ${jobId}, which has been deleted since. Use a new key for a new job.`
        : `This idempotency key was already used with another deployment or input, for ${jobId}. Use a new key for a new job.`,
    );
    this.jobId = jobId;
  }
}
