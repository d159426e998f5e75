import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Of one connection; it is not read on while others wait behind them. */
const MOST_AT_ONCE = 100;

/** Bounds the answers that are made at once for a client that sends requests without waiting for them. */
type AnswerTurns = {
  /** Calls `answer` at once, or when fewer answers are owed on the same connection; never when that has closed. */
  take(response: ServerResponse, answer: () => void): void;
};

export function createAnswerTurns(): AnswerTurns {
  const begun = new WeakMap<Socket, number>();
  /** What is to be begun later, in its order. */
  const queues = new WeakMap<Socket, (() => void)[]>();

  function begin({ socket, response, answer }: Turn): void {
    begun.set(socket, countBegun(socket) + 1);
    response.once("close", () => {
      begun.set(socket, countBegun(socket) - 1);
      beginNext(socket);
    });
    answer();
  }

  function beginNext(socket: Socket): void {
    const next = socket.destroyed ? undefined : queues.get(socket)?.shift();
    if (next !== undefined) next();
    else if (queues.delete(socket)) socket.resume();
  }

  function queue(turn: Turn): void {
    const { socket } = turn;
    const waiting = queues.get(socket) ?? [];
    queues.set(socket, waiting);
    waiting.push(() => begin(turn));
    // The end of each request that is parsed now would undo it.
    queueMicrotask(() => {
      if (queues.has(socket)) stopReading(socket);
    });
  }

  function countBegun(socket: Socket): number {
    return begun.get(socket) ?? 0;
  }

  return {
    take(response, answer) {
      const { socket } = response.req;
      const turn = { socket, response, answer };
      if (countBegun(socket) < MOST_AT_ONCE) begin(turn);
      else queue(turn);
    },
  };
}

type Turn = {
  readonly socket: Socket;
  readonly response: ServerResponse;
  readonly answer: () => void;
};

/** What has been read by then is parsed all the same: a chunk's worth of requests, which wait. */
function stopReading(socket: Socket): void {
  // Node's parser reads past a stream that is paused, until somebody else listens.
  if (socket.listenerCount("data", ignore) === 0) socket.on("data", ignore);
  socket.pause();
}

function ignore(): void {
  // It is the parser that reads.
}
