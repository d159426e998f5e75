import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

import { clock } from "../../runtime/environment.ts";
import type { Config } from "../../config/load-config.ts";
import { CodedError } from "../../runtime/coded-error.ts";
import type { MemoryBudget, Reservation } from "../../runtime/memory-budget.ts";
import { NOBODY } from "../../runtime/memory-budget.ts";
import { badRequest, methodNotAllowed, refuseConnection } from "./refuse.ts";

type HttpLimits = Config["limits"]["http"];

const SWEEP_MS = 50;
const PATIENCE_MS = 8_000;
/** More than any client sends on one connection without waiting for an answer. */
const MAX_PIPELINED = 100;
/** What each of them takes until it is answered. */
const REQUEST_BYTES = 8_192;
/** What Node reads of a body that nobody has asked for. */
const MOST_UNASKED_BYTES = 65_536;

type Connection = {
  /** Opened when a request waits. */
  share: Reservation | null;
  /** Whose answers have not left in full, in their order. */
  readonly requests: Map<ServerResponse, Request>;
};

type Request = {
  readonly answer: () => void;
  hasBegun: boolean;
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

  /** Calls `answer` once the requests before it on its connection are answered, unless that is cut by then. */
  take(response: ServerResponse, answer: Request["answer"]): void {
    const { socket } = response.req;
    const connection = this.#connections.get(socket);
    // Node still parses what it read before the connection was cut, or its last answer was given.
    if (connection === undefined || !socket.writable) return;
    const { requests } = connection;
    if (requests.size === MAX_PIPELINED) return void socket.destroy();
    const request: Request = { answer, hasBegun: false, isStream: false };
    requests.set(response, request);
    if (toUnaskedBytes(response.req) > 0)
      this.allow(response, this.#options.limits.requestSeconds * 1_000, this.#tooLate);
    response.once("close", () => {
      // Where the answer came first, the rest of the body still has to come in time.
      if (response.req.complete || socket.destroyed) request.stopTimer?.();
      requests.delete(response);
      this.#charge(socket, connection);
      if (socket.writable) this.#begin(socket, connection);
    });
    if (requests.size === 1) this.#begin(socket, connection);
    else this.#charge(socket, connection);
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

  /** Ends a connection, with a reason where one can still be sent. */
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

  /** Begins the first of its requests. */
  #begin(socket: Duplex, connection: Connection): void {
    const [first] = connection.requests;
    if (first === undefined) return;
    const [, request] = first;
    request.hasBegun = true;
    this.#charge(socket, connection);
    request.answer();
  }

  /** Charges what waits, before it has a reservation of its owner. */
  #charge(socket: Duplex, connection: Connection): void {
    const { requests } = connection;
    let bytes = requests.size > 1 ? requests.size * REQUEST_BYTES : 0;
    for (const [{ req }, { hasBegun }] of requests) if (!hasBegun) bytes += toUnaskedBytes(req);
    if (bytes > 0) connection.share ??= this.#options.memory.open(NOBODY, () => socket.destroy());
    connection.share?.charge(bytes);
  }

  #cutStreams(): void {
    for (const { requests } of this.#connections.values())
      for (const [response, { isStream }] of requests) if (isStream) response.destroy();
  }
}

/** What Node has read of its body by the time that it is asked for. */
function toUnaskedBytes({ headers }: IncomingMessage): number {
  const bytes = headers["transfer-encoding"] ? Infinity : Number(headers["content-length"] ?? 0);
  return Math.min(bytes, MOST_UNASKED_BYTES);
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
