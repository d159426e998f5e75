import { UpstreamError } from "../job/errors.ts";
import { RunComfyError } from "../runcomfy/runcomfy-error.ts";

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
  const { code, retryAfterMs } = error;
  return new UpstreamError(code, {
    retryAfterSeconds: retryAfterMs === null ? null : toRetrySeconds(retryAfterMs),
    cause: error,
  });
}

export function toRetrySeconds(durationMs: number): number {
  return Math.max(1, Math.ceil(durationMs / 1_000));
}
