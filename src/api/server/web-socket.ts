import { once } from "node:events";
import type { IncomingMessage, Server } from "node:http";

import { handleProtocols } from "graphql-ws";
import type { Server as SocketService } from "graphql-ws";
import { WebSocketServer } from "ws";

import { CodedError } from "../../runtime/coded-error.ts";
import { chance, clock } from "../../runtime/environment.ts";
import { checkHeaders } from "./read-request.ts";
import { badRequest, notFound, refuseConnection } from "./refuse.ts";
import { SocketSession } from "./socket-session.ts";
import type { ServerParts } from "./server-parts.ts";
import { GRAPHQL_PATH } from "./server-parts.ts";

/** How long a client may take to answer a close; an option that the types of ws lack. */
const CLOSING = { closeTimeout: 2_000 };
/** Of one message; clients need none, and each costs more than its bytes. */
const MAX_FRAGMENTS = 1_024;
const MAX_CHUNKS = 16_384;
const KEEP_ALIVE_MS = 12_000;

/** Whether a request asks for a WebSocket, and not for another protocol that is not spoken here. */
export function wantsSocket({ method, headers: { upgrade = "" } }: IncomingMessage): boolean {
  return method === "GET" && upgrade.toLowerCase() === "websocket";
}

/**
 * Opens WebSockets for the upgrades of a server. `close` closes every socket with 1001, so that clients come back later. A
 * closing socket waits 2 s for its client, and is then cut.
 */
export function serveWebSocket(
  server: Server,
  service: SocketService<SocketSession>,
  parts: ServerParts,
): { close(): Promise<void> } {
  const { origins, credentials, log } = parts;
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: parts.limits.webSocket.messageBytes,
    maxFragments: MAX_FRAGMENTS,
    maxBufferedChunks: MAX_CHUNKS,
    // A small message may unpack to a large one.
    perMessageDeflate: false,
    // The session does, as far as its client reads.
    autoPong: false,
    ...CLOSING,
    handleProtocols,
  });
  const open = new Set<SocketSession>();
  const stopPinging = clock.repeat(() => {
    const payload = chance.bytes(4);
    for (const session of open) session.ping(payload);
  }, KEEP_ALIVE_MS);
  server.on("upgrade", (request, connection, head) => {
    if (connection.destroyed) return undefined;
    try {
      checkHeaders(request);
      origins.checkName(request, false);
      if (request.url?.split("?", 1)[0] !== GRAPHQL_PATH)
        throw notFound(`No socket is here. GraphQL is at ${GRAPHQL_PATH}.`);
      if (origins.isForeign(request)) throw FOREIGN;
    } catch (error) {
      if (error instanceof CodedError) return refuseConnection(connection, error);
      throw error;
    }
    const cookie = credentials.findCookie(request);
    sockets.handleUpgrade(request, connection, head, (socket) => {
      const session = new SocketSession(socket, connection, cookie, parts);
      const closed = service.opened(session, session);
      open.add(session);
      socket.once("close", (code, reason) => {
        open.delete(session);
        for (const leave of session.leave) leave();
        for (const id of session.operations.keys()) session.endOperation(id);
        closed(code, String(reason)).catch((error: unknown) => {
          log.debug({ err: error }, "A WebSocket's operations could not be ended.");
        });
      });
    });
  });
  sockets.on("wsClientError", (error, connection) => {
    log.debug({ reason: error.message }, "An upgrade was refused.");
    refuseConnection(connection, NO_HANDSHAKE);
  });

  return {
    async close() {
      stopPinging();
      const closed = once(sockets, "close");
      sockets.close();
      for (const socket of sockets.clients) socket.close(1001, "Going away");
      await closed;
    },
  };
}

const FOREIGN = new CodedError(
  "FORBIDDEN",
  "Pages of this origin may not open sockets here. Add the origin to CORS_ORIGINS.",
);

const NO_HANDSHAKE = badRequest(
  "This is no WebSocket handshake of version 13. Connect with a WebSocket client.",
  { "sec-websocket-version": "13" },
);
