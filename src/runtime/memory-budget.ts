import type { CodedError } from "./coded-error.ts";
import { badUserInput, LimitError } from "./coded-error.ts";
import { Queue } from "./queue.ts";

/** How long an answer waits for others to leave. */
const PATIENCE_MS = 10_000;

const LIMIT_NAME = "unread";

/** Stands for an owner where none is known yet; no owner's id is empty. */
export const NOBODY = "";

/** The part of the whole that one owner's answers may take. */
const OWNER_PART = 1 / 4;
/** The part that answers leave free: nobody's first byte of a body, or ping, may abort what others are reading. */
const SPARE_PART = 1 / 8;

/** Bounds the memory for what clients have not read yet, or not sent in full, over HTTP and sockets together. */
export type MemoryBudget = ReturnType<typeof createMemoryBudget>;

/** Each owner may take a quarter of `mostBytes`, and hold a little more. */
export function createMemoryBudget(options: {
  readonly mostBytes: number;
  readonly patienceMs?: number;
  /** Where each answer without room, and each reservation that is aborted, is published. */
  readonly channels?: { readonly refused: { publish(limitName: string): void } };
}) {
  const { mostBytes, patienceMs = PATIENCE_MS, channels } = options;
  const mostOwnBytes = Math.floor(mostBytes * OWNER_PART);
  const mostTakenBytes = Math.floor(mostBytes * (1 - SPARE_PART));
  const owners = new Map<string, Set<Reservation>>();
  const queue = new Queue({
    perKey: mostOwnBytes,
    total: mostTakenBytes,
    maxWaitMs: patienceMs,
    refuse,
  });

  function refuse(ownerId: string, bytes: number): Error {
    channels?.refused.publish(LIMIT_NAME);
    const isOwnFull = queue.count(ownerId) + bytes > mostOwnBytes;
    return isOwnFull ? full(mostOwnBytes, OWN_FULL) : full(mostTakenBytes, ALL_FULL);
  }

  function abortLargest(holders: Iterable<Reservation>): void {
    const [first, ...others] = holders;
    if (first === undefined) return;
    const largest = others.reduce((most, one) => (one.bytes > most.bytes ? one : most), first);
    channels?.refused.publish(LIMIT_NAME);
    largest.close();
    largest.abort();
  }

  const budget: Budget = {
    queue,
    owners,
    refuse,
    makeRoom(ownerId) {
      const holders = owners.get(ownerId) ?? [];
      while (queue.count(ownerId) > mostOwnBytes * (1 + SPARE_PART)) abortLargest(holders);
      while (queue.count() > mostBytes) abortLargest(owners.values().flatMap((all) => all));
    },
  };

  return {
    /**
     * Opens an empty reservation for one answer, body or socket of this owner. `abort` closes what it belongs to. Where what
     * is refunded may still be on its way, `whenLeft` calls its argument once that has left.
     */
    open: (ownerId: string, abort: () => void, whenLeft?: (act: () => void) => void): Reservation =>
      new Reservation(budget, ownerId, abort, whenLeft),
  };
}

type Budget = {
  readonly queue: Queue;
  readonly owners: Map<string, Set<Reservation>>;
  refuse(ownerId: string, bytes: number): Error;
  /** Aborts the largest while this owner, or all together, hold too much. */
  makeRoom(ownerId: string): void;
};

/** One for each request and socket, so it has no functions of its own. */
export class Reservation {
  /** What was taken and what is charged. */
  bytes = 0;
  readonly abort: () => void;
  readonly #budget: Budget;
  readonly #ownerId: string;
  readonly #whenLeft: ((act: () => void) => void) | undefined;
  #chargedBytes = 0;
  #isOpen = true;
  /** Made for what waits. */
  #closing: AbortController | undefined;
  #listeners: (() => void)[] | undefined;

  constructor(
    budget: Budget,
    ownerId: string,
    abort: () => void,
    whenLeft: ((act: () => void) => void) | undefined,
  ) {
    this.abort = abort;
    this.#budget = budget;
    this.#ownerId = ownerId;
    this.#whenLeft = whenLeft;
    const holders = budget.owners.get(ownerId);
    if (holders === undefined) budget.owners.set(ownerId, new Set([this]));
    else holders.add(this);
  }

  /** Throws once it is closed: an operation that has failed, or whose client has left, goes on for a while. */
  check(): void {
    if (!this.#isOpen) throw over();
  }

  /** Takes more bytes; throws RATE_LIMITED, and takes nothing, where there is no room. */
  take(bytes: number): void {
    this.check();
    const { queue, refuse } = this.#budget;
    if (!queue.tryTake(this.#ownerId, bytes)) throw refuse(this.#ownerId, bytes);
    this.bytes += bytes;
  }

  /** The same, but waits up to 10 s for room, behind others of its owner. */
  async acquire(bytes: number): Promise<void> {
    this.check();
    const { queue } = this.#budget;
    this.#closing ??= new AbortController();
    await queue.take(this.#ownerId, bytes, this.#closing);
    // It may have been closed since it got room.
    if (!this.#isOpen) queue.adjust(this.#ownerId, -bytes);
    this.check();
    this.bytes += bytes;
  }

  refund(bytes: number): void {
    const refund = (): void => {
      if (this.#isOpen) this.#change(-bytes);
    };
    if (this.#whenLeft === undefined) refund();
    else this.#whenLeft(refund);
  }

  /**
   * Charges this many bytes in all from now on, whether there is room or not. While its owner, or all together, then have
   * too much, the largest reservation is aborted.
   */
  charge(bytes: number): void {
    const moreBytes = bytes - this.#chargedBytes;
    if (!this.#isOpen || moreBytes === 0) return;
    this.#chargedBytes = bytes;
    this.#change(moreBytes);
    if (moreBytes > 0) this.#budget.makeRoom(this.#ownerId);
  }

  /** Refunds everything; nothing is taken from then on, and nobody waits any longer. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const { owners } = this.#budget;
    const holders = owners.get(this.#ownerId);
    holders?.delete(this);
    if (holders?.size === 0) owners.delete(this.#ownerId);
    this.#closing?.abort(over());
    this.#change(-this.bytes);
    const listeners = this.#listeners ?? [];
    // Its connection may keep it until the next request comes, and with them all that was read.
    this.#listeners = undefined;
    for (const notify of listeners) notify();
  }

  /** Calls `act` when it is closed: the answer has left, or nobody waits for it. At once if it is closed already. */
  onClose(act: () => void): void {
    if (this.#isOpen) (this.#listeners ??= []).push(act);
    else act();
  }

  #change(bytes: number): void {
    if (bytes === 0) return;
    this.bytes += bytes;
    this.#budget.queue.adjust(this.#ownerId, bytes);
  }
}

function over(): CodedError {
  return badUserInput("The answer is over. Ask again.");
}

const OWN_FULL =
  "Too much is on its way to you already. Wait until your other answers have arrived, then ask again.";
const ALL_FULL = "Too much is on its way to everybody at the moment. Ask again in a second.";

function full(limit: number, message: string): LimitError {
  const limitName = LIMIT_NAME;
  return new LimitError(message, { limitName, code: "RATE_LIMITED", retryAfterSeconds: 1, limit });
}
