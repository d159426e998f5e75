import type { Duplex } from "node:stream";

import type { WebSocket as ProtocolSocket } from "graphql-ws";
import { CloseCode } from "graphql-ws";
import type { WebSocket } from "ws";

import type { Admission } from "../../auth/authenticator.ts";
import { toError } from "../../runtime/coded-error.ts";
import { cork } from "../../runtime/cork.ts";
import type { Release } from "../../runtime/semaphore.ts";
import { MAX_UNCOUNTED_BYTES } from "./count-answer.ts";
import { isTooDeep, TOO_DEEP } from "./read-request.ts";
import type { ServerParts } from "./server-parts.ts";

/** The stock client comes back later after this code. */
export const TRY_AGAIN_LATER = 1013;
const MESSAGE_TOO_BIG = 1009;
const MAX_REASON_BYTES = 123;
/** Besides the largest message, which may be an answer of any size. */
const MAX_UNSENT_BYTES = 4 * 1_048_576;
/** Of messages, each of which takes a thousand bytes besides its own. */
const MAX_UNSENT = 4_096;
/** More than that leaves at once: it would only wait in memory. */
const MAX_CORKED_BYTES = 16_384;
/** More than any credential takes. */
const MAX_BYTES_BEFORE_INIT = 65_536;

type Parts = Pick<ServerParts, "log" | "memory">;

/** One socket, as graphql-ws and the functions that handle its operations see it. */
export class SocketSession implements ProtocolSocket {
  readonly protocol: string;
  /** Null until the client is admitted. */
  admission: Admission | null = null;
  /** Of what runs until it ends, whatever the client says about it: what to call then, by the client's id for it. */
  readonly operations = new Map<string, readonly (() => void)[]>();
  /** Called when the socket has closed. */
  readonly leave: (() => void)[] = [];
  /** Of a sign-in, where the socket's page may use it. */
  readonly cookie: string | undefined;
  readonly #socket: WebSocket;
  readonly #connection: Duplex;
  readonly #parts: Parts;
  /** Of the messages that have not left yet. */
  #largestBytes = 0;
  #unsent = 0;
  #drained: Promise<void> | null = null;
  #unanswered: Buffer | null = null;

  /** `connection` is what the socket reads from and writes to. */
  constructor(socket: WebSocket, connection: Duplex, cookie: string | undefined, parts: Parts) {
    this.protocol = socket.protocol;
    this.cookie = cookie;
    this.#socket = socket;
    this.#connection = connection;
    this.#parts = parts;
    let strangerBytes = 0;
    const count = (chunk: Buffer): void => {
      strangerBytes += chunk.length;
      if (this.admission !== null) connection.off("data", count);
      else if (strangerBytes > MAX_BYTES_BEFORE_INIT)
        this.close(MESSAGE_TOO_BIG, "Send connection_init first, and no more than 64 KiB.");
    };
    // Before ws, which makes messages of it.
    connection.prependListener("data", count);
    socket.on("pong", (payload) => {
      if (this.#unanswered?.equals(payload) === true) this.#unanswered = null;
    });
    socket.on("ping", (payload) => {
      if (this.#hasRoom()) socket.pong(payload, false, this.#count());
    });
    socket.on("error", (error) =>
      parts.log.debug({ reason: error.message }, "A WebSocket failed."),
    );
  }

  /** Whether it closes or has closed. */
  get isClosed(): boolean {
    return this.#socket.readyState !== this.#socket.OPEN;
  }

  endOperation(id: string): void {
    const ends = this.operations.get(id) ?? [];
    this.operations.delete(id);
    for (const end of ends) end();
  }

  /** Where much has yet to leave, it resolves when that has; never, where the client leaves first. */
  send(text: string): Promise<void> | void {
    const connection = this.#connection;
    if (!this.#hasRoom()) return undefined;
    // As bytes, because a string would wait on the heap.
    const bytes = Buffer.from(text);
    let left: Release | undefined;
    try {
      if (bytes.length > MAX_UNCOUNTED_BYTES) left = this.#parts.memory.answers.take(bytes.length);
    } catch (error) {
      return this.close(TRY_AGAIN_LATER, toError(error, "").message);
    }
    cork(connection);
    this.#largestBytes = Math.max(this.#largestBytes, bytes.length);
    this.#socket.send(bytes, TEXT, this.#count(left));
    if (connection.writableLength > MAX_CORKED_BYTES) connection.uncork();
    if (!connection.writableNeedDrain) return undefined;
    return (this.#drained ??= new Promise((resolve) => {
      connection.once("drain", () => {
        this.#drained = null;
        resolve();
      });
    }));
  }

  close(code: number = CloseCode.InternalServerError, reason = ""): void {
    const bytes = Buffer.from(reason).subarray(0, MAX_REASON_BYTES);
    // A character that is cut in two is left out.
    this.#socket.close(code, bytes.toString().replace(/\uFFFD+$/, ""));
  }

  /** Keeps the connection open through proxies, and closes it when the last ping has no answer of its own. */
  ping(payload: Buffer): void {
    if (this.#unanswered !== null)
      return this.close(TRY_AGAIN_LATER, "A ping had no answer. Connect again.");
    this.#unanswered = payload;
    this.#socket.ping(payload);
  }

  /** Whether another message may wait for the client; closes the socket of one that reads too little. */
  #hasRoom(): boolean {
    const unsentBytes = this.#socket.bufferedAmount;
    if (unsentBytes === 0) this.#largestBytes = 0;
    if (this.isClosed) return false;
    const hasRoom =
      unsentBytes - this.#largestBytes <= MAX_UNSENT_BYTES && this.#unsent < MAX_UNSENT;
    if (!hasRoom) this.close(TRY_AGAIN_LATER, UNREAD);
    return hasRoom;
  }

  /** Counts a message that waits, until what it returns is called as that has left. */
  #count(left?: Release): () => void {
    this.#unsent += 1;
    return () => {
      this.#unsent -= 1;
      left?.();
    };
  }

  onMessage(handle: (text: string) => Promise<void>): void {
    this.#socket.on("message", (message) => {
      // A client may go on sending on a socket that closes, to no effect. Set up like this, ws gives nothing but buffers.
      if (this.isClosed || !Buffer.isBuffer(message)) return;
      if (isTooDeep(message)) return this.close(CloseCode.BadRequest, `The message ${TOO_DEEP}`);
      handle(message.toString()).catch((error: unknown) => {
        this.#parts.log.debug({ err: error }, "A message could not be handled.");
        this.close(CloseCode.InternalServerError, "Internal server error");
      });
    });
  }
}

const TEXT = { binary: false };
const UNREAD = "You have yet to read 4 MiB, or 4,096 messages. Connect again, and read.";
