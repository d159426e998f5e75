import { clock } from "./environment.ts";

/** Something that is done again and again. */
export type Loop = {
  /** Cuts short the rest after what is being done, or was done last. */
  readonly wake: () => void;
  /** Aborted as it is closed. */
  readonly signal: AbortSignal;
  /** Nothing is begun any more; resolves once what is being done has ended. */
  readonly close: () => Promise<void>;
};

/** Begins right after the caller has it, unless there is a first rest, and goes on until it is closed. */
export function startLoop(options: {
  /** Resolves with how long to rest then, in ms. */
  readonly act: () => Promise<number>;
  readonly firstRestMs?: number;
  /** Rests at least so long, even when it is woken. */
  readonly minRestMs?: () => number;
  /** How long to rest after a failure, even when it is woken. */
  readonly retryMs: number;
  /** Notified of the first of failures that follow each other. */
  readonly onFailure: (error: unknown) => void;
  readonly sleep?: typeof sleepFor | undefined;
}): Loop {
  const { act, firstRestMs = 0, minRestMs = () => 0, retryMs, onFailure } = options;
  const { sleep = sleepFor } = options;
  const closing = new AbortController();
  const { signal } = closing;
  const attempt = notifyOfFirst((error) => signal.aborted || onFailure(error));
  let rest = new AbortController();

  async function restFor(durationMs: number, until = signal): Promise<void> {
    if (!until.aborted) await sleep(durationMs, until);
  }

  async function run(): Promise<void> {
    if (firstRestMs > 0) await restFor(firstRestMs);
    while (!signal.aborted) {
      // What comes up during the act cuts the rest after it.
      rest = new AbortController();
      try {
        const restMs = await attempt(act);
        const leastMs = minRestMs();
        if (leastMs > 0) await restFor(leastMs);
        if (restMs >= leastMs)
          await restFor(restMs - leastMs, AbortSignal.any([rest.signal, signal]));
      } catch {
        await restFor(retryMs);
      }
    }
  }

  const ended = Promise.resolve().then(run);
  return {
    wake: () => rest.abort(WOKEN),
    signal,
    close() {
      closing.abort();
      return ended;
    },
  };
}

/** Without a reason, each call would make an error with its stack, also where the rest has been cut already. */
const WOKEN = "woken";

/** Renews a claim every third of its time, one renewal after the other, until it is closed. */
export function keepClaim(claimMs: number, renew: () => Promise<unknown>): Loop {
  const restMs = claimMs / 3;
  return startLoop({
    act: () => renew().then(() => restMs),
    firstRestMs: restMs,
    retryMs: restMs,
    // Another one comes before the claim ends.
    onFailure: () => undefined,
  });
}

/** Waits for this long, or until the signal is aborted, whichever comes first. */
export async function sleepFor(durationMs: number, signal: AbortSignal): Promise<void> {
  // It rejects for nothing but an abort.
  await clock.sleep(durationMs, { signal }).catch(() => undefined);
}

/** Runs what is tried again and again, and notifies of the first of failures that follow each other. */
export function notifyOfFirst(
  onFailure: (error: unknown) => void,
  isExpected = (_error: unknown) => false,
) {
  let hasFailed = false;
  return async <Value>(act: () => Promise<Value>): Promise<Value> => {
    try {
      const value = await act();
      hasFailed = false;
      return value;
    } catch (error) {
      if (!hasFailed && !isExpected(error)) onFailure(error);
      hasFailed ||= !isExpected(error);
      throw error;
    }
  };
}
