import type { Duplex } from "node:stream";

import type { ExecutionArgs } from "graphql";
import type { Server, WebSocket as ProtocolSocket } from "graphql-ws";
import type { Logger } from "pino";
import type { WebSocket } from "ws";

import { chance, clock } from "../../runtime/environment.ts";
import type { Admission } from "../../auth/authenticator.ts";
import type { Viewer } from "../../auth/viewer.ts";
import type { OperationOrigin } from "../operations/create-operations.ts";
import type { MemoryBudget, Reservation } from "../../runtime/memory-budget.ts";
import { NOBODY } from "../../runtime/memory-budget.ts";
import { isTooDeep, TOO_DEEP } from "./read-request.ts";

/** The stock client comes back later after this code. */
export const TRY_AGAIN_LATER = 1013;
/** The close code of graphql-ws for a message that is not of the protocol. */
const BAD_MESSAGE = 4400;
const INTERNAL_ERROR = 4500;
const MESSAGE_TOO_BIG = 1009;
const MAX_REASON_BYTES = 123;
/** More than that leaves at once: it would only wait in memory. */
const MAX_CORKED_BYTES = 16_384;
const KEEP_ALIVE_MS = 12_000;
/** What a message takes until it is handled, or leaves, besides its own bytes: small ones fill the memory soonest. */
const MESSAGE_BYTES = 2_048;
/** A few bytes are enough for clients to match pongs to pings. */
const MAX_ECHO_BYTES = 1_024;
/** More than any credential takes. */
const MAX_BYTES_BEFORE_INIT = 65_536;

/** Nothing is waited for. */
const SENT = Promise.resolve();

type Handle = (text: string) => Promise<void>;

type Options = {
  readonly socket: WebSocket;
  /** What the socket reads from and writes to. */
  readonly connection: Duplex;
  /** Of a sign-in, where the socket's page may use it. */
  readonly cookie: string | undefined;
  readonly memory: MemoryBudget;
  readonly log: Logger;
};

/**
 * One socket, as graphql-ws and the functions that handle its operations see it. A client that is gone or does not read is
 * closed. Until it is admitted, a client gets the answers to its pings and nothing else.
 */
export class SocketSession implements ProtocolSocket {
  readonly protocol: string;
  readonly cookie: string | undefined;
  /** Null until the client is admitted. */
  admission: Admission | null = null;
  /** What runs, by the client's id for it, until it ends, whatever the client says about it. */
  readonly operations = new Map<string, SocketOperation>();
  /** Called, last first, when the socket has closed. */
  readonly leave: (() => void)[] = [];
  /** Answers a ping of the protocol. */
  readonly onPing: (payload: unknown) => void;
  readonly #options: Options;
  #share: Reservation;
  #isCorked = false;
  #unsentCount = 0;
  #unhandledBytes = 0;
  /** Of the messages whose operations have not ended: what they came with is kept as long. */
  #handledBytes = 0;
  /** Who waits until the client has read enough. */
  readonly #behind: (() => void)[] = [];

  constructor(options: Options) {
    const { socket, connection, log } = options;
    this.#options = options;
    this.protocol = socket.protocol;
    this.cookie = options.cookie;
    this.#share = options.memory.open(NOBODY, this.#cut);
    // Before ws, which takes what is unhandled and makes messages of it.
    connection.prependListener("data", (chunk: Buffer) => this.#noteUnhandled(chunk));
    const answerPing = answerNewest((text: string) =>
      this.#whenLeft((left) => this.#write(text, left)),
    );
    this.onPing = (payload) => answerPing(toPong(payload));
    const pong = answerNewest((data: Buffer) =>
      this.#whenLeft((left) => {
        this.#unsentCount += 1;
        socket.pong(data, false, left);
        this.#charge();
      }),
    );
    socket.on("ping", (data) => {
      this.#noteHandled();
      pong(data);
    });
    socket.on("pong", () => this.#noteHandled());
    socket.on("error", (error) => log.debug({ reason: error.message }, "A WebSocket failed."));
  }

