import { DeploymentNotFoundError, InvalidInputError, UpstreamError } from "../job/errors.ts";
import { RunComfyError } from "../runcomfy/runcomfy-error.ts";
import type { Submission } from "./submission.ts";
import { respell } from "./submission.ts";

/** What a call resolves with, or how the upstream failed it; rejects with what is no failure of the upstream. */
export async function attempt<T>(call: () => Promise<T>): Promise<T | RunComfyError> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof RunComfyError) return error;
    throw error;
  }
}

/** What a client is told of a failed call: the code and our own sentence for it. */
export function toUpstreamError(error: RunComfyError): UpstreamError {
  return new UpstreamError(error.code, {
    retryAfterSeconds: error.retryAfterMs === null ? null : toSeconds(error.retryAfterMs),
    cause: error,
  });
}

/** What a client is told of a submit that was surely refused. */
export function toRefusal(error: RunComfyError, { deploymentId, spell }: Submission): Error {
  if (error.issues !== null) {
    const issues = error.issues.map((issue) => respell(issue, spell));
    return new InvalidInputError(issues, { cause: error });
  }
  if (error.code === "NOT_FOUND")
    return new DeploymentNotFoundError(deploymentId, { cause: error });
  return toUpstreamError(error);
}

/** What a client is told of the pause that is in force. */
export function rateLimited(pausedForMs: number): UpstreamError {
  return new UpstreamError("RATE_LIMITED", { retryAfterSeconds: toSeconds(pausedForMs) });
}

function toSeconds(durationMs: number): number {
  return Math.max(1, Math.ceil(durationMs / 1_000));
}
