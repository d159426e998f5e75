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
/** The part that answers leave free: nobody's first byte of a body, or ping, may cut what others are reading. */
const SPARE_PART = 1 / 8;

/** Bounds the memory for what clients have not read yet, or not sent in full, over HTTP and sockets together. */
export type MemoryBudget = {
  /** Opens an empty reservation for one answer, body or socket of this owner; `cut` closes what it belongs to. */
  open(ownerId: string, cut: () => void): Reservation;
};

export type Reservation = {
  /** Takes more bytes; throws RATE_LIMITED, and takes nothing, where there is no room. */
  take(bytes: number): void;
  /** The same, but waits up to 10 s for room, behind others of its owner. */
  takeOrWait(bytes: number): Promise<void>;
  give(bytes: number): void;
  /**
   * Holds so many bytes from now on, whether there is room or not. While its owner, or all together, then hold too much,
   * the reservation that holds most is cut.
   */
  hold(bytes: number): void;
  /** Gives everything back; nothing is taken from then on, and nobody waits any longer. */
  close(): void;
  /** Throws once it is closed: what nobody waits for is not made. */
  check(): void;
  /** Calls `act` when it is closed: the answer has left, or nobody waits for it. At once if it is closed already. */
  onClose(act: () => void): void;
};

/** `bytes` are what was taken and what is held. */
type Holder = { bytes: number; heldBytes: number; close(): void; cut(): void };

/** Each owner may take a quarter of `mostBytes`, and hold a little more. */
export function createMemoryBudget(options: {
  readonly mostBytes: number;
  readonly patienceMs?: number;
  /** Where each answer without room, and each reservation that is cut, is published. */
  readonly channels?: { readonly refused: { publish(limitName: string): void } };
}): MemoryBudget {
  const { mostBytes, patienceMs = PATIENCE_MS, channels } = options;
  const mostOwnBytes = Math.floor(mostBytes * OWNER_PART);
  const mostTakenBytes = Math.floor(mostBytes * (1 - SPARE_PART));
  const owners = new Map<string, Set<Holder>>();
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

  function cutLargest(holders: Iterable<Holder>): void {
    const [first, ...others] = holders;
    if (first === undefined) return;
    const largest = others.reduce((most, one) => (one.bytes > most.bytes ? one : most), first);
    channels?.refused.publish(LIMIT_NAME);
    largest.close();
    largest.cut();
  }

  return {
    open(ownerId, cut) {
      const holders = owners.get(ownerId) ?? new Set();
      owners.set(ownerId, holders);
      const holder: Holder = { bytes: 0, heldBytes: 0, close, cut };
      holders.add(holder);
      let isOpen = true;
      /** Made for what waits. */
      let closing: AbortController | undefined;
      const listeners: (() => void)[] = [];

      /** An operation that has failed, or whose client has left, goes on for a while. */
      function check(): void {
        if (!isOpen) throw over();
      }

      function take(bytes: number): void {
        check();
        if (!queue.tryTake(ownerId, bytes)) throw refuse(ownerId, bytes);
        holder.bytes += bytes;
      }

      function change(bytes: number): void {
        holder.bytes += bytes;
        queue.adjust(ownerId, bytes);
      }

      function close(): void {
        if (!isOpen) return;
        isOpen = false;
        holders.delete(holder);
        if (holders.size === 0) owners.delete(ownerId);
        closing?.abort(over());
        change(-holder.bytes);
        for (const hear of listeners) hear();
      }

      return {
        take,
        async takeOrWait(bytes) {
          check();
          closing ??= new AbortController();
          await queue.take(ownerId, bytes, closing);
          // It may have been closed since it got room.
          if (!isOpen) queue.adjust(ownerId, -bytes);
          check();
          holder.bytes += bytes;
        },
        give(bytes) {
          if (isOpen) change(-bytes);
        },
        hold(bytes) {
          if (!isOpen) return;
          const moreBytes = bytes - holder.heldBytes;
          holder.heldBytes = bytes;
          change(moreBytes);
          const isTooMuch = () => queue.count() > mostBytes;
          while (queue.count(ownerId) > mostOwnBytes * (1 + SPARE_PART)) cutLargest(holders);
          while (isTooMuch()) cutLargest(owners.values().flatMap((all) => all));
        },
        close,
        check,
        onClose(act) {
          if (isOpen) listeners.push(act);
          else act();
        },
      };
    },
  };
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
