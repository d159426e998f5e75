import { toDurationText } from "./duration-text.ts";
import type { Job } from "./job.ts";

export const UPSTREAM_ERROR_CODES = [
  "UNAUTHORIZED",
  "FORBIDDEN",
  "NOT_FOUND",
  "INSUFFICIENT_FUNDS",
  "DEPLOYMENT_DISABLED",
  "DEPLOYMENT_DELETED",
  "RATE_LIMITED",
  "UNAVAILABLE",
  "TIMEOUT",
  "REJECTED",
  "INVALID_RESPONSE",
  "SUBMISSION_UNKNOWN",
] as const;

export type UpstreamErrorCode = (typeof UPSTREAM_ERROR_CODES)[number];

/** What each code says to people: what happened, and what to do about it. */
const SENTENCES: Readonly<Record<UpstreamErrorCode, string>> = {
  UNAUTHORIZED: "This service is not signed in to RunComfy. Contact support.",
  FORBIDDEN:
    "This service is not allowed to use this deployment. Choose another one, or contact support.",
  NOT_FOUND: "RunComfy does not know this job any more. Submit it again if you still need it.",
  INSUFFICIENT_FUNDS: "There is not enough credit to run this job. Contact support.",
  DEPLOYMENT_DISABLED: "This deployment is switched off. Choose another one, or contact support.",
  DEPLOYMENT_DELETED: "This deployment no longer exists. Choose another one.",
  RATE_LIMITED: "RunComfy is too busy at the moment.",
  UNAVAILABLE: "RunComfy can't be reached, or is failing at the moment.",
  TIMEOUT: "RunComfy did not answer in time.",
  REJECTED: "RunComfy refused this without a reason. Check your input, then try again.",
  INVALID_RESPONSE: "RunComfy gave an answer that can't be read.",
  SUBMISSION_UNKNOWN:
    "It is not known whether RunComfy accepted this job: it may be running, and paid for. Contact support before you submit it again.",
};

const RETRYABLE: ReadonlySet<UpstreamErrorCode> = new Set([
  "RATE_LIMITED",
  "UNAVAILABLE",
  "TIMEOUT",
  "INVALID_RESPONSE",
]);

/** The upstream did not do what a mutation asked for. Holds sentences of our own, nothing that the upstream said. */
export class UpstreamError extends Error {
  override readonly name = "UpstreamError";
  readonly code: UpstreamErrorCode;
  /** Whether the very same call may succeed a little later. */
  readonly retryable: boolean;
  readonly retryAfterSeconds: number | null;
  /** The job that the upstream may have accepted all the same; only with SUBMISSION_UNKNOWN. */
  readonly unconfirmedJob: Job | null;

  constructor(
    code: UpstreamErrorCode,
    options: {
      readonly message?: string;
      readonly retryAfterSeconds?: number | null;
      readonly unconfirmedJob?: Job;
      readonly cause?: unknown;
    } = {},
  ) {
    const { retryAfterSeconds = null } = options;
    super(options.message ?? toMessage(code, retryAfterSeconds), { cause: options.cause });
    this.code = code;
    this.retryable = RETRYABLE.has(code);
    this.retryAfterSeconds = retryAfterSeconds;
    this.unconfirmedJob = options.unconfirmedJob ?? null;
  }
}

function toMessage(code: UpstreamErrorCode, retryAfterSeconds: number | null): string {
  if (!RETRYABLE.has(code)) return SENTENCES[code];
  const wait = retryAfterSeconds === null ? "a few seconds" : toDurationText(retryAfterSeconds);
  return `${SENTENCES[code]} Try again in ${wait}.`;
}
