import { sleepFor } from "./sleep.ts";

/** Something that is done again and again. */
export type Loop = {
  /** Cuts short the rest that is under way, or comes next. */
  wake(): void;
  /** Resolves when what is being done has ended. */
  close(): Promise<void>;
};

/** Begins at once, unless there is a first rest. */
export function startLoop(options: {
  /** Resolves with how long to rest then, in ms. */
  readonly act: (signal: AbortSignal) => Promise<number>;
  readonly firstRestMs?: number;
  /** Rests at least so long, whoever wakes it. */
  readonly leastRestMs?: number;
  /** How long to rest after a failure, whoever wakes it. */
  readonly retryMs: number;
  /** Hears of the first of failures that follow each other. */
  readonly onFailure: (error: unknown) => void;
  readonly sleep?: typeof sleepFor | undefined;
}): Loop {
  const { act, firstRestMs = 0, leastRestMs = 0, retryMs, onFailure, sleep = sleepFor } = options;
  const closing = new AbortController();
  const { signal } = closing;
  let rest = new AbortController();

  async function restFor(durationMs: number, until = signal): Promise<void> {
    if (!until.aborted) await sleep(durationMs, until);
  }

  async function run(): Promise<void> {
    if (firstRestMs > 0) await restFor(firstRestMs);
    let hasFailed = false;
    while (!signal.aborted) {
      // What comes up during the act cuts the rest after it.
      rest = new AbortController();
      try {
        const restMs = await act(signal);
        hasFailed = false;
        if (leastRestMs > 0) await restFor(leastRestMs);
        await restFor(restMs, AbortSignal.any([rest.signal, signal]));
      } catch (error) {
        if (!hasFailed && !signal.aborted) onFailure(error);
        hasFailed = true;
        await restFor(retryMs);
      }
    }
  }

  const running = run();
  return {
    wake: () => rest.abort(),
    async close() {
      closing.abort();
      await running;
    },
  };
}
