import { GatewayError } from "./gateway-error.ts";

/** In which a gateway restarts. A try that has begun may take longer. */
const PATIENCE_MS = 30_000;
/** Before each further try. */
const PAUSES_MS = [1_000, 2_000, 4_000, 8_000, 16_000];
export const MOST_ATTEMPTS = PAUSES_MS.length + 1;
/** Nothing ran, or nobody knows. */
const LOST: ReadonlySet<string> = new Set(["NO_ANSWER", "UNAVAILABLE"]);

/** Hears which try begins, or is waited for, and what became of the one before. */
export type OnAttempt = (attempt: number, error: GatewayError | null) => void;

/** Sends what is safe to repeat until an answer comes, for half a minute. Rejects with the last error. */
export async function untilAnswered<Answer>(
  send: () => Promise<Answer>,
  onAttempt?: OnAttempt,
): Promise<Answer> {
  const startedAt = performance.now();
  onAttempt?.(1, null);
  for (let attempt = 1; ; attempt++) {
    try {
      return await send();
    } catch (error) {
      const pauseMs = PAUSES_MS[attempt - 1];
      const isLost = error instanceof GatewayError && LOST.has(error.code);
      const isLate = performance.now() - startedAt > PATIENCE_MS;
      if (!isLost || isLate || pauseMs === undefined) throw error;
      onAttempt?.(attempt + 1, error);
      await new Promise((done) => setTimeout(done, pauseMs));
    }
  }
}
