import { GraphQLError } from "graphql";

import { LimitError } from "../job/errors.ts";
import { overLimit } from "./coded-errors.ts";

/** How long an answer waits for others to leave. */
const PATIENCE_MS = 10_000;

/** Whose all is that belongs to no owner yet; no owner's id is empty. */
export const NOBODY = "";

/** The part of all that one owner may hold. */
const OWNER_PART = 1 / 4;

/** Bounds what is in memory for clients that have not read it, or not sent it in full, whichever way it travels. */
export type Backlog = {
  /** For one answer, body or socket of this owner, which holds nothing yet. `cut` closes what it belongs to. */
  open(ownerId: string, cut: () => void): BacklogShare;
};

export type BacklogShare = {
  /** Takes so many bytes more; throws RATE_LIMITED where there is no room for them, and takes nothing then. */
  take(bytes: number): void;
  /** The same, but waits behind its owner's others until there is room, for 10 s at most. */
  takeInTurn(bytes: number): Promise<void>;
  /** Gives so many bytes back. */
  give(bytes: number): void;
  /**
   * Holds so many bytes from now on, whether there is room or not. Where its owner, or all together, hold too much with
   * them, the share that holds most is cut, and so on.
   */
  hold(bytes: number): void;
  /** Gives all back; nothing is taken from then on, and nobody waits any longer. */
  close(): void;
};

type Owner = { bytes: number; readonly holders: Set<Holder>; readonly waiting: Set<Waiting> };
type Holder = { bytes: number; close(): void; cut(): void };
type Waiting = {
  readonly holder: Holder;
  readonly bytes: number;
  readonly settle: (error: Error | null) => void;
};

/** Makes one that is empty; each owner may hold a quarter of it. */
export function createBacklog(options: {
  readonly mostBytes: number;
  readonly patienceMs?: number;
}): Backlog {
  const { mostBytes, patienceMs = PATIENCE_MS } = options;
  const mostOwnBytes = Math.floor(mostBytes * OWNER_PART);
  const owners = new Map<string, Owner>();
  let total = 0;

  function findProblem(owner: Owner, bytes: number): Error | null {
    if (owner.bytes + bytes > mostOwnBytes) return ownFull(mostOwnBytes);
    return total + bytes > mostBytes ? allFull(mostBytes) : null;
  }

  function change(owner: Owner, holder: Holder, bytes: number): void {
    holder.bytes += bytes;
    owner.bytes += bytes;
    total += bytes;
    if (bytes < 0) for (const other of owners.values()) serve(other);
  }

  /** In their order, so that a small answer does not pass a large one by again and again. */
  function serve(owner: Owner): void {
    for (const { holder, bytes, settle } of owner.waiting) {
      if (findProblem(owner, bytes) !== null) return;
      change(owner, holder, bytes);
      settle(null);
    }
  }

  function cutLargest(holders: Iterable<Holder>): void {
    let largest: Holder | null = null;
    for (const holder of holders) {
      if (largest === null || holder.bytes > largest.bytes) largest = holder;
    }
    largest?.close();
    largest?.cut();
  }

  function* allHolders(): Generator<Holder> {
    for (const { holders } of owners.values()) yield* holders;
  }

  function waitInTurn(owner: Owner, holder: Holder, bytes: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      waiting.settle(findProblem(owner, bytes) ?? allFull(mostBytes));
      // The next one may need less.
      serve(owner);
    }, patienceMs);
    const waiting: Waiting = {
      holder,
      bytes,
      settle(error) {
        clearTimeout(timer);
        owner.waiting.delete(waiting);
        if (error === null) resolve();
        else reject(error);
      },
    };
    owner.waiting.add(waiting);
    return promise;
  }

  return {
    open(ownerId, cut) {
      const owner = owners.get(ownerId) ?? { bytes: 0, holders: new Set(), waiting: new Set() };
      owners.set(ownerId, owner);
      const holder: Holder = { bytes: 0, close, cut };
      owner.holders.add(holder);

      // An operation that fails as a whole, or whose client has left, goes on reading for a while.
      function checkOpen(): void {
        if (!owner.holders.has(holder)) throw over();
      }

      function take(bytes: number): void {
        checkOpen();
        const problem = findProblem(owner, bytes);
        if (problem !== null) throw problem;
        change(owner, holder, bytes);
      }

      function close(): void {
        if (!owner.holders.delete(holder)) return;
        for (const waiting of owner.waiting) if (waiting.holder === holder) waiting.settle(over());
        change(owner, holder, -holder.bytes);
        if (owner.holders.size === 0) owners.delete(ownerId);
      }

      return {
        take,
        async takeInTurn(bytes) {
          checkOpen();
          const mustWait = owner.waiting.size > 0 || findProblem(owner, bytes) !== null;
          if (mustWait) await waitInTurn(owner, holder, bytes);
          else take(bytes);
        },
        give(bytes) {
          if (owner.holders.has(holder)) change(owner, holder, -bytes);
        },
        hold(bytes) {
          if (!owner.holders.has(holder)) return;
          change(owner, holder, bytes - holder.bytes);
          const isTooMuch = () => total > mostBytes;
          while (owner.bytes > mostOwnBytes) cutLargest(owner.holders);
          while (isTooMuch()) cutLargest(allHolders());
        },
        close,
      };
    },
  };
}

function over(): GraphQLError {
  return new GraphQLError("The answer is over. Ask again.");
}

function ownFull(limit: number): GraphQLError {
  return full(
    limit,
    "Too much is on its way to you already. Wait until your other answers have arrived, then ask again.",
  );
}

function allFull(limit: number): GraphQLError {
  return full(limit, "Too much is on its way to everybody at the moment. Ask again in a second.");
}

function full(limit: number, message: string): GraphQLError {
  return overLimit(new LimitError(message, { code: "RATE_LIMITED", retryAfterSeconds: 1, limit }));
}
