import { CodedError, toDurationText } from "../../runtime/coded-error.ts";
import type { InputIssue } from "./input.ts";
import type { Job, JobError } from "./job.ts";
import { isFinished } from "./job.ts";

/** A failure that is a result of a mutation; its message says to the app's users what happened and what to do next. */
export class ExpectedError extends Error {
  override readonly name: string = this.constructor.name;
}

/** No job has this id. */
export class JobNotFoundError extends CodedError {
  constructor(jobId: string) {
    super(
      "NOT_FOUND",
      `You have no job ${JSON.stringify(jobId.slice(0, 128))}. It may have been deleted; choose one from your jobs.`,
    );
  }
}

/** Holds the job as it is now. */
class JobStateError extends ExpectedError {
  readonly job: Job;

  constructor(job: Job, message: string) {
    super(message);
    this.job = job;
  }
}

/** A cancel came too late. */
export class JobNotCancellableError extends JobStateError {
  constructor(job: Job) {
    super(
      job,
      isFinished(job)
        ? "The job has already ended, so there is nothing left to cancel. Look at how it ended."
        : "The job is already running, and only a queued job can be cancelled. Wait until it ends.",
    );
  }
}

/** The job has not ended, so that it can't be deleted and has no files yet. */
export class JobNotFinishedError extends JobStateError {
  constructor(job: Job) {
    super(
      job,
      "The job has not ended yet, so this can't be done. Wait until it ends, or cancel it while it is queued.",
    );
  }
}

/** What was asked for applies only to a job that is HELD. */
export class JobNotHeldError extends JobStateError {
  constructor(job: Job) {
    super(
      job,
      job.status === "HELD"
        ? "The job waits for no approval, so this can't be done. Cancel it instead, if it is yours."
        : "The job no longer waits here, so this can't be done. Look at its status; while it is queued, its owner can cancel it.",
    );
  }
}

/** What a client gave can't be used as it is. */
export class InvalidError extends ExpectedError {
  readonly issues: readonly InputIssue[];

  constructor(issues: readonly InputIssue[], message: string, options?: ErrorOptions) {
    super(message, options);
    this.issues = issues;
  }
}

/** The input can't be submitted as it is. */
export class InvalidInputError extends InvalidError {
  constructor(issues: readonly InputIssue[], options?: ErrorOptions) {
    super(issues, "Correct the marked fields, then submit again.", options);
  }
}

/** An upload can't be opened as it was asked for. */
export class InvalidUploadError extends InvalidError {
  constructor(
    issues: readonly InputIssue[],
    message = "Correct the marked values, then create the upload again.",
  ) {
    super(issues, message);
  }
}

/** A job can't have the labels that were asked for. */
export class InvalidLabelsError extends InvalidError {
  constructor(issues: readonly InputIssue[]) {
    super(issues, "Correct the marked values, then change the tags again.");
  }
}

/** No deployment with this id may run here, or none that runs what is asked for. */
export class DeploymentNotFoundError extends CodedError {
  /**
   * `nearMisses` may be empty. `unlisted` is a noun, such as "model", for what may exist but must be listed to run.
   * `isChanged` if the deployment now runs another kind of job than the one that is to run again.
   */
  constructor(
    deploymentId: string,
    options: ErrorOptions & {
      readonly nearMisses?: readonly string[];
      readonly unlisted?: string | null;
      readonly isChanged?: boolean;
    } = {},
  ) {
    const { nearMisses = [], unlisted = null, isChanged = false, ...cause } = options;
    const guess = nearMisses.length === 0 ? "" : ` Did you mean ${nearMisses.join(" or ")}?`;
    const id = JSON.stringify(deploymentId.slice(0, 128));
    const missing =
      unlisted === null
        ? `There is no deployment ${id}.${guess} Choose another one.`
        : `This service does not list the ${unlisted} ${id}, so it can't run here.${guess} ${OR_ASK}`;
    const changed = `The deployment ${id} runs something else than it did for this job, so the job can't be run again. Submit a new job to it, or choose another deployment.`;
    super("NOT_FOUND", isChanged ? changed : missing, cause);
  }
}

const OR_ASK = "Choose another one, or ask whoever runs this service to add it.";

/** The idempotency key already belongs to a job with another deployment or input, of another upstream, or deleted. */
export class IdempotencyConflictError extends ExpectedError {
  readonly jobId: string;

  constructor(jobId: string, why: keyof typeof CONFLICTS = "different") {
    super(`You already submitted this ${CONFLICTS[why].replace("ID", jobId)}`);
    this.jobId = jobId;
  }
}

const CONFLICTS = {
  different: "with other settings, as ID. Look at that job, or submit again to start a new one.",
  deleted: "as ID, which has been deleted since. Submit again to start a new job.",
  elsewhere:
    "to another RunComfy account or the sandbox, as ID. Look at that job, or submit again to start a new one.",
} as const;

/** The `after` of a subscription to the feed is no cursor. */
export class BadCursorError extends CodedError {
  constructor() {
    super(
      "BAD_USER_INPUT",
      "`after` is not a cursor of this feed. Take one from a change's `cursor`, or leave it out to begin now.",
    );
  }
}

