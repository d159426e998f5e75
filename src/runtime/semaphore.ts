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

  async run<Value>(act: () => Promise<Value>): Promise<Value> {
    const release = await this.enter();
    return await act().finally(release);
  }

  async enter(): Promise<Release> {
    const { atOnce, maxWaiting, maxWaitMs, refuse } = this.#options;
    if (this.#closed !== null) throw this.#closed;
    if (this.taken < atOnce) return this.#take();
    if (this.#waiters.size >= maxWaiting) throw refuse();
    const waiter = Promise.withResolvers<Release>();
    this.#waiters.add(waiter);
    if (maxWaitMs === Infinity) return await waiter.promise;
    const stopTimer = clock.setTimer(() => {
      if (this.#waiters.delete(waiter)) waiter.reject(refuse());
    }, maxWaitMs);
    return await waiter.promise.finally(stopTimer);
  }

  /** Rejects all who wait, or would have to. */
  close(error: Error): void {
    this.#closed = error;
    for (const waiter of this.#waiters) waiter.reject(error);
    this.#waiters.clear();
  }

  #take(): Release {
    this.taken += 1;
    return once(() => {
      this.taken -= 1;
      const [next] = this.#waiters;
      if (next === undefined) return;
      this.#waiters.delete(next);
      next.resolve(this.#take());
    });
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
