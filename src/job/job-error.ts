import { toDurationText } from "./errors.ts";
import type { JobError } from "./job.ts";

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

function toSentence(reason: string): string {
  return /[.!?…]$/.test(reason) ? reason : `${reason}.`;
}