  /** Speaks the protocol until the socket has closed. */
  serve(service: Server<SocketSession>): void {
    const { socket, log } = this.#options;
    const closed = service.opened(this, this);
    const stopPinging = this.#keepAlive();
    socket.once("close", (code, reason) => {
      stopPinging();
      this.#share.close();
      for (const leave of this.leave.toReversed()) leave();
      for (const operation of this.operations.values()) operation.close();
      this.#goOn();
      closed(code, String(reason)).catch((error: unknown) => {
        log.debug({ err: error }, "A WebSocket's operations could not be ended.");
      });
    });
  }

  /** Whether it closes or has closed. */
  get isClosed(): boolean {
    const { socket } = this.#options;
    return socket.readyState !== socket.OPEN;
  }

  /** Whether the client has yet to read much of what waits for it. */
  get isBehind(): boolean {
    return !this.isClosed && this.#options.socket.bufferedAmount > MAX_CORKED_BYTES;
  }

  admit(admission: Admission): void {
    this.#share.close();
    this.admission = admission;
    this.#share = this.#options.memory.open(admission.viewer.ownerId, this.#cut);
  }

  /** Begins an operation, which ends with `endOperation`, or with the socket. */
  begin(id: string, { viewer }: Admission, traceparent: unknown): SocketOperation {
    const operation = new SocketOperation(this, { viewer, traceparent });
    this.operations.set(id, operation);
    return operation;
  }

  /** For what one of the operations holds. */
  openShare(ownerId: string): Reservation {
    const cut = (): void => this.close(TRY_AGAIN_LATER, "Too much waits for you. Read on.");
    return this.#options.memory.open(ownerId, cut);
  }

  endOperation(id: string): void {
    this.operations.get(id)?.close();
    this.operations.delete(id);
  }

  /** Resolves when the client is not behind, or has left. */
  whenRead(): Promise<void> {
    return new Promise((resolve) => {
      if (this.isBehind) this.#behind.push(resolve);
      else resolve();
    });
  }

  /** Where the client is behind by then, it resolves as `whenRead` does. */
  send(text: string): Promise<void> | void {
    this.#write(text, this.#noteLeft);
    if (this.isBehind) return this.whenRead();
  }

  close(code = INTERNAL_ERROR, reason = ""): void {
    this.#options.socket.close(code, toCloseReason(reason));
  }

  onMessage(handle: Handle): void {
    const { socket } = this.#options;
    socket.on("message", (message) => {
      this.#noteHandled();
      // Set up like this, ws gives nothing but buffers.
      const bytes = Buffer.isBuffer(message) ? message : Buffer.alloc(0);
      this.#handledBytes += bytes.length + MESSAGE_BYTES;
      this.#charge();
      this.#handle(bytes, handle);
    });
  }

