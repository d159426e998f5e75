import type { Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

import { clock } from "../../runtime/environment.ts";
import type { CodedError } from "../../runtime/coded-error.ts";
import { type HttpLimits, refuseConnection, toClientError } from "./refuse.ts";

const PATIENCE_MS = 8_000;
/** More than any client sends on one connection without waiting for an answer. */
const MAX_PIPELINED = 100;

export type Connections = ReturnType<typeof createConnections>;

/** Tends what a server will have open, but for WebSockets; cuts a connection on which nothing moves for `stallMs`. */
export function createConnections(server: Server, stallMs: number, limits: HttpLimits) {
  /** Of each connection, the answers that have not left in full, in their order. */
  const owed = new Map<Duplex, Set<ServerResponse>>();
  const streams = new Set<ServerResponse>();
  let isClosing = false;
  const list = (socket: Duplex): readonly ServerResponse[] => [...(owed.get(socket) ?? [])];
  const cut = (socket: Duplex, reason: CodedError): void => {
    // A second answer would garble one that is on its way.
    const isAnswered = list(socket).some(({ headersSent }) => headersSent);
    if (!socket.writable || isAnswered) socket.destroy();
    else refuseConnection(socket, reason);
  };
  server.maxConnections = limits.connections;
  server.on("connection", (socket) => {
    owed.set(socket, new Set());
    socket.once("close", () => owed.delete(socket));
  });
  server.on("upgrade", (_request, socket) => {
    // A handshake would garble the answer that is still owed.
    if (list(socket).length > 0) socket.destroy();
    owed.delete(socket);
  });
  // Node also calls it for connections that are idle between two requests.
  server.setTimeout(stallMs, (socket) => {
    const [first] = list(socket);
    const isBeingMade = first !== undefined && (first.req.complete || !first.headersSent);
    if (isBeingMade && socket.writableLength === 0) socket.setTimeout(stallMs);
    else socket.destroy();
  });
  server.on("clientError", ({ code = "" }: NodeJS.ErrnoException, socket) => {
    const mayBeSlow = list(socket).some(({ req }) => req.listenerCount("timeout") > 0);
    if (!mayBeSlow || code !== "ERR_HTTP_REQUEST_TIMEOUT") cut(socket, toClientError(code, limits));
  });

  return {
    /** Calls `answer` once the requests before it on its connection are answered, unless that has closed by then. */
    take(response: ServerResponse, answer: () => void): void {
      const { socket } = response.req;
      const before = list(socket);
      if (before.length === MAX_PIPELINED) socket.destroy();
      // Node still parses what it read before the connection was cut, or its last answer was given.
      if (!socket.writable) return;
      owed.get(socket)?.add(response);
      if (isClosing) response.shouldKeepAlive = false;
      response.once("close", () => {
        streams.delete(response);
        owed.get(socket)?.delete(response);
        if (isClosing && list(socket).length === 0) socket.destroySoon();
      });
      if (before.length === 0) answer();
      else before.at(-1)?.once("close", () => socket.writable && answer());
    },
    /** Lets a body take longer than others, as long as it keeps coming. */
    allowSlowBody({ req }: ServerResponse, tooSlow: CodedError): void {
      req.once("timeout", () => cut(req.socket, tooSlow));
    },
    /** Has a stream of events, which would go on for long, end when the server stops. */
    markStream(response: ServerResponse): void {
      streams.add(response);
      if (isClosing) response.destroy();
    },
    /** Cuts at once what is idle, half sent or a stream; the rest has 8 s. Resolves when no connection is open. */
    async close(): Promise<void> {
      isClosing = true;
      const closed = new Promise((resolve) => void server.close(resolve));
      for (const stream of streams) stream.destroy();
      for (const socket of owed.keys()) {
        const last = list(socket).findLast(({ req }) => req.complete);
        // An earlier one would end its connection before the last answer.
        if (last === undefined) socket.destroy();
        else last.shouldKeepAlive = false;
      }
      await closed.finally(clock.setTimer(() => server.closeAllConnections(), PATIENCE_MS));
    },
  };
}
