import { once } from "node:events";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";

import type { GraphQLSchema } from "graphql";
import type { Logger } from "pino";

import type { Deployment } from "../deployments/catalogue.ts";
import { checkHost, checkOperation } from "./check-request.ts";
import { trackConnections } from "./connections.ts";
import { createGraphql } from "./create-graphql.ts";
import { createGraphiqlPage, wantsPage } from "./graphiql-page.ts";
import { createGraphiql } from "./graphiql.ts";
import { createMaskError } from "./mask-error.ts";
import { dropBody, isSurelySmall, readBody } from "./read-body.ts";
import type { Refusal } from "./refuse.ts";
import { writeRefusal } from "./refuse.ts";
import { serveWebSocket } from "./web-socket.ts";

const GRAPHQL_PATH = "/graphql";
const PATHS: ReadonlySet<string> = new Set([GRAPHQL_PATH, "/health", "/ready"]);
const LARGEST_BODY_BYTES = 256 * 1024;
const MOST_CONNECTIONS = 20_000;
const REQUEST_TIMEOUT_MS = 30_000;
const HEADERS_TIMEOUT_MS = 10_000;

const NOT_FOUND: Refusal = {
  status: 404,
  code: "NOT_FOUND",
  message: `Nothing is here. GraphQL is at ${GRAPHQL_PATH}.`,
};
const PAYLOAD_TOO_LARGE: Refusal = {
  status: 413,
  code: "PAYLOAD_TOO_LARGE",
  message: "The body is larger than 256 KiB. Send pictures as URLs, and shorten or split the rest.",
};

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
  /** Makes the resolvers' context, once for each operation, with its variables as they were sent. */
  readonly createContext: (variables: Readonly<Record<string, unknown>>) => object;
  /** Rejects unless the database answers. */
  readonly checkDatabase: () => Promise<void>;
  /** The deployment that GraphiQL's example submits to; null where none is known. */
  readonly example: Deployment | null;
  readonly log: Logger;
}): Promise<{ readonly url: string; readonly port: number; close(): Promise<void> }> {
  const { host, log } = options;
  const maskError = createMaskError(log);
  const graphql = createGraphql({ ...options, maskError });
  const answerPage = createGraphiqlPage(createGraphiql(options.example));
  const server = createServer({
    requestTimeout: REQUEST_TIMEOUT_MS,
    headersTimeout: HEADERS_TIMEOUT_MS,
  });
  server.maxConnections = MOST_CONNECTIONS;
  const connections = trackConnections(server);
  const port = await listen(server, options.port, host);
  // No connection is read before this turn of the event loop ends, so none is missed.
  server.on("request", (request, response) => {
    answer(request, response).catch((error: unknown) => {
      if (!request.destroyed) log.error({ err: error }, "A request failed inside the gateway.");
      response.destroy();
    });
  });
  const webSocket = serveWebSocket({
    server,
    path: GRAPHQL_PATH,
    largestMessageBytes: LARGEST_BODY_BYTES,
    graphql,
    maskError,
    log,
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = "", parameters = ""] = (request.url ?? "").split(/\?(.*)/s);
    if (path === "/") {
      response.writeHead(302, { location: GRAPHQL_PATH }).end();
      return;
    }
    const refusal = check(request, path, parameters);
    if (refusal !== null) {
      writeRefusal(response, refusal);
      response.end();
      return;
    }
    if (path === GRAPHQL_PATH && wantsPage(request)) {
      await answerPage(request, response);
      return;
    }
    if (!isSurelySmall(request, LARGEST_BODY_BYTES)) {
      const body = await readBody(request, LARGEST_BODY_BYTES);
      if (body === null) {
        writeRefusal(response, PAYLOAD_TOO_LARGE, { connection: "close" });
        await dropBody(request);
        response.end();
        return;
      }
      Object.assign(request, { body });
    }
    // Yoga looks only at the end of the URL.
    if (path !== GRAPHQL_PATH) request.url = path;
    else if (/\/(health|ready)$/.test(parameters)) request.url = `${path}?${parameters}&`;
    await graphql(request, response);
  }

  return {
    url: `http://${toUrlHost(host)}:${port}`,
    port,
    async close() {
      await Promise.all([connections.close(), webSocket.close()]);
    },
  };
}

function check(request: IncomingMessage, path: string, parameters: string): Refusal | null {
  if (!PATHS.has(path)) return NOT_FOUND;
  return checkHost(request) ?? (path === GRAPHQL_PATH ? checkOperation(request, parameters) : null);
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
