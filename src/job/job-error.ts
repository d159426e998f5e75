import type { JobError } from "./job.ts";

/** A run that failed upstream; `reason` is the upstream's own, already cleaned, null where it gave none. */
export function inferenceFailed(reason: string | null): JobError {
  return {
    code: "INFERENCE_FAILED",
    message:
      reason === null
        ? "The run failed and RunComfy gave no reason. Check the input, then submit again."
        : `The run failed: ${reason}`,
    retryable: true,
  };
}

export const SUBMISSION_UNKNOWN: JobError = {
  code: "SUBMISSION_UNKNOWN",
  message:
    "It is not known whether RunComfy accepted this job: it may have run, and been paid for. Look at RunComfy's dashboard before submitting it again.",
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
    "The run ended, but its result could not be read within 10 minutes. Look at RunComfy's dashboard for the result before submitting it again.",
  retryable: false,
};

/** The gateway ran out of patience; `deadlineSeconds` is how much it had, `isUnreadable` whether its last look was in vain. */
export function expired(deadlineSeconds: number, isUnreadable = false): JobError {
  const reason = isUnreadable
    ? `What RunComfy answers about the job can't be read, and did not become readable within ${deadlineSeconds} seconds`
    : `The job did not end within ${deadlineSeconds} seconds`;
  return {
    code: "EXPIRED",
    message: `${reason}, so it is no longer followed. Look at RunComfy's dashboard for its fate before submitting it again.`,
    retryable: false,
  };
}
