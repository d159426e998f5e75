import { createServer } from "node:http";

import { listen, toUrlHost } from "../../runtime/listen.ts";
import type { Figure } from "../../engine/diagnostics/figure.ts";
import { createOperations } from "../operations/create-operations.ts";
import { createMaskError } from "../operations/mask-error.ts";
import { createRequestRates, createSlots } from "../operations/owner-limits.ts";
import { createAnswer } from "./answer-request.ts";
import { createConnections } from "./connections.ts";
import { createOrigins } from "./origins.ts";
import { openGraphiql } from "./graphiql.ts";
import { methodNotAllowed, refuseConnection } from "./refuse.ts";
import type { ServerOptions } from "./server-parts.ts";
import { createCredentials } from "./credentials.ts";
import { createSocketService } from "./socket-service.ts";
import { serveWebSocket, wantsSocket } from "./web-socket.ts";

/** How late a slow request may be found. */
const CHECK_MS = 1_000;
/**
 * More than the pause between two signs of life of an event stream. With bytes in the queue Node waits for it twice, and
 * nobody may dawdle for 30 s.
 */
const STALL_MS = 13_000;

/**
 * Serves a schema over HTTP, WebSocket and server-sent events. Rejects with a `SetupError`. `close` stops accepting,
 * cuts event streams without completing them, lets what is being answered finish for 8 s, and resolves when nothing is
 * open.
 */
export async function startServer(options: ServerOptions): Promise<{
  readonly url: string;
  readonly port: number;
  readonly figures: readonly Figure[];
  /** Lets `/ready` fail from now on, and answers everything else as before. */
  leave(): void;
  close(): Promise<void>;
}> {
  const { host, httpAccess, channels, log } = options;
  const { http, webSocket: socket } = options.limits;
  const { publicUrl } = options.files;
  const server = createServer({
    headersTimeout: http.requestSeconds * 1_000,
    requestTimeout: http.requestSeconds * 1_000,
    keepAliveTimeout: http.idleSeconds * 1_000,
    connectionsCheckingInterval: CHECK_MS,
    maxHeaderSize: http.headersBytes,
    insecureHTTPParser: false,
    // Any other request for a change of protocol is answered without one.
    shouldUpgradeCallback: wantsSocket,
  });
  const origins = createOrigins({ ...httpAccess, publicUrl, log });
  const credentials = createCredentials({ ...options, origins });
  server.on("connect", (_request, socket) =>
    refuseConnection(socket, methodNotAllowed("The gateway is no proxy. Send GET or POST.")),
  );
  const connections = createConnections(server, STALL_MS, http);
  const maskError = createMaskError({ log, hasSuggestions: httpAccess.hasIntrospection });
  let isLeaving = false;
  const parts = {
    ...options,
    isLeaving: () => isLeaving,
    connections,
    maskError,
    operations: createOperations({
      ...options,
      ...httpAccess,
      limits: { ...options.limits.document, subscriptions: socket.subscriptions },
      maskError,
    }),
    origins,
    credentials,
    rates: createRequestRates(channels),
    socketSlots: createSlots({ what: "sockets", most: http.connections, channels }),
  };
  const graphiql = openGraphiql({
    ...options,
    isOn: httpAccess.hasGraphiql,
    asksCredential: !httpAccess.isOpen,
  });
  const answer = createAnswer(parts, graphiql);
  for (const event of ["request", "checkContinue"] as const) {
    server.on(event, (request, response) => {
      connections.take(response, () => {
        const mustAsk = event === "checkContinue";
        answer(request, response, mustAsk).catch((error: unknown) => {
          if (!request.destroyed) log.error({ err: error }, "A request failed inside the gateway.");
          response.destroy();
        });
      });
    });
  }
  const webSocket = serveWebSocket(server, createSocketService(parts), parts);
  const port = await listen(server, { port: options.port, host, variable: "PORT" });

  return {
    url: `http://${toUrlHost(host)}:${port}`,
    port,
    figures: [
      { name: "sockets_open", help: "WebSockets that are open.", read: parts.socketSlots.count },
      {
        name: "watchers_open",
        help: "Subscriptions that are open, event streams included.",
        read: parts.operations.countSubscriptions,
      },
    ],
    leave: () => void (isLeaving = true),
    async close() {
      await Promise.all([connections.close(), webSocket.close()]);
    },
  };
}
