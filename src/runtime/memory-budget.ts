import type { CodedError } from "./coded-error.ts";
import { badUserInput, LimitError } from "./coded-error.ts";

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
  /** Opens an empty share for one answer, body or socket of this owner; `cut` closes what it belongs to. */
  open(ownerId: string, cut: () => void): Reservation;
};

export type Reservation = {
  /** Takes more bytes; throws RATE_LIMITED, and takes nothing, where there is no room. */
  take(bytes: number): void;
  /** The same, but waits up to 10 s for room, behind others of its owner. */
  takeInTurn(bytes: number): Promise<void>;
  give(bytes: number): void;
  /**
   * Holds so many bytes from now on, whether there is room or not. While its owner, or all together, then hold too much,
   * the share that holds most is cut.
   */
  hold(bytes: number): void;
  /** Gives everything back; nothing is taken from then on, and nobody waits any longer. */
  close(): void;
  /** Throws once it is closed: what nobody waits for is not made. */
  check(): void;
  /** Calls `act` when it is closed: the answer has left, or nobody waits for it. At once if it is closed already. */
  onClose(act: () => void): void;
};

type Owner = { bytes: number; readonly holders: Set<Holder>; readonly waiting: Set<Waiting> };
/** `bytes` are what was taken and what is held. */
type Holder = { bytes: number; heldBytes: number; close(): void; cut(): void };
type Waiting = {
  readonly holder: Holder;
  readonly bytes: number;
  settle(error: Error | null): void;
};

/** Each owner may take a quarter of `mostBytes`, and hold a little more. */
export function createMemoryBudget(options: {
  readonly mostBytes: number;
  readonly patienceMs?: number;
  /** Where each answer without room, and each share that is cut, is published. */
  readonly channels?: { readonly refused: { publish(limitName: string): void } };
}): MemoryBudget {
  const { mostBytes, patienceMs = PATIENCE_MS, channels } = options;
  const mostOwnBytes = Math.floor(mostBytes * OWNER_PART);
  const mostTakenBytes = Math.floor(mostBytes * (1 - SPARE_PART));
  const owners = new Map<string, Owner>();
  /** Those with somebody who waits. */
  const lines = new Set<Owner>();
  let total = 0;

  function findProblem(owner: Owner, bytes: number): Error | null {
    if (owner.bytes + bytes > mostOwnBytes) return full(mostOwnBytes, OWN_FULL);
    return total + bytes > mostTakenBytes ? full(mostTakenBytes, ALL_FULL) : null;
  }

  function change(owner: Owner, holder: Holder, bytes: number): void {
    holder.bytes += bytes;
    owner.bytes += bytes;
    total += bytes;
    if (bytes < 0) for (const line of lines) serve(line);
  }

  /** In their order, so that small answers do not overtake a large one again and again. */
  function serve(owner: Owner): void {
    for (const { holder, bytes, settle } of owner.waiting) {
      if (findProblem(owner, bytes) !== null) return;
      change(owner, holder, bytes);
      settle(null);
    }
  }

  function waitInTurn(owner: Owner, holder: Holder, bytes: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      channels?.refused.publish(LIMIT_NAME);
      waiting.settle(findProblem(owner, bytes) ?? full(mostTakenBytes, ALL_FULL));
      // The next one may need less.
      serve(owner);
    }, patienceMs);
    const waiting: Waiting = {
      holder,
      bytes,
      settle(error) {
        clearTimeout(timer);
        owner.waiting.delete(waiting);
        if (owner.waiting.size === 0) lines.delete(owner);
        if (error === null) resolve();
        else reject(error);
      },
    };
    owner.waiting.add(waiting);
    lines.add(owner);
    return promise;
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
      const owner = owners.get(ownerId) ?? { bytes: 0, holders: new Set(), waiting: new Set() };
      owners.set(ownerId, owner);
      const holder: Holder = { bytes: 0, heldBytes: 0, close, cut };
      owner.holders.add(holder);
      let isOpen = true;
      const listeners: (() => void)[] = [];

      /** An operation that has failed, or whose client has left, goes on for a while. */
      function check(): void {
        if (!isOpen) throw over();
      }

      function take(bytes: number): void {
        check();
        const problem = findProblem(owner, bytes);
        if (problem !== null) {
          channels?.refused.publish(LIMIT_NAME);
          throw problem;
        }
        change(owner, holder, bytes);
      }

      function close(): void {
        if (!isOpen) return;
        isOpen = false;
        owner.holders.delete(holder);
        for (const waiting of owner.waiting) if (waiting.holder === holder) waiting.settle(over());
        change(owner, holder, -holder.bytes);
        if (owner.holders.size === 0) owners.delete(ownerId);
        for (const hear of listeners) hear();
      }

      return {
        take,
        async takeInTurn(bytes) {
          const mustWait = owner.waiting.size > 0 || findProblem(owner, bytes) !== null;
          if (isOpen && mustWait) await waitInTurn(owner, holder, bytes);
          else take(bytes);
        },
        give(bytes) {
          if (isOpen) change(owner, holder, -bytes);
        },
        hold(bytes) {
          if (!isOpen) return;
          const moreBytes = bytes - holder.heldBytes;
          holder.heldBytes = bytes;
          change(owner, holder, moreBytes);
          const isTooMuch = () => total > mostBytes;
          while (owner.bytes > mostOwnBytes * (1 + SPARE_PART)) cutLargest(owner.holders);
          while (isTooMuch()) cutLargest(owners.values().flatMap(({ holders }) => holders));
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
