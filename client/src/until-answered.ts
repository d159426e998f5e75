import { platform, sleep } from "./environment.ts";
import { GatewayError } from "./gateway-error.ts";

/** In which a gateway restarts. A try that has begun may take longer. */
const PATIENCE_MS = 30_000;
/** After pauses of 1, 2, 4, 8 and 16 s. */
export const MAX_ATTEMPTS = 6;

/** Called with the number of the try that begins, or is waited for, and the error of the one before. */
export type OnAttempt = (attempt: number, error: GatewayError | null) => void;

/** Sends what is safe to repeat until an answer comes, for half a minute. Rejects with the last error. */
export async function untilAnswered<Answer>(
  send: () => Promise<Answer>,
  onAttempt?: OnAttempt,
): Promise<Answer> {
  const late = platform.AbortSignal.timeout(PATIENCE_MS);
  onAttempt?.(1, null);
  for (let attempt = 1; ; attempt++) {
    try {
      return await send();
    } catch (error) {
      // Nothing ran, or nobody knows.
      // Mutant: a client that retries after an answer
      // Mutant: a client that gives up on what may pass
      const isLost =
        error instanceof GatewayError && ["NO_ANSWER", "UNAVAILABLE"].includes(error.code);
      // Mutant: a client that never gives up
      if (!isLost || late.aborted || attempt === MAX_ATTEMPTS) throw error;
      onAttempt?.(attempt + 1, error);
      // Mutant: a client that retries without a pause
      await sleep(500 * 2 ** attempt);
    }
  }
}
