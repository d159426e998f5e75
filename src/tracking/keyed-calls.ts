import { UpstreamError } from "../job/errors.ts";
import { sleepFor } from "../store/sleep.ts";

type Call<Value> = { readonly fingerprint: string; readonly end: Promise<Value> };

/**
 * Runs the calls under one key one after the other, so that each sees what came of the one before it. A call with the
 * fingerprint of the last one joins that one instead. Rejects with a retryable `UpstreamError` when the call before it
 * takes longer than `patienceMs`.
 */
export function createKeyedCalls<Value>({ patienceMs }: { readonly patienceMs: number }) {
  const lastCalls = new Map<string, Call<Value>>();

  return async (key: string, fingerprint: string, act: () => Promise<Value>): Promise<Value> => {
    const before = lastCalls.get(key);
    if (before?.fingerprint === fingerprint) return await before.end;
    const call = { fingerprint, end: before === undefined ? act() : actAfter(before, act) };
    lastCalls.set(key, call);
    try {
      return await call.end;
    } finally {
      if (lastCalls.get(key) === call) lastCalls.delete(key);
    }
  };

  async function actAfter({ end }: Call<Value>, act: () => Promise<Value>): Promise<Value> {
    const hasEnded = new AbortController();
    const note = (): void => hasEnded.abort();
    end.then(note, note);
    await sleepFor(patienceMs, hasEnded.signal);
    if (hasEnded.signal.aborted) return await act();
    throw new UpstreamError("UNAVAILABLE", {
      message:
        "Another call with this idempotency key has not ended yet. Try again in a few seconds.",
    });
  }
}
