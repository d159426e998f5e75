import { once } from "node:events";
import type { Server } from "node:http";
import { createServer } from "node:http";

import type { GraphQLSchema } from "graphql";
import type { Logger } from "pino";

import type { Authenticator } from "../auth/authenticator.ts";
import type { Sessions } from "../auth/sessions.ts";
import type { Config } from "../config/load-config.ts";
import type { Deployment } from "../deployments/catalogue.ts";
import type { Backlog } from "../schema/backlog.ts";
import { createAnswer } from "./answer-request.ts";
import { trackConnections } from "./connections.ts";
import type { CreateContext } from "./create-graphql.ts";
import { createGraphql } from "./create-graphql.ts";
import { createGraphiqlPage } from "./graphiql-page.ts";
import { createMaskError } from "./mask-error.ts";
import { createOrigins } from "./origins.ts";
import { createRequestRates, createSlots } from "./owner-limits.ts";
import { createSocketService } from "./socket-service.ts";
import type { TrustedDocuments } from "./documents/trusted-documents.ts";
import { serveWebSocket, wantsSocket } from "./web-socket.ts";

const GRAPHQL_PATH = "/graphql";
/** How late a slow request may be found. */
const CHECK_MS = 1_000;
/**
 * More than the pause between two signs of life of an event stream. With bytes in the queue Node waits for it twice, and
 * nobody may dawdle for 30 s.
 */
const STALL_MS = 13_000;

/** The address can't be listened on; the text says why and what to do. */
class ListenError extends Error {
  override readonly name = "ListenError";
}

/**
 * Serves a schema over HTTP, WebSocket and server-sent events. Rejects with a `ListenError`. `close` stops accepting,
 * cuts event streams without completing them, lets what is being answered finish for 8 s, and resolves when nothing is
 * open.
 */
export async function startServer(options: {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly schema: GraphQLSchema;
  readonly createContext: CreateContext;
  /** Rejects unless the database answers. */
  readonly checkDatabase: () => Promise<void>;
  /** The deployment that GraphiQL's example submits to where everybody is let in; null where none is known. */
  readonly example: Deployment | null;
  /** Whether what is submitted runs in the sandbox. */
  readonly isSandbox: boolean;
  readonly authenticator: Pick<Authenticator, "authenticate">;
  readonly sessions: Sessions;
  readonly backlog: Backlog;
  readonly doors: {
    /** Whether everybody is let in, so that only this machine may reach the gateway. */
    readonly isOpen: boolean;
    readonly origins: readonly string[];
    readonly hasIntrospection: boolean;
    readonly hasGraphiql: boolean;
    /** Null runs every document. */
    readonly trustedDocuments: TrustedDocuments | null;
  };
  readonly limits: Pick<Config["limits"], "document" | "http" | "webSocket">;
  readonly log: Logger;
}): Promise<{ readonly url: string; readonly port: number; close(): Promise<void> }> {
  const { host, sessions, backlog, log, checkDatabase, isSandbox } = options;
  const { isOpen, trustedDocuments, hasIntrospection, hasGraphiql } = options.doors;
  const { http, webSocket: socket } = options.limits;
  const authenticate: Authenticator["authenticate"] = (authorization) =>
    options.authenticator.authenticate(authorization);
  const maskError = createMaskError({ log, hasSuggestions: hasIntrospection });
  const origins = createOrigins({ ...options.doors, log });
  const rates = createRequestRates();
  const socketSlots = createSlots({ what: "sockets", most: socket.sockets });
  const subscriptionSlots = createSlots({ what: "subscriptions", most: socket.subscriptions });
  const graphql = createGraphql({
    ...options,
    maskError,
    hasIntrospection,
    trustedDocuments,
    documentLimits: options.limits.document,
    subscriptionSlots,
  });
  // The page needs no credential, and deployments do.
  const page = { example: isOpen ? options.example : null, isSandbox, asksCredential: !isOpen };
  const server = createServer({
    headersTimeout: http.headersSeconds * 1_000,
    requestTimeout: http.requestSeconds * 1_000,
    keepAliveTimeout: http.idleSeconds * 1_000,
    connectionsCheckingInterval: CHECK_MS,
    maxHeaderSize: http.headersBytes,
    insecureHTTPParser: false,
    // Any other request for a change of protocol is answered as if it had not asked.
    shouldUpgradeCallback: wantsSocket,
  });
  server.maxConnections = http.connections;
  const connections = trackConnections(server, { stallMs: STALL_MS, backlog, limits: http });
  const port = await listen(server, options.port, host);
  const answer = createAnswer({
    path: GRAPHQL_PATH,
    largestBodyBytes: http.bodyBytes,
    authenticate,
    sessions,
    rates,
    origins,
    connections,
    backlog,
    graphql,
    answerPage: hasGraphiql ? createGraphiqlPage(page) : null,
    checkDatabase,
    log,
  });
  // No connection is read before this turn of the event loop ends, so none is missed.
  for (const event of ["request", "checkContinue"] as const) {
    server.on(event, (request, response) => {
      connections.take(response, () => {
        answer(request, response, event === "checkContinue").catch((error: unknown) => {
          if (!request.destroyed) log.error({ err: error }, "A request failed inside the gateway.");
          response.destroy();
        });
      });
    });
  }
  const service = createSocketService({
    initSeconds: socket.initSeconds,
    mostOperations: socket.operationsPerSocket,
    authenticate,
    sessions,
    socketSlots,
    rates,
    backlog,
    trustedDocuments,
    graphql,
    maskError,
  });
  const webSocket = serveWebSocket({
    server,
    path: GRAPHQL_PATH,
    service,
    origins,
    socketSlots,
    messageBytes: socket.messageBytes,
    backlog,
    connections,
    log,
  });

  return {
    url: `http://${toUrlHost(host)}:${port}`,
    port,
    async close() {
      await Promise.all([connections.close(), webSocket.close()]);
    },
  };
}

async function listen(server: Server, port: number, host: string): Promise<number> {
  try {
    server.listen(port, host);
    await once(server, "listening");
  } catch (error) {
    throw new ListenError(explain(error, port, host), { cause: error });
  }
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : port;
}

function explain(error: unknown, port: number, host: string): string {
  const code = error instanceof Error && "code" in error ? error.code : null;
  switch (code) {
    case "EADDRINUSE":
      return `Port ${port} of ${host} is in use. Stop the program that has it, or set PORT to another port (0 takes a free one).`;
    case "EACCES":
      return `Port ${port} is not allowed for this user. Set PORT to one above 1023.`;
    default:
      return `The gateway can't listen on ${host}, port ${port} (${String(code)}). Set HOST to an address of this machine, such as 127.0.0.1.`;
  }
}

/** What a browser on this machine can open. */
function toUrlHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}
