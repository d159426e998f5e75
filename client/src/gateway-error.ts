/** These pass, the last two once somebody has logged in again. */
const PASSING: ReadonlySet<string> = new Set([
  "NO_ANSWER",
  "UNAVAILABLE",
  "RATE_LIMITED",
  "QUOTA_EXCEEDED",
  "TOO_MANY_OPERATIONS",
  "INTERNAL_SERVER_ERROR",
  "NO_CREDENTIAL",
  "UNAUTHENTICATED",
]);

/** An error of an answer, or a failure that is a mutation's result. */
export type Failure = {
  readonly message?: string;
  readonly __typename?: string;
  readonly code?: string;
  readonly issues?: readonly { readonly path: string; readonly message: string }[];
  readonly retryable?: boolean;
  readonly retryAfterSeconds?: number | null;
};

/**
 * A call that failed. `message` says what to do about it.
 *
 * @example
 * const error = await gateway.request(JOBS, { first: 1 }).catch((cause: unknown) => cause);
 * if (error instanceof GatewayError) console.error(error.code, error.message);
 */
export class GatewayError extends Error {
  override readonly name = "GatewayError";
  /** The gateway's code, or the type of a mutation's failure. `NO_ANSWER`, `NO_CREDENTIAL` and `REFUSED` are the client's. */
  declare readonly code: string;
  /** What is wrong with an input or an upload. */
  declare readonly issues: readonly { readonly path: string; readonly message: string }[];
  /** Whether the very same call may succeed later. */
  declare readonly retryable: boolean;
  declare readonly retryAfterSeconds: number | null;

  constructor(failure: Failure, options?: ErrorOptions) {
    const { code = failure.__typename ?? "", issues = [], retryAfterSeconds = null } = failure;
    const details = issues.map(({ path, message }) =>
      `${path} ${message}`.trim().replace(/[^.?!]$/, "$&."),
    );
    super([failure.message || "It was refused. Try again later.", ...details].join(" "), options);
    this.code = code;
    this.issues = issues;
    this.retryable = failure.retryable ?? PASSING.has(code);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** No answer came, or not all of it. */
export function noAnswer(
  cause: unknown,
  message = "No answer came. Check your connection, then try again.",
): GatewayError {
  return new GatewayError({ code: "NO_ANSWER", message }, { cause });
}

/** The errors of an answer without data. */
export function toError(errors: unknown): GatewayError {
  const all = Array.isArray(errors) ? errors : [];
  if (typeof all[0]?.message !== "string") return noAnswer(errors);
  const message = all.map((error: Failure) => error.message).join(" ");
  return new GatewayError({ ...all[0].extensions, message });
}
