import { clock } from "./environment.ts";

/** Gives a slot back; only the first call counts. */
export type Release = () => void;

type QueueOptions = {
  /** How much of each key, and of all keys, may be taken at once; of a key it may depend on how much is free. */
  readonly perKey?: number | ((free: number) => number);
  readonly total?: number;
  /** For how long slots of one key may follow each other in one turn of the event loop. */
  readonly sliceMs?: number;
  /** All who wait weigh no more, and those of one key no more than they leave free. */
  readonly maxWaiting?: number;
  readonly maxWaitMs?: number;
  /** Makes what rejects those who may not wait, or not any longer. */
  readonly refuse?: (key: string, amount: number) => Error;
};

type WaitOptions = {
  /** What it weighs among those who wait: 1 by default. */
  readonly weight?: number;
  /** Rejects it with the signal's reason. */
  readonly signal?: AbortSignal;
};

/** What owners make the thread do takes some ms of a turn of the event loop for each of them. */
export const SLICE_MS = 5;
/** What took longer waited for something. */
const MAX_REST_MS = 100;

const UNBOUNDED = {
  perKey: Infinity,
  total: Infinity,
  sliceMs: 0,
  maxWaiting: Infinity,
  maxWaitMs: Infinity,
  refuse: () => new Error("Too many wait. Try again in a few seconds."),
};

/**
 * Bounds how many slots are taken at once, or how much of anything else. Of one key the others wait in their order; among
 * keys, the one that has taken least comes next. After a slot the next one begins in a later turn of the event loop, so
 * that everybody else's work goes first. Within a slice it begins at once; after more than two slices its key rests for as
 * long.
 */
export class Queue {
  /** Among those that have taken as much, the first comes next. */
  readonly #lanes = new Map<string, Lane>();
  readonly #options: Required<QueueOptions>;
  #taken = 0;
  #waiting = 0;
  #closed: Error | null = null;

  constructor(options: QueueOptions) {
    this.#options = { ...UNBOUNDED, ...options };
  }

  /** Runs an act in a slot, which is given back once the act calls `release`, or is over. */
  async run<Value>(
    key: string,
    act: (release: Release) => Promise<Value>,
    options?: WaitOptions,
  ): Promise<Value> {
    const release = this.tryEnter(key) ?? (await this.enter(key, options));
    try {
      return await act(release);
    } finally {
      release();
    }
  }

  /** Waits for a slot. */
  async enter(key: string, options?: WaitOptions): Promise<Release> {
    await this.take(key, 1, options);
    return this.#toRelease(this.#find(key));
  }

  /** Takes a slot; null where none is free. */
  tryEnter(key: string): Release | null {
    const lane = this.#find(key);
    return this.#tryTake(lane, 1) ? this.#toRelease(lane) : null;
  }

  /** Waits for room for so much, behind others of its key. */
  async take(key: string, amount: number, options?: WaitOptions): Promise<void> {
    const lane = this.#find(key);
    if (lane.waiters.length > 0 || !this.#tryTake(lane, amount))
      await this.#wait(lane, amount, options);
  }

  /** Takes so much if there is room for it, ahead of all that wait. */
  tryTake(key: string, amount: number): boolean {
    return this.#tryTake(this.#find(key), amount);
  }

  /** Takes so much, whether there is room or not; gives it back where it is negative. */
  adjust(key: string, amount: number): void {
    this.#change(this.#find(key), amount);
  }

  /** How much is taken. */
  count(key?: string): number {
    return key === undefined ? this.#taken : (this.#lanes.get(key)?.taken ?? 0);
  }

  hasWaiting(): boolean {
    return this.#waiting > 0;
  }

  /** Rejects all who wait, or would have to. */
  close(error: Error): void {
    this.#closed = error;
    for (const waiter of [...this.#lanes.values()].flatMap(({ waiters }) => waiters))
      this.#settle(waiter, error);
  }

  #find(key: string): Lane {
    return this.#lanes.get(key) ?? new Lane(key);
  }

  #tryTake(lane: Lane, amount: number): boolean {
    const hasRoom = this.#hasRoom(lane, amount);
    if (hasRoom) this.#change(lane, amount);
    return hasRoom;
  }

  #hasRoom(lane: Lane, amount: number): boolean {
    const { perKey, total } = this.#options;
    const free = total - this.#taken;
    const most = typeof perKey === "number" ? perKey : perKey(free);
    return amount <= free && lane.taken + amount <= most;
  }