/** What each code says to people; those that pass by themselves get their next step with the time to wait. */
export const UPSTREAM_SENTENCES = {
  UNAUTHORIZED: "This service is not signed in to RunComfy. Contact support.",
  FORBIDDEN: "This service can't use this deployment. Choose another, or contact support.",
  NOT_FOUND: "RunComfy no longer knows this job. Submit it again if you still need it.",
  INSUFFICIENT_FUNDS: "There is not enough credit to run this job. Contact support.",
  DEPLOYMENT_DISABLED: "This deployment is off. Choose another one, or contact support.",
  DEPLOYMENT_DELETED: "This deployment no longer exists. Choose another one.",
  DEPLOYMENT_PAUSED:
    "This deployment takes no jobs for now. Choose another one, or submit again later.",
  RATE_LIMITED: "RunComfy is too busy at the moment.",
  UNAVAILABLE: "RunComfy is out of reach or failing at the moment.",
  TIMEOUT: "RunComfy did not answer in time.",
  PAUSED:
    "This job waits for another RunComfy account than the one in use, or for the sandbox. Wait until that is back, or contact support.",
  REJECTED: "RunComfy refused this and gave no reason. Check your input, then try again.",
  INVALID_RESPONSE: "RunComfy gave an answer that can't be read.",
  SUBMISSION_UNKNOWN:
    "RunComfy did not confirm this job, which may be running and cost money all the same. Contact support before you submit it again.",
} as const;

export type UpstreamErrorCode = keyof typeof UPSTREAM_SENTENCES;

const RETRYABLE: ReadonlySet<string> = new Set<UpstreamErrorCode>([
  "RATE_LIMITED",
  "UNAVAILABLE",
  "TIMEOUT",
  "INVALID_RESPONSE",
]);

/** The upstream did not do what a mutation asked for; nothing that it said is in the message. */
export class UpstreamError extends ExpectedError {
  readonly code: UpstreamErrorCode;
  /** Whether the very same call may succeed a little later. */
  readonly retryable: boolean;
  readonly retryAfterSeconds: number | null;
  /** The job that the upstream may have accepted all the same; only with SUBMISSION_UNKNOWN. */
  readonly unconfirmedJob: Job | null;

  constructor(
    code: UpstreamErrorCode,
    options: ErrorOptions & {
      readonly message?: string;
      readonly retryAfterMs?: number | null;
      readonly unconfirmedJob?: Job;
    } = {},
  ) {
    const { message, retryAfterMs = null, unconfirmedJob = null, ...cause } = options;
    const retryAfterSeconds =
      retryAfterMs === null ? null : Math.max(1, Math.ceil(retryAfterMs / 1_000));
    const wait = retryAfterSeconds === null ? "a few seconds" : toDurationText(retryAfterSeconds);
    const nextStep = RETRYABLE.has(code) ? ` Try again in ${wait}.` : "";
    super(message ?? `${UPSTREAM_SENTENCES[code]}${nextStep}`, cause);
    this.code = code;
    this.retryable = RETRYABLE.has(code);
    this.retryAfterSeconds = retryAfterSeconds;
    this.unconfirmedJob = unconfirmedJob;
  }
}

/** A submit to a deployment that an operator has paused, with the operator's reason. */
export function deploymentPaused(reason: string): UpstreamError {
  const message = `This deployment takes no jobs for now: ${toSentence(reason)} Choose another one, or submit again later.`;
  return new UpstreamError("DEPLOYMENT_PAUSED", { message });
}

/** A run that failed upstream; `reason` is the upstream's own, already cleaned, null where it gave none. */
export function inferenceFailed(reason: string | null): JobError {
  return {
    code: "INFERENCE_FAILED",
    message: `The run failed${reason === null ? " and RunComfy gave no reason." : `: ${toSentence(reason)}`} Check your input, then submit again.`,
    retryable: true,
  };
}

export const SUBMISSION_UNKNOWN: JobError = {
  code: "SUBMISSION_UNKNOWN",
  message:
    "RunComfy did not confirm this job, which may have run and cost money all the same. Contact support before you submit it again.",
  retryable: false,
};

export const LOST: JobError = {
  code: "LOST",
  message:
    "RunComfy no longer knows this job, so its result can't be fetched. Submit it again if you still need it.",
  retryable: true,
};

export const INVALID_RESPONSE: JobError = {
  code: "INVALID_RESPONSE",
  message:
    "The run ended, but its result could not be read within 10 minutes. Contact support before you submit it again: the result may still be found.",
  retryable: false,
};

/** The gateway stopped following the job at its deadline; `isUnreadable` when the last answer could not be read. */
export function expired(deadlineSeconds: number, isUnreadable = false): JobError {
  const reason = isUnreadable
    ? `RunComfy's answers about the job could not be read within ${toDurationText(deadlineSeconds)}`
    : `The job did not end within ${toDurationText(deadlineSeconds)}`;
  return {
    code: "EXPIRED",
    message: `${reason}, so it is no longer followed. Contact support before you submit it again: it may still be running.`,
    retryable: false,
  };
}

export const NOT_SENT_IN_TIME: JobError = {
  code: "NOT_SENT_IN_TIME",
  message:
    "The job's turn did not come before its `sendBefore`, so it was not sent and costs nothing. Submit it again with a later one if you still need it.",
  retryable: true,
};

/** Whoever may approve the job refused it. */
export function notApproved(reason: string): JobError {
  return {
    code: "NOT_APPROVED",
    message: `The job was not approved: ${toSentence(reason)} It was not sent and costs nothing. Change what was objected to, then submit it again.`,
    retryable: false,
  };
}

/** A job that was HELD was surely not accepted when its turn came. */
export function refused(message: string): JobError {
  return {
    code: "REFUSED",
    message: `The job was refused when its turn came, so it did not run. ${message}`,
    retryable: false,
  };
}

function toSentence(reason: string): string {
  return /[.!?…]$/.test(reason) ? reason : `${reason}.`;
}