  /** What waits for a stream's end holds no more than the message's size. */
  #handle(bytes: Buffer, handle: Handle): void {
    const handledBytes = bytes.length + MESSAGE_BYTES;
    const end = (): void => {
      this.#handledBytes -= handledBytes;
      this.#charge();
    };
    const fail = (error: unknown): void => {
      this.#options.log.debug({ err: error }, "A message could not be handled.");
      this.close(INTERNAL_ERROR, "Internal server error");
      end();
    };
    void this.#begin(bytes, handle).then(end, fail);
  }

  #begin(bytes: Buffer, handle: Handle): Promise<void> {
    // A client may go on sending on a socket that closes, to no effect.
    if (this.isClosed) return SENT;
    if (!isTooDeep(bytes)) return handle(bytes.toString());
    this.close(BAD_MESSAGE, `The message ${TOO_DEEP}`);
    return SENT;
  }

  #noteUnhandled(chunk: Buffer): void {
    this.#unhandledBytes += chunk.length;
    if (this.admission === null && this.#unhandledBytes > MAX_BYTES_BEFORE_INIT)
      this.#end(MESSAGE_TOO_BIG, "Send connection_init first, and no more than 64 KiB.");
    else this.#charge();
  }

  /** What came before the client was admitted counts until it is. */
  #noteHandled(): void {
    if (this.admission !== null) this.#unhandledBytes = 0;
  }

  #write(text: string, left: () => void): void {
    const { socket } = this.#options;
    this.#unsentCount += 1;
    if (this.isClosed) return left();
    this.#cork();
    // As bytes, because a string would wait on the heap.
    socket.send(Buffer.from(text), { binary: false }, left);
    this.#charge();
    if (socket.bufferedAmount > MAX_CORKED_BYTES) this.#uncork();
  }

  /** What is sent at once leaves together. */
  #cork(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    this.#options.connection.cork();
    process.nextTick(() => this.#uncork());
  }

  #uncork(): void {
    if (this.#isCorked) this.#options.connection.uncork();
    this.#isCorked = false;
  }

  /**
   * Resolves when what `write` gives to the socket has left, or never will. Nobody can know whether it arrived; `serve`
   * handles the close.
   */
  #whenLeft(write: (left: () => void) => void): Promise<void> {
    return new Promise((resolve) =>
      write(() => {
        this.#noteLeft();
        resolve();
      }),
    );
  }

  readonly #noteLeft = (): void => {
    this.#unsentCount -= 1;
    this.#charge();
  };

  /** Charges what the socket holds. If that is too much, the budget closes whichever connection holds most. */
  #charge(): void {
    const unsentBytes = this.#options.socket.bufferedAmount + this.#unsentCount * MESSAGE_BYTES;
    this.#share.charge(unsentBytes + this.#unhandledBytes + this.#handledBytes);
    if (!this.isBehind) this.#goOn();
  }

  #goOn(): void {
    // Checked here, as it is called for each frame.
    if (this.#behind.length === 0) return;
    for (const resolve of this.#behind.splice(0)) resolve();
  }

  readonly #cut = (): void =>
    this.#end(
      TRY_AGAIN_LATER,
      "Too much waits for this client. Read on, and send messages at once.",
    );

  /** At once: the client may not read, and its memory is needed now. */
  #end(code: number, reason: string): void {
    this.close(code, reason);
    this.#uncork();
    this.#options.socket.terminate();
  }

  /** Keeps the connection open through proxies, and closes it when the last ping has no answer of its own. */
  #keepAlive(): () => void {
    const { socket } = this.#options;
    let unanswered: Buffer | null = null;
    socket.on("pong", (data) => {
      if (unanswered?.equals(data) === true) unanswered = null;
    });
    const stopTimer = clock.repeat(() => {
      if (unanswered !== null)
        return this.close(TRY_AGAIN_LATER, "A ping had no answer. Connect again.");
      unanswered = chance.bytes(4);
      socket.ping(unanswered);
    }, KEEP_ALIVE_MS);
    return stopTimer;
  }
}

/** One of a socket's operations. Its share is opened when it is needed, and closes when it is over. */
export class SocketOperation implements OperationOrigin {
  readonly session: SocketSession;
  readonly viewer: Viewer;
  readonly traceparent: unknown;
  /** What it takes to run it, until it does. */
  args: ExecutionArgs | null = null;
  #share: Reservation | undefined;
  #isOver = false;

  constructor(
    session: SocketSession,
    { viewer, traceparent }: Pick<SocketOperation, "viewer" | "traceparent">,
  ) {
    this.session = session;
    this.viewer = viewer;
    this.traceparent = traceparent;
  }

  get share(): Reservation {
    this.#share ??= this.session.openShare(this.viewer.ownerId);
    if (this.#isOver) this.#share.close();
    return this.#share;
  }

  /** It is over. */
  close(): void {
    this.#isOver = true;
    this.#share?.close();
  }
}

/**
 * Answers pings: of those that come while others are read, or while an answer leaves, the newest. So a client that reads
 * none makes one wait.
 */
function answerNewest<Pong>(send: (pong: Pong) => Promise<void>): (pong: Pong) => void {
  let newest: Pong | null = null;
  let isAnswering = false;

  async function answerAll(): Promise<void> {
    isAnswering = true;
    // What has come by now is read first.
    await clock.nextTurn();
    for (let pong = newest; pong !== null; pong = newest) {
      newest = null;
      await send(pong);
    }
    isAnswering = false;
  }

  return (pong) => {
    newest = pong;
    if (!isAnswering) void answerAll();
  };
}

/** With the ping's payload, unless that is long: pongs wait in memory until they are read. */
function toPong(payload: unknown): string {
  const isLong = Buffer.byteLength(JSON.stringify(payload ?? null)) > MAX_ECHO_BYTES;
  return JSON.stringify({ type: "pong", ...(!isLong && { payload }) });
}

/** As much of a text as a close frame has room for. */
function toCloseReason(text: string): string {
  const bytes = Buffer.from(text).subarray(0, MAX_REASON_BYTES);
  return bytes.toString().replace(/\uFFFD+$/, "");
}
