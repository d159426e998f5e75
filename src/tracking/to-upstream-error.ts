import { DeploymentNotFoundError, InvalidInputError, UpstreamError } from "../job/errors.ts";
import type { RunComfyError } from "../runcomfy/runcomfy-error.ts";

/** What a client is told of a failed call: the code and our own sentence for it. */
export function toUpstreamError(error: RunComfyError): UpstreamError {
  return new UpstreamError(error.code, {
    retryAfterSeconds: error.retryAfterMs === null ? null : toSeconds(error.retryAfterMs),
    cause: error,
  });
}

/** The same of a submit that was surely refused. */
export function toRefusal(error: RunComfyError, deploymentId: string): Error {
  if (error.issues !== null) return new InvalidInputError(error.issues, { cause: error });
  if (error.code === "NOT_FOUND")
    return new DeploymentNotFoundError(deploymentId, { cause: error });
  return toUpstreamError(error);
}

/** The pause that is in force, as a client is told of it. */
export function rateLimited(pausedForMs: number): UpstreamError {
  return new UpstreamError("RATE_LIMITED", { retryAfterSeconds: toSeconds(pausedForMs) });
}

function toSeconds(durationMs: number): number {
  return Math.max(1, Math.ceil(durationMs / 1_000));
}
