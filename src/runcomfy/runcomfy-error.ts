import type { InputIssue } from "../job/input-issue.ts";
import type { UpstreamErrorCode } from "../job/errors.ts";

/** The five calls, as error texts name them. */
export type Call = "submit" | "status" | "result" | "cancel" | "list";

/**
 * How far a failed request came. `never-arrived`: no byte of it reached the upstream. `refused`: the upstream surely did
 * not do it. `unknown`: it may have been done.
 */
export type Delivery = "never-arrived" | "refused" | "unknown";

/**
 * A call to the upstream that did not end as hoped. Its text is our own, so it may be logged: it holds neither the
 * address nor the token nor a word of the answer.
 */
export class RunComfyError extends Error {
  override readonly name = "RunComfyError";
  readonly code: UpstreamErrorCode;
  readonly delivery: Delivery;
  /** The HTTP status; null when there was no answer. */
  readonly httpStatus: number | null;
  /** How long the upstream asked everybody to stay away; null when it did not ask. Already bounded. */
  readonly retryAfterMs: number | null;
  /** Whether the upstream says that what it was asked about is another account's. */
  readonly isAnothers: boolean;
  /** What a 422 found wrong with the input; null for every other answer. */
  readonly issues: readonly InputIssue[] | null;

  constructor(
    message: string,
    options: Readonly<Pick<RunComfyError, "code" | "delivery">> &
      Readonly<
        Partial<Pick<RunComfyError, "httpStatus" | "retryAfterMs" | "isAnothers" | "issues">>
      >,
  ) {
    super(message);
    this.code = options.code;
    this.delivery = options.delivery;
    this.httpStatus = options.httpStatus ?? null;
    this.retryAfterMs = options.retryAfterMs ?? null;
    this.isAnothers = options.isAnothers ?? false;
    this.issues = options.issues ?? null;
  }
}
