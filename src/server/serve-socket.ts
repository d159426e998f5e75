import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import { setImmediate } from "node:timers/promises";

import type { Server } from "graphql-ws";
import type { Logger } from "pino";
import type { WebSocket } from "ws";

import type { Admission } from "../auth/authenticator.ts";
import type { Operations } from "../operations/create-operations.ts";
import { SLICE_MS } from "../runtime/queue.ts";
import type { MemoryBudget } from "../runtime/memory-budget.ts";
import { NOBODY } from "../runtime/memory-budget.ts";

/** The stock client comes back later after this code. */
export const TRY_AGAIN_LATER = 1013;
const INTERNAL_ERROR = 4500;
const MESSAGE_TOO_BIG = 1009;
const MAX_REASON_BYTES = 123;
/** More than that leaves at once: it would only wait in memory. */
const MAX_CORKED_BYTES = 16_384;
const KEEP_ALIVE_MS = 12_000;
/** What a message takes until it is handled, or leaves, besides its own bytes: small ones fill the memory soonest. */
const MESSAGE_BYTES = 2_048;
/** Clients tell one ping's answer from another's by some bytes. */
const MAX_ECHO_BYTES = 1_024;
/** More than any credential takes. */
const MAX_BYTES_BEFORE_INIT = 65_536;

export type SocketOperation = {
  /** Has a stream ended if the socket closes before it is over. */
  onStream(end: () => void): void;
  /** It is over. */
  close(): void;
  /** The socket has closed. */
  end(): void;
};

type Handle = (text: string) => Promise<void>;

/** One socket, as graphql-ws hands it to the functions that handle its operations. */
export type SocketSession = {
  /** Null until the client is let in. */
  admission: Admission | null;
  /** Messages being handled: an operation until it ends, whatever the client says about it. */
  pendingCount: number;
  admit(admission: Admission): void;
  /** Whether the client has yet to read much of what waits for it. */
  isBehind(): boolean;
  /** Resolves when it is not, or has left. */
  whenRead(): Promise<void>;
  /** Resolves at once where nothing waited before the text, else once it has left or never will. */
  send(text: string): Promise<void>;
  close(code: number, reason: string): void;
  /** Whether it closes or has closed. */
  isClosed(): boolean;
  /** What runs, by the client's id for it. */
  readonly operations: Map<string, SocketOperation>;
  /** Called, last first, when the socket has closed. */
  readonly leave: (() => void)[];
};

/**
 * Speaks graphql-transport-ws on one socket. A stream sends its next event when the one before has left, or at once where
 * nothing waited before that one; a client that is gone or does not read is closed. Until it is let in, a client is sent
 * the answers to its pings and nothing else.
 */