  #change(lane: Lane, amount: number): void {
    lane.taken += amount;
    this.#taken += amount;
    const isWaiting = lane.waiters.length > 0;
    // Behind the others that have taken as much.
    if (isWaiting && amount < 0) this.#lanes.delete(lane.key);
    if (isWaiting || lane.taken + lane.sliceMs > 0) this.#lanes.set(lane.key, lane);
    else if (this.#lanes.get(lane.key) === lane) this.#lanes.delete(lane.key);
    if (amount <= 0 && this.#waiting > 0) this.#serve(lane);
  }

  #serve(changed: Lane): void {
    const isReady = (lane: Lane): boolean => {
      const [first] = lane.waiters;
      return first !== undefined && this.#hasRoom(lane, first.amount);
    };
    while (this.#closed === null && this.#waiting > 0 && this.#taken < this.#options.total) {
      // Without a limit in all, nobody else waits for what has changed.
      const lanes = this.#options.total === Infinity ? [changed] : this.#lanes.values();
      const [next] = findLeast(lanes, isReady)?.waiters ?? [];
      if (next === undefined) return;
      this.#settle(next);
    }
  }

  #wait(lane: Lane, amount: number, { weight = 1, signal }: WaitOptions = {}): Promise<void> {
    const { maxWaiting, maxWaitMs, refuse } = this.#options;
    if (this.#closed !== null) throw this.#closed;
    signal?.throwIfAborted();
    if (lane.waiting + this.#waiting + 2 * weight > maxWaiting) throw refuse(lane.key, amount);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { lane, amount, weight, resolve, reject };
    if (maxWaitMs < Infinity) {
      const giveUp = (): void => this.#settle(waiter, refuse(lane.key, amount));
      waiter.stopTimer = clock.setTimer(giveUp, maxWaitMs);
    }
    if (signal !== undefined) {
      const abort = (): void => this.#settle(waiter, signal.reason);
      signal.addEventListener("abort", abort);
      waiter.ignoreSignal = () => signal.removeEventListener("abort", abort);
    }
    lane.waiters.push(waiter);
    lane.waiting += weight;
    this.#waiting += weight;
    this.#lanes.set(lane.key, lane);
    return promise;
  }

  /** Lets it go on, or rejects it with the error. */
  #settle(waiter: Waiter, error?: unknown): void {
    const { lane, amount, weight } = waiter;
    waiter.stopTimer?.();
    waiter.ignoreSignal?.();
    lane.waiters.splice(lane.waiters.indexOf(waiter), 1);
    lane.waiting -= weight;
    this.#waiting -= weight;
    if (error === undefined) waiter.resolve();
    else waiter.reject(error);
    // The next one may need less than one that gives up.
    this.#change(lane, error === undefined ? amount : 0);
  }

  #toRelease(lane: Lane): Release {
    const { sliceMs } = this.#options;
    const isTimed = sliceMs > 0 && sliceMs < Infinity;
    const beganAt = isTimed ? clock.monotonic() : 0;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      if (sliceMs === Infinity) this.#change(lane, -1);
      else this.#endSlot(lane, isTimed ? clock.monotonic() - beganAt : 0);
    };
  }

  #endSlot(lane: Lane, durationMs: number): void {
    const { sliceMs } = this.#options;
    lane.sliceMs += durationMs;
    // Others need several turns to the end of what they do, as for a database that answers.
    if (sliceMs > 0 && lane.sliceMs > 2 * sliceMs)
      return void clock.setTimer(
        () => this.#endSlice(lane, 1),
        Math.min(lane.sliceMs, MAX_REST_MS),
      );
    if (lane.sliceMs < sliceMs) this.#change(lane, -1);
    else lane.ended += 1;
    // Once for all slots that end in a turn: each request takes some.
    if (lane.isEnding) return;
    lane.isEnding = true;
    clock.onNextTurn(() => {
      const { ended } = lane;
      lane.ended = 0;
      lane.isEnding = false;
      this.#endSlice(lane, ended);
    });
  }

  #endSlice(lane: Lane, ended: number): void {
    lane.sliceMs = 0;
    this.#change(lane, -ended);
  }
}

/** Of those that fit, the one that has taken least. */
function findLeast(lanes: Iterable<Lane>, fits: (lane: Lane) => boolean): Lane | undefined {
  let least: Lane | undefined;
  for (const lane of lanes) {
    if (fits(lane) && lane.taken < (least?.taken ?? Infinity)) least = lane;
    if (least?.taken === 0) break;
  }
  return least;
}

/** What is taken of one key, and who waits for it. */
class Lane {
  readonly key: string;
  taken = 0;
  /** For how long slots were taken in this turn of the event loop. */
  sliceMs = 0;
  /** The slots that come back in the next turn. */
  ended = 0;
  isEnding = false;
  /** What the waiters weigh. */
  waiting = 0;
  readonly waiters: Waiter[] = [];

  constructor(key: string) {
    this.key = key;
  }
}

type Waiter = {
  readonly lane: Lane;
  readonly amount: number;
  readonly weight: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  stopTimer?: () => void;
  ignoreSignal?: () => void;
};
