import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

import { clock } from "../runtime/environment.ts";
import type { Config } from "../config/load-config.ts";
import { CodedError } from "../runtime/coded-error.ts";
import type { MemoryBudget, Reservation } from "../runtime/memory-budget.ts";
import { NOBODY } from "../runtime/memory-budget.ts";
import { badRequest, methodNotAllowed, refuseConnection } from "./refuse.ts";

type HttpLimits = Config["limits"]["http"];

const SWEEP_MS = 50;
const PATIENCE_MS = 8_000;
/** More than any client sends on one connection without waiting for an answer. */
const MAX_PIPELINED = 100;
/** What each of them takes until it is answered. */
const REQUEST_BYTES = 8_192;

/** What a server has open, but for WebSockets. */
export type Connections = ReturnType<typeof trackConnections>;

type Connection = {
  /** Opened when the client sends requests without waiting for answers. */
  share: Reservation | null;
  /** In the order of their requests, each with the function that answers it. */
  readonly responses: Map<ServerResponse, () => void>;
};

/**
 * Tracks what a server that does not listen yet will have open, and refuses what does not become a request. Cuts a
 * connection on which nothing has moved for `stallMs`, unless its answer is still being made.
 */
export function trackConnections(
  server: Server,
  options: { readonly stallMs: number; readonly memory: MemoryBudget; readonly limits: HttpLimits },
) {
  const { stallMs, memory, limits } = options;
  const connections = new Map<Duplex, Connection>();
  const streams = new Set<ServerResponse>();
  const arrivals = new WeakMap<ServerResponse, () => void>();
  // One for all requests: an error collects its stack, which costs more than the rest of a request's bookkeeping.
  const tooLate = explain("ERR_HTTP_REQUEST_TIMEOUT", limits);
  let openCount = 0;
  server.on("connection", (socket) => {
    if (openCount >= limits.connections) return void socket.destroy();
    openCount += 1;
    const connection: Connection = { share: null, responses: new Map() };
    connections.set(socket, connection);
    socket.once("close", () => {
      openCount -= 1;
      connections.delete(socket);
      connection.share?.close();
    });
  });
  // Node also calls it for connections that are idle between two requests.
  server.setTimeout(stallMs, (socket) => {
    const isBeingMade = socket.writableLength === 0 && owesAnswer(socket);
    if (isBeingMade) socket.setTimeout(stallMs);
    else socket.destroy();
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    if (error.code === "ECONNRESET") socket.destroy();
    else cut(socket, explain(error.code ?? "", limits));
  });
  server.on("connect", (_request, socket) =>
    refuseConnection(socket, methodNotAllowed("The gateway is no proxy. Send GET or POST.")),
  );

  /** Ends a connection with a reason, where that can still be told. */
  function cut(socket: Duplex, reason: CodedError): void {
    // A second answer would garble one that is on its way.
    const isAnswered = responsesOn(socket).some(({ headersSent }) => headersSent);
    if (!socket.writable || isAnswered) socket.destroy();
    else refuseConnection(socket, reason);
  }

  /** Cuts the connection unless the request has come by then. Node's own limit knows no uploads, which may take minutes. */
  function expectBy(response: ServerResponse, patienceMs: number, reason: CodedError): () => void {
    const { req } = response;
    return clock.setTimer(() => {
      if (!req.complete) cut(req.socket, reason);
    }, patienceMs);
  }

  function responsesOn(socket: Duplex): readonly ServerResponse[] {
    return [...(connections.get(socket)?.responses.keys() ?? [])];
  }

  /** Whether a connection has a request whose answer has not left in full. */
  function owesAnswer(socket: Duplex): boolean {
    return (connections.get(socket)?.responses.size ?? 0) > 0;
  }

  function count(socket: Duplex, connection: Connection): void {
    const { size } = connection.responses;
    if (size > 1) connection.share ??= memory.open(NOBODY, () => socket.destroy());
    connection.share?.hold(size > 1 ? size * REQUEST_BYTES : 0);
  }

  function cutStreams(): void {
    for (const response of streams) response.destroy();
  }

  return {
    /** Calls `answer` once the requests before it on its connection are answered, unless it is cut by then. */
    take(response: ServerResponse, answer: () => void): void {
      const { socket } = response.req;
      const connection = connections.get(socket);
      // Node still parses what it read before the connection was cut, or its last answer was given.
      if (connection === undefined || !socket.writable) return;
      const { responses } = connection;
      if (responses.size === MAX_PIPELINED) return void socket.destroy();
      responses.set(response, answer);
      count(socket, connection);
      if (hasBody(response.req)) {
        arrivals.set(response, expectBy(response, limits.requestSeconds * 1_000, tooLate));
      }
      response.once("close", () => {
        // Where the answer came first, the rest of the body still has to come in time.
        if (response.req.complete || socket.destroyed) arrivals.get(response)?.();
        responses.delete(response);
        count(socket, connection);
        const [next] = responses.values();
        if (socket.writable) next?.();
      });
      if (responses.size === 1) answer();
    },
    /** Forgets a connection that has become a WebSocket's. */
    leave: (socket: Duplex) => void connections.delete(socket),
    /** Says that an answer is a stream of events, which would go on for long. */
    markStream(response: ServerResponse): void {
      streams.add(response);
      response.once("close", () => streams.delete(response));
    },
    /** Gives a request so long from now on to arrive. */
    allow(response: ServerResponse, patienceMs: number, reason: CodedError): void {
      arrivals.get(response)?.();
      arrivals.set(response, expectBy(response, patienceMs, reason));
    },
    cut,
    owesAnswer,
    /**
     * Stops accepting by `closeServer`. Cuts at once what is idle, half sent or an event stream, which so does not
     * complete; the rest has 8 s to be answered. Resolves when nothing is open, WebSockets included.
     */
    async close(closeServer: () => Promise<unknown>): Promise<void> {
      const closed = closeServer();
      cutStreams();
      for (const socket of connections.keys()) {
        const last = responsesOn(socket).findLast(({ req }) => req.complete);
        // An earlier one would end its connection before the last answer.
        if (last === undefined) socket.destroy();
        else last.shouldKeepAlive = false;
      }
      // Some begin to stream, or fall idle, only a moment later.
      const stopSweep = clock.repeat(() => {
        cutStreams();
        server.closeIdleConnections();
      }, SWEEP_MS);
      const stopWaiting = clock.setTimer(() => server.closeAllConnections(), PATIENCE_MS);
      await closed.finally(() => {
        stopSweep();
        stopWaiting();
      });
    },
  };
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

function explain(code: string, limits: HttpLimits): CodedError {
  const { headersBytes: limit, requestSeconds } = limits;
  switch (code) {
    case "HPE_HEADER_OVERFLOW": {
      const message = `The request's headers are larger than ${limit / 1_024} KiB. Send fewer or shorter ones, and long queries by POST.`;
      return new CodedError("HEADERS_TOO_LARGE", message, { limit });
    }
    case "ERR_HTTP_REQUEST_TIMEOUT": {
      const message = `The request took too long to arrive: it may take ${requestSeconds} s. Send it at once, over a new connection.`;
      return new CodedError("REQUEST_TIMEOUT", message);
    }
    default:
      return badRequest(
        "This is not a well-formed HTTP request. Send it with an HTTP client's library.",
      );
  }
}
