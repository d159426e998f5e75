import { RunComfyError } from "../runcomfy/runcomfy-error.ts";

/** What a call to the upstream resolves with, or how it failed; rejects with what is no failure of the upstream. */
export async function attempt<T>(call: () => Promise<T>): Promise<T | RunComfyError> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof RunComfyError) return error;
    throw error;
  }
}
