import { setTimeout as delay } from "node:timers/promises";

import { UpstreamError } from "../job/errors.ts";

/**
 * Makes what runs the calls under one key one after the other, as they came, so that each sees what the one before it
 * came to. A call with the fingerprint of the last one joins that instead: it runs nothing and ends as it does. Rejects
 * with an `UpstreamError` that can be retried when the call before it takes longer than `patienceMs`.
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
    if (await endsWithin(end, patienceMs)) return await act();
    throw new UpstreamError("UNAVAILABLE", {
      message:
        "Another call with this idempotency key has not ended yet. Try again in a few seconds.",
    });
  }
}

type Call<Value> = { readonly fingerprint: string; readonly end: Promise<Value> };

async function endsWithin(call: Promise<unknown>, patienceMs: number): Promise<boolean> {
  const isOver = new AbortController();
  const hasEnded = (): boolean => true;
  try {
    return await Promise.race([
      call.then(hasEnded, hasEnded),
      delay(patienceMs, false, { signal: isOver.signal }),
    ]);
  } finally {
    isOver.abort();
  }
}
