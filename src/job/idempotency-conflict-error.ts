/** The idempotency key already belongs to a job with another deployment or input, or to one that was deleted. */
export class IdempotencyConflictError extends Error {
  override readonly name = "IdempotencyConflictError";
  readonly jobId: string;

  constructor(jobId: string, options: { readonly isDeleted?: boolean } = {}) {
    super(
      options.isDeleted === true
        ? `You already submitted this as ${jobId}, which has been deleted since. Submit again to start a new job.`
        : `You already submitted this with other settings, as ${jobId}. Look at that job, or submit again to start a new one.`,
    );
    this.jobId = jobId;
  }
}
