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

/** What each code says to a client: what happened, and what to do about it. */
const SENTENCES: Readonly<Record<UpstreamErrorCode, string>> = {
  UNAUTHORIZED:
    "RunComfy does not accept the gateway's API token. Whoever runs the gateway has to set a valid RUNCOMFY_API_TOKEN.",
  FORBIDDEN:
    "RunComfy denies the gateway's account access to this. Check that the deployment belongs to the account of the gateway's API token.",
  NOT_FOUND:
    "RunComfy does not know this job under this deployment. Check that the deployment still exists, then submit a new job.",
  INSUFFICIENT_FUNDS:
    "The gateway's RunComfy account has too little credit for this job. Top it up, then submit again.",
  DEPLOYMENT_DISABLED:
    "This deployment is switched off. Enable it on RunComfy's dashboard, then submit again.",
  DEPLOYMENT_DELETED:
    "This deployment has been deleted. Choose another one from the `deployments` query.",
  RATE_LIMITED:
    "RunComfy asks for a pause. Try again after `retryAfterSeconds` seconds, or in half a minute when that is null.",
  UNAVAILABLE: "RunComfy can't be reached or is failing at the moment. Try again in a few seconds.",
  TIMEOUT: "RunComfy did not answer in time. Try again in a few seconds.",
  REJECTED:
    "RunComfy refused the request without a reason that is known here. Compare the input with the deployment's schema before trying again.",
  INVALID_RESPONSE:
    "RunComfy gave an answer that can't be read. Try again in a few seconds; if it stays, tell whoever runs the gateway.",
  SUBMISSION_UNKNOWN:
    "It is not known whether RunComfy accepted this job: it may be running, and paid for. Look at RunComfy's dashboard before submitting it again under a new idempotency key.",
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
    super(options.message ?? SENTENCES[code], { cause: options.cause });
    this.code = code;
    this.retryable = RETRYABLE.has(code);
    this.retryAfterSeconds = options.retryAfterSeconds ?? null;
    this.unconfirmedJob = options.unconfirmedJob ?? null;
  }
}
