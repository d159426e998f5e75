import { GraphQLError } from "graphql";

import { LimitError } from "../job/limit-error.ts";
import { overLimit } from "./coded-errors.ts";

/** What an answer may take without being counted: the answers of most operations are no larger. */
const SMALL_BYTES = 16_384;

/** How long an answer waits for others to leave. */
const PATIENCE_MS = 10_000;

/** Bounds the inputs and outputs that are in memory for answers which have not left. */
export type AnswerBudget = {
  /** For one answer of this owner, which takes nothing yet. */
  open(ownerId: string): AnswerShare;
};

/** What one answer takes of the budget. */
export type AnswerShare = {
  /** Takes so much in all, unless it has it; throws RATE_LIMITED where that is not left, and takes nothing more then. */
  grow(bytes: number): void;
  /** The same, but waits behind its owner's others until there is room, for 10 s at most. One at a time. */
  growInTurn(bytes: number): Promise<void>;
  /** Gives all of it back; it takes nothing from then on, and waits no longer. */
  close(): void;
};

/** `proceed` is called where there is room for so many bytes, and takes them. */
type Waiting = { readonly bytes: number; readonly proceed: () => void };

/** An owner may take twice the largest answer, and all owners together eight times. */
export function createAnswerBudget(
  mostAnswerBytes: number,
  { patienceMs = PATIENCE_MS }: { readonly patienceMs?: number } = {},
): AnswerBudget {
  const mostOwnBytes = 2 * mostAnswerBytes;
  const mostBytes = 8 * mostAnswerBytes;
  const taken = new Map<string, number>();
  /** By owner, so that one who reads nothing holds up nobody else. */
  const queues = new Map<string, Set<Waiting>>();
  let total = 0;

  function hasRoom(ownerId: string, bytes: number): boolean {
    return (taken.get(ownerId) ?? 0) + bytes <= mostOwnBytes && total + bytes <= mostBytes;
  }

  function take(ownerId: string, bytes: number): void {
    const own = (taken.get(ownerId) ?? 0) + bytes;
    if (own > mostOwnBytes)
      throw full("Your answers that have not been read yet", mostOwnBytes, "Read them");
    if (total + bytes > mostBytes)
      throw full("The answers of this gateway that have not been read yet", mostBytes, "Wait");
    set(ownerId, own);
    total += bytes;
  }

  function giveBack(ownerId: string, bytes: number): void {
    set(ownerId, (taken.get(ownerId) ?? 0) - bytes);
    total -= bytes;
    for (const [waitingId, queue] of queues) serve(waitingId, queue);
  }

  /** So that it holds no owner who takes nothing. */
  function set(ownerId: string, bytes: number): void {
    if (bytes > 0) taken.set(ownerId, bytes);
    else taken.delete(ownerId);
  }

  function serve(ownerId: string, queue: ReadonlySet<Waiting>): void {
    for (const { bytes, proceed } of queue) {
      if (!hasRoom(ownerId, bytes)) return;
      proceed();
    }
  }

  /** Puts it behind the others of this owner; what it returns ends that. */
  function enqueue(ownerId: string, waiting: Waiting): () => void {
    const queue = queues.get(ownerId) ?? new Set();
    queues.set(ownerId, queue.add(waiting));
    return () => {
      queue.delete(waiting);
      if (queue.size === 0 && queues.get(ownerId) === queue) queues.delete(ownerId);
    };
  }

  return {
    open(ownerId) {
      let ownBytes = 0;
      let isOpen = true;
      let stopWaiting = (): void => undefined;

      function grow(bytes: number): void {
        if (bytes <= SMALL_BYTES || bytes <= ownBytes) return;
        // An operation that fails as a whole, or whose client has left, goes on reading for a while.
        if (!isOpen) throw new GraphQLError("The answer is over. Ask again.");
        take(ownerId, bytes - ownBytes);
        ownBytes = bytes;
      }

      /** Resolves with the room taken, or without it when time or the answer is over. */
      function waitForRoom(bytes: number): Promise<void> {
        const { promise, resolve } = Promise.withResolvers<void>();
        const leave = enqueue(ownerId, {
          bytes: bytes - ownBytes,
          proceed() {
            stopWaiting();
            // At once, before the next in the queue is asked.
            grow(bytes);
          },
        });
        const timer = setTimeout(() => {
          stopWaiting();
          // The next one may need less.
          giveBack(ownerId, 0);
        }, patienceMs);
        stopWaiting = () => {
          clearTimeout(timer);
          leave();
          resolve();
        };
        return promise;
      }

      return {
        grow,
        async growInTurn(bytes) {
          const isCounted = isOpen && bytes > SMALL_BYTES && bytes > ownBytes;
          const mustWait = queues.has(ownerId) || !hasRoom(ownerId, bytes - ownBytes);
          if (isCounted && mustWait) await waitForRoom(bytes);
          grow(bytes);
        },
        close() {
          if (!isOpen) return;
          isOpen = false;
          stopWaiting();
          giveBack(ownerId, ownBytes);
        },
      };
    },
  };
}

function full(what: string, limit: number, step: string): GraphQLError {
  return overLimit(
    new LimitError(
      `${what} have more than ${limit / 1_048_576} MiB of inputs and outputs with this one. ${step}, then ask again.`,
      { code: "RATE_LIMITED", retryAfterSeconds: 1, limit },
    ),
  );
}
