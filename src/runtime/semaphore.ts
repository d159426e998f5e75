import { clock } from "./environment.ts";

/** Gives a slot back; only the first call counts. */
export type Release = () => void;

/** Lets so many act at once. Others wait, first come first served, until too many wait or for too long. */
export class Semaphore {
  /** How many slots are taken. */
  taken = 0;
  readonly #options;
  readonly #waiters = new Set<PromiseWithResolvers<Release>>();
  #closed: Error | null = null;

  constructor(options: {
    readonly atOnce: number;
    readonly maxWaiting: number;
    readonly maxWaitMs?: number;
    /** Makes what rejects those who may not wait, or not any longer. */
    readonly refuse?: () => Error;
  }) {
    this.#options = { maxWaitMs: Infinity, refuse: tooMany, ...options };
  }

  async run<Value>(act: () => Promise<Value>, signal?: AbortSignal): Promise<Value> {
    const release = await this.enter(signal);
    return await act().finally(release);
  }

  /** Waits for a slot; rejects with the signal's reason once it aborts. */
  async enter(signal?: AbortSignal): Promise<Release> {
    const { maxWaiting, maxWaitMs, refuse } = this.#options;
    if (this.#closed !== null) throw this.#closed;
    signal?.throwIfAborted();
    const release = this.tryEnter();
    if (release !== null) return release;
    if (this.#waiters.size >= maxWaiting) throw refuse();
    const waiter = Promise.withResolvers<Release>();
    this.#waiters.add(waiter);
    const giveUp = (reason: unknown): void => {
      if (this.#waiters.delete(waiter)) waiter.reject(reason);
    };
    const abort = (): void => giveUp(signal?.reason);
    const stopTimer = maxWaitMs < Infinity && clock.setTimer(() => giveUp(refuse()), maxWaitMs);
    signal?.addEventListener("abort", abort);
    return await waiter.promise.finally(() => {
      if (stopTimer) stopTimer();
      signal?.removeEventListener("abort", abort);
    });
  }

  /** Takes a slot; null where none is free. */
  tryEnter(): Release | null {
    if (this.#closed !== null || this.taken >= this.#options.atOnce) return null;
    this.taken += 1;
    return once(() => {
      this.taken -= 1;
      const [next] = this.#waiters;
      const release = next && this.tryEnter();
      if (!release) return;
      this.#waiters.delete(next);
      next.resolve(release);
    });
  }

  /** Rejects all who wait, or would have to. */
  close(error: Error): void {
    this.#closed = error;
    for (const waiter of this.#waiters) waiter.reject(error);
    this.#waiters.clear();
  }
}

/** Lets only the first call count. */
export function once(act: () => void): Release {
  let isOver = false;
  return () => {
    if (isOver) return;
    isOver = true;
    act();
  };
}

function tooMany(): Error {
  return new Error("Too many wait. Try again in a few seconds.");
}