export function serveSocket(options: {
  readonly service: Server<SocketSession>;
  readonly socket: WebSocket;
  /** What the socket reads from and writes to. */
  readonly connection: Duplex;
  readonly memory: MemoryBudget;
  readonly operations: Pick<Operations, "begin">;
  readonly log: Logger;
}): void {
  const { service, socket, connection, memory, operations, log } = options;
  let share = memory.open(NOBODY, cut);
  let unsentCount = 0;
  let isCorked = false;
  let unhandledBytes = 0;
  /** Messages that wait to be handled. */
  const waiting: Buffer[] = [];
  let isHandling = false;
  /** Who waits until the client has read enough. */
  const behind: (() => void)[] = [];
  /** Of the messages whose operations have not ended: what they came with is kept as long. */
  let handledBytes = 0;

  const session: SocketSession = {
    admission: null,
    pendingCount: 0,
    admit(admitted) {
      share.close();
      session.admission = admitted;
      share = memory.open(admitted.viewer.ownerId, cut);
    },
    send(text) {
      const isRead = socket.bufferedAmount === 0;
      const left = sendText(text);
      return isRead ? Promise.resolve() : left;
    },
    isBehind,
    whenRead: () =>
      new Promise((resolve) => {
        if (isBehind()) behind.push(resolve);
        else resolve();
      }),
    close: (code, reason) => socket.close(code, toCloseReason(reason)),
    isClosed: () => socket.readyState !== socket.OPEN,
    operations: new Map(),
    leave: [],
  };

  // Before ws, which takes what is unhandled and makes messages of it.
  connection.prependListener("data", (chunk: Buffer) => {
    unhandledBytes += chunk.length;
    const isTooMuch = session.admission === null && unhandledBytes > MAX_BYTES_BEFORE_INIT;
    if (isTooMuch) end(MESSAGE_TOO_BIG, "Send connection_init first, and no more than 64 KiB.");
    else count();
  });
  const closed = service.opened(
    {
      protocol: socket.protocol,
      send: sendText,
      close: (code, reason) => session.close(code ?? INTERNAL_ERROR, reason ?? ""),
      onPing: answerNewest((payload) => sendText(toPong(payload))),
      onMessage(handle) {
        socket.on("message", (message) => {
          noteHandled();
          // Set up like this, ws gives nothing but buffers.
          const bytes = Buffer.isBuffer(message) ? message : Buffer.alloc(0);
          session.pendingCount += 1;
          handledBytes += bytes.length + MESSAGE_BYTES;
          count();
          if (session.admission === null) return void handleOne(bytes, handle);
          waiting.push(bytes);
          if (isHandling) socket.pause();
          else void handleWaiting(session.admission, handle);
        });
      },
    },
    session,
  );
  const stopPinging = keepAlive(socket, session.close);
  const pong = answerNewest(
    (data: Buffer) =>
      new Promise((resolve) => send((sent) => socket.pong(data, false, sent), resolve)),
  );
  socket.on("pong", noteHandled);
  socket.on("ping", (data) => {
    noteHandled();
    void pong(data);
  });
  socket.on("error", (error) => log.debug({ reason: error.message }, "A WebSocket failed."));
  socket.once("close", (code, reason) => {
    stopPinging();
    share.close();
    for (const leave of session.leave.toReversed()) leave();
    for (const operation of session.operations.values()) operation.end();
    goOn();
    closed(code, String(reason)).catch((error: unknown) => {
      log.debug({ err: error }, "A WebSocket's operations could not be ended.");
    });
  });

  /** Messages of a client that is let in wait for slots of its owner, and no more is read from it meanwhile. */
  async function handleWaiting({ viewer }: Admission, handle: Handle): Promise<void> {
    isHandling = true;
    while (waiting.length > 0) await operations.begin(viewer.ownerId, handleSlice);
    isHandling = false;
    socket.resume();

    /** Together, so that what one socket asks for is also answered together, in few writes. */
    async function handleSlice(): Promise<void> {
      const endsAt = performance.now() + SLICE_MS;
      do void handleOne(waiting.shift() ?? Buffer.alloc(0), handle);
      while (waiting.length > 0 && performance.now() < endsAt);
    }
  }

  async function handleOne(bytes: Buffer, handle: Handle): Promise<void> {
    try {
      // A client may go on sending on a socket that closes, to no effect.
      if (!session.isClosed()) await handle(bytes.toString());
    } catch (error) {
      log.debug({ err: error }, "A message could not be handled.");
      session.close(INTERNAL_ERROR, "Internal server error");
    } finally {
      session.pendingCount -= 1;
      handledBytes -= bytes.length + MESSAGE_BYTES;
      count();
    }
  }

  /** What came before the client is let in counts for as long as it is not. */
  function noteHandled(): void {
    if (session.admission !== null) unhandledBytes = 0;
  }

  /** Resolves once the text has left, or never will. Nobody can know whether it arrived; the close is handled above. */
  function sendText(text: string): Promise<void> {
    return new Promise((resolve) => {
      if (session.isClosed()) return resolve();
      cork();
      // As bytes, because a string would wait on the heap.
      send((sent) => socket.send(Buffer.from(text), { binary: false }, sent), resolve);
      if (socket.bufferedAmount > MAX_CORKED_BYTES) uncork();
    });
  }

  /** What is sent at once leaves together. */
  function cork(): void {
    if (isCorked) return;
    isCorked = true;
    connection.cork();
    process.nextTick(uncork);
  }

  function uncork(): void {
    if (isCorked) connection.uncork();
    isCorked = false;
  }

  /** Calls `left` when what is given to the socket has left, or never will. */
  function send(give: (sent: () => void) => void, left = (): void => undefined): void {
    unsentCount += 1;
    give(() => {
      unsentCount -= 1;
      count();
      left();
    });
    count();
  }

  /** Where that is too much, the budget cuts whatever holds most. */
  function count(): void {
    const unsentBytes = socket.bufferedAmount + unsentCount * MESSAGE_BYTES;
    share.hold(unsentBytes + unhandledBytes + handledBytes);
    if (!isBehind()) goOn();
  }

  function isBehind(): boolean {
    return !session.isClosed() && socket.bufferedAmount > MAX_CORKED_BYTES;
  }

  function goOn(): void {
    for (const resolve of behind.splice(0)) resolve();
  }

  function cut(): void {
    end(TRY_AGAIN_LATER, "Too much waits for this client. Read on, and send messages at once.");
  }

  /** At once: the client may not read, and its memory is needed now. */
  function end(code: number, reason: string): void {
    session.close(code, reason);
    uncork();
    socket.terminate();
  }
}

/**
 * Answers pings: of those that wait while others are read, or while an answer leaves, the newest. So a client that reads
 * none makes one wait. Each call resolves when its ping no longer waits for an answer.
 */
function answerNewest<Ping>(answer: (ping: Ping) => Promise<void>): (ping: Ping) => Promise<void> {
  let waiting: { readonly ping: Ping; drop(): void } | null = null;
  let isAnswering = false;

  async function answerAll(): Promise<void> {
    isAnswering = true;
    // What has come by now is read first.
    await setImmediate();
    while (waiting !== null) {
      const { ping, drop } = waiting;
      waiting = null;
      await answer(ping);
      drop();
    }
    isAnswering = false;
  }

  return (ping) =>
    new Promise((resolve) => {
      waiting?.drop();
      waiting = { ping, drop: resolve };
      if (!isAnswering) void answerAll();
    });
}

/** Keeps the connection open through proxies, and closes it when the last ping has no answer of its own. */
function keepAlive(socket: WebSocket, close: SocketSession["close"]): () => void {
  let unanswered: Buffer | null = null;
  socket.on("pong", (data) => {
    if (unanswered?.equals(data) === true) unanswered = null;
  });
  const timer = setInterval(() => {
    if (unanswered !== null) return close(TRY_AGAIN_LATER, "A ping had no answer. Connect again.");
    unanswered = randomBytes(4);
    socket.ping(unanswered);
  }, KEEP_ALIVE_MS);
  return () => clearInterval(timer);
}

/** With the ping's payload, unless that is long: pongs wait in memory until they are read. */
function toPong(payload: unknown): string {
  const isLong = Buffer.byteLength(JSON.stringify(payload ?? null)) > MAX_ECHO_BYTES;
  return JSON.stringify({ type: "pong", ...(!isLong && { payload }) });
}

/** A text that a close frame has room for. */
function toCloseReason(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= MAX_REASON_BYTES) return text;
  const short = bytes.subarray(0, MAX_REASON_BYTES - 6).toString();
  return `${short.replace(/\uFFFD+$/, "")}…`;
}
