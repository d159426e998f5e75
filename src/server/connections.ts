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

type Connection = {
  /** Opened when the client sends requests without waiting for answers. */
  share: Reservation | null;
  /** Whose answers have not left in full, in their order. */
  readonly requests: Map<ServerResponse, Request>;
};

type Request = {
  readonly answer: () => void;
  /** Whether the answer is a stream of events. */
  isStream: boolean;
  /** Where its body is still to come: lets that take as long as it likes. */
  stopTimer?: () => void;
};

type Options = {
  readonly stallMs: number;
  readonly memory: MemoryBudget;
  readonly limits: HttpLimits;
};

/**
 * What a server that does not listen yet will have open, but for WebSockets. Refuses what does not become a request, and
 * cuts a connection on which nothing has moved for `stallMs`, unless its answer is still being made.
 */
export class Connections {
  readonly #server: Server;
  readonly #options: Options;
  readonly #connections = new Map<Duplex, Connection>();
  /** One for all requests: an error collects its stack, which costs more than the rest of a request's bookkeeping. */
  readonly #tooLate: CodedError;
  #openCount = 0;

  constructor(server: Server, options: Options) {
    this.#server = server;
    this.#options = options;
    const { stallMs, limits } = options;
    this.#tooLate = explain("ERR_HTTP_REQUEST_TIMEOUT", limits);
    server.on("connection", (socket) => this.#add(socket));
    // Node also calls it for connections that are idle between two requests.
    server.setTimeout(stallMs, (socket) => {
      const isBeingMade = socket.writableLength === 0 && this.owesAnswer(socket);
      if (isBeingMade) socket.setTimeout(stallMs);
      else socket.destroy();
    });
    server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
      if (error.code === "ECONNRESET") socket.destroy();
      else this.cut(socket, explain(error.code ?? "", limits));
    });
    server.on("connect", (_request, socket) =>
      refuseConnection(socket, methodNotAllowed("The gateway is no proxy. Send GET or POST.")),
    );
  }

  /** Calls `answer` once the requests before it on its connection are answered, unless it is cut by then. */
  take(response: ServerResponse, answer: () => void): void {
    const { socket } = response.req;
    const connection = this.#connections.get(socket);
    // Node still parses what it read before the connection was cut, or its last answer was given.
    if (connection === undefined || !socket.writable) return;
    const { requests } = connection;
    if (requests.size === MAX_PIPELINED) return void socket.destroy();
    const request: Request = { answer, isStream: false };
    requests.set(response, request);
    this.#count(socket, connection);
    if (hasBody(response.req))
      this.allow(response, this.#options.limits.requestSeconds * 1_000, this.#tooLate);
    response.once("close", () => {
      // Where the answer came first, the rest of the body still has to come in time.
      if (response.req.complete || socket.destroyed) request.stopTimer?.();
      requests.delete(response);
      this.#count(socket, connection);
      const [next] = requests.values();
      if (socket.writable) next?.answer();
    });
    if (requests.size === 1) answer();
  }

  /** Gives a request so long from now on to arrive. Node's own limit knows no uploads, which may take minutes. */
  allow(response: ServerResponse, patienceMs: number, reason: CodedError): void {
    const { req } = response;
    const request = this.#find(response);
    request?.stopTimer?.();
    if (request !== undefined)
      request.stopTimer = clock.setTimer(() => {
        if (!req.complete) this.cut(req.socket, reason);
      }, patienceMs);
  }

  /** Says that an answer is a stream of events, which would go on for long. */
  markStream(response: ServerResponse): void {
    const request = this.#find(response);
    if (request !== undefined) request.isStream = true;
  }

  /** Ends a connection with a reason, where that can still be told. */
  cut(socket: Duplex, reason: CodedError): void {
    // A second answer would garble one that is on its way.
    const isAnswered = this.#list(socket).some(([{ headersSent }]) => headersSent);
    if (!socket.writable || isAnswered) socket.destroy();
    else refuseConnection(socket, reason);
  }

  /** Whether a connection has a request whose answer has not left in full. */
  owesAnswer(socket: Duplex): boolean {
    return this.#list(socket).length > 0;
  }

  /** Forgets a connection that has become a WebSocket's. */
  leave(socket: Duplex): void {
    this.#connections.delete(socket);
  }

  /**
   * Stops accepting by `closeServer`. Cuts at once what is idle, half sent or an event stream, which so does not
   * complete; the rest has 8 s to be answered. Resolves when nothing is open, WebSockets included.
   */
  async close(closeServer: () => Promise<unknown>): Promise<void> {
    const closed = closeServer();
    this.#cutStreams();
    for (const socket of this.#connections.keys()) {
      const [last] = this.#list(socket).findLast(([{ req }]) => req.complete) ?? [];
      // An earlier one would end its connection before the last answer.
      if (last === undefined) socket.destroy();
      else last.shouldKeepAlive = false;
    }
    // Some begin to stream, or fall idle, only a moment later.
    const stopSweep = clock.repeat(() => {
      this.#cutStreams();
      this.#server.closeIdleConnections();
    }, SWEEP_MS);
    const stopWaiting = clock.setTimer(() => this.#server.closeAllConnections(), PATIENCE_MS);
    await closed.finally(() => {
      stopSweep();
      stopWaiting();
    });
  }

  #add(socket: Duplex): void {
    if (this.#openCount >= this.#options.limits.connections) return void socket.destroy();
    this.#openCount += 1;
    const connection: Connection = { share: null, requests: new Map() };
    this.#connections.set(socket, connection);
    socket.once("close", () => {
      this.#openCount -= 1;
      this.#connections.delete(socket);
      connection.share?.close();
    });
  }

  #find(response: ServerResponse): Request | undefined {
    return this.#connections.get(response.req.socket)?.requests.get(response);
  }

  #list(socket: Duplex): readonly (readonly [ServerResponse, Request])[] {
    return [...(this.#connections.get(socket)?.requests ?? [])];
  }

  #count(socket: Duplex, connection: Connection): void {
    const { size } = connection.requests;
    if (size > 1) connection.share ??= this.#options.memory.open(NOBODY, () => socket.destroy());
    connection.share?.hold(size > 1 ? size * REQUEST_BYTES : 0);
  }

  #cutStreams(): void {
    for (const { requests } of this.#connections.values())
      for (const [response, { isStream }] of requests) if (isStream) response.destroy();
  }
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
