/** Which of the gateway's own limits on an owner is reached: a rate, or an amount. */
export type LimitErrorCode = "RATE_LIMITED" | "QUOTA_EXCEEDED";

/** An owner has reached one of the gateway's limits; the text says the limit and what to do. */
export class LimitError extends Error {
  override readonly name = "LimitError";
  readonly code: LimitErrorCode;
  /** When asking again makes sense: at least 1. */
  readonly retryAfterSeconds: number;
  /** The number that is reached. */
  readonly limit: number;

  constructor(
    message: string,
    details: {
      readonly code: LimitErrorCode;
      readonly retryAfterSeconds: number;
      readonly limit: number;
    },
  ) {
    super(message);
    this.code = details.code;
    this.retryAfterSeconds = details.retryAfterSeconds;
    this.limit = details.limit;
  }
}
