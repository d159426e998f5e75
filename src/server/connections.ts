import { once } from "node:events";
import type { Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

const IDLE_SWEEP_MS = 1_000;
const SWEEP_MS = 50;
const PATIENCE_MS = 8_000;

/** What a server has open, but for WebSockets. */
export type Connections = {
  /** Says that an answer is a stream of events, which would go on for long. */
  markStream(response: ServerResponse): void;
  /** Whether the first bytes of an answer have left on a connection, and the last have not. */
  isAnswered(socket: Duplex): boolean;
  /** Whether a request that came on a connection has not been answered to its end. */
  owesAnswer(socket: Duplex): boolean;
  close(): Promise<void>;
};

/**
 * Keeps count of what a server that does not listen yet will have open. A connection on which nothing has moved for
 * `stallMs` is cut unless its answer is still being made, and one without another request `idleMs` after an answer.
 * `close` stops accepting, cuts at once what is idle, half sent or an event stream, which so does not complete, lets
 * what is being answered finish for 8 s, and resolves when nothing is open, WebSockets included.
 */
export function trackConnections(
  server: Server,
  { stallMs, idleMs }: { readonly stallMs: number; readonly idleMs: number },
): Connections {
  /** With the moment of the last answer's end; null while a request is there, and before the first. */
  const sockets = new Map<Socket, number | null>();
  const responses = new Set<ServerResponse>();
  const streams = new WeakSet<ServerResponse>();
  server.on("connection", (socket) => {
    sockets.set(socket, null);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("upgrade", ({ socket }) => sockets.delete(socket));
  for (const event of ["request", "checkContinue"] as const) {
    server.on(event, ({ socket }, response) => {
      responses.add(response);
      sockets.set(socket, null);
      response.once("close", () => {
        responses.delete(response);
        if (sockets.has(socket)) sockets.set(socket, performance.now());
      });
    });
  }

  // Node calls it for what is idle between two requests too.
  server.setTimeout(stallMs, (socket) => {
    const isBeingMade = socket.writableLength === 0 && responsesOn(socket).length > 0;
    if (isBeingMade) socket.setTimeout(stallMs);
    else socket.destroy();
  });

  // For Node a connection is not idle when empty lines arrive on it.
  const idleSweep = setInterval(() => {
    const since = performance.now() - idleMs;
    for (const [socket, idleSince] of sockets) {
      if (idleSince === null || idleSince > since || responsesOn(socket).length > 0) continue;
      socket.destroy();
    }
  }, IDLE_SWEEP_MS).unref();

  function responsesOn(socket: Duplex): readonly ServerResponse[] {
    return [...responses].filter(({ req }) => req.socket === socket);
  }

  function cutStreams(): void {
    for (const response of responses) if (streams.has(response)) response.destroy();
  }

  return {
    markStream: (response) => void streams.add(response),
    isAnswered: (socket) => responsesOn(socket).some(({ headersSent }) => headersSent),
    owesAnswer: (socket) => responsesOn(socket).length > 0,
    async close() {
      const closed = once(server, "close");
      server.close();
      cutStreams();
      const answered = [...responses].filter(({ req }) => req.complete);
      // Those before the last one of a connection would end it too early.
      const last = new Map(answered.map((response) => [response.req.socket, response]));
      for (const response of last.values()) response.shouldKeepAlive = false;
      for (const socket of sockets.keys()) if (!last.has(socket)) socket.destroy();
      // Some begin to stream, or fall idle, only a moment later.
      const sweep = setInterval(() => {
        cutStreams();
        server.closeIdleConnections();
      }, SWEEP_MS);
      const impatience = setTimeout(() => server.closeAllConnections(), PATIENCE_MS);
      try {
        await closed;
      } finally {
        clearInterval(idleSweep);
        clearInterval(sweep);
        clearTimeout(impatience);
      }
    },
  };
}
