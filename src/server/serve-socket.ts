import type { Server } from "graphql-ws";
import type { Logger } from "pino";
import type { WebSocket } from "ws";

import type { Admission } from "../auth/authenticator.ts";
import { toCloseReason } from "./admit.ts";
import { TRY_AGAIN_LATER } from "./close-codes.ts";
import type { WaitingSockets } from "./waiting-sockets.ts";

const KEEP_ALIVE_MS = 12_000;
const INTERNAL_ERROR = 4500;
/** What a message takes until it leaves, besides its own bytes: small ones fill the memory soonest. */
const MESSAGE_BYTES = 2_048;

/** One socket, as graphql-ws hands it on to what is called for its operations. */
export type SocketSession = {
  /** Null until somebody is let in by it. */
  admission: Admission | null;
  /** Messages that are being handled: an operation until it ends, whatever the client says of it in between. */
  pendingCount: number;
  close(code: number, reason: string): void;
  /** Whether it closes or has closed. */
  isClosed(): boolean;
  /** By the payload that began it: called when an operation is over, or the socket has closed. */
  readonly ends: Map<object, () => void>;
  /** Called, last first, when the socket has closed. */
  readonly leave: (() => void)[];
  /** To be called when somebody is let in by it. */
  stopWaiting(): void;
};

/**
 * Speaks graphql-transport-ws on one socket. A stream sends its next event only when the one before has left; a client
 * that is gone or does not read is closed.
 */
export function serveSocket(options: {
  readonly service: Server<SocketSession>;
  readonly socket: WebSocket;
  /** What its reader may be behind. */
  readonly unreadBytes: number;
  readonly waitingSockets: WaitingSockets;
  /** What a text that came is handled as. */
  readonly toMessage: (text: string) => string;
  readonly log: Logger;
}): SocketSession {
  const { service, socket, unreadBytes, log } = options;
  const stopWaiting = options.waitingSockets.add(() => {
    session.close(
      TRY_AGAIN_LATER,
      "Too many sockets wait to be let in. Send connection_init at once.",
    );
    // Its place is another's now.
    socket.terminate();
  });
  const session: SocketSession = {
    admission: null,
    pendingCount: 0,
    close: (code, reason) => socket.close(code, toCloseReason(reason)),
    isClosed: () => socket.readyState !== socket.OPEN,
    stopWaiting,
    ends: new Map(),
    leave: [stopWaiting],
  };
  let unsentCount = 0;
  const end = service.opened(
    {
      protocol: socket.protocol,
      // Whether it arrived nobody can know; that the socket closed is told below.
      send: (text) =>
        new Promise((resolve) => {
          if (socket.readyState === socket.OPEN && !isFarBehind())
            socket.send(text, countUnsent(resolve));
          else resolve();
        }),
      close: (code, reason) => session.close(code ?? INTERNAL_ERROR, reason ?? ""),
      onMessage(handle) {
        socket.on("message", (message) => {
          // A client may go on sending on a socket that is closing, but nothing is done for it any more.
          if (socket.readyState !== socket.OPEN || isFarBehind()) return;
          // As it is set up, ws gives nothing but buffers.
          const text = Buffer.isBuffer(message) ? message.toString() : "";
          session.pendingCount += 1;
          handle(options.toMessage(text))
            .catch((error: unknown) => {
              log.debug({ err: error }, "A message could not be handled.");
              session.close(INTERNAL_ERROR, "Internal server error");
            })
            .finally(() => (session.pendingCount -= 1));
        });
      },
    },
    session,
  );
  const stopPinging = ping(socket, session);
  socket.on("ping", (data) => isFarBehind() || socket.pong(data, false, countUnsent()));
  socket.on("error", (error) => log.debug({ reason: error.message }, "A WebSocket failed."));
  socket.once("close", (code, reason) => {
    stopPinging();
    for (const leave of session.leave.toReversed()) leave();
    for (const over of session.ends.values()) over();
    end(code, String(reason)).catch((error: unknown) => {
      log.debug({ err: error }, "A WebSocket's operations could not be ended.");
    });
  });

  return session;

  /** Gives what is to be called when a message that is sent now has left. */
  function countUnsent(left = (): void => undefined): () => void {
    unsentCount += 1;
    return () => {
      unsentCount -= 1;
      left();
    };
  }

  /** A client that asks and never reads the answers would otherwise fill the memory with them. */
  function isFarBehind(): boolean {
    const isBehind = socket.bufferedAmount + unsentCount * MESSAGE_BYTES > unreadBytes;
    if (isBehind)
      session.close(TRY_AGAIN_LATER, `More than ${unreadBytes / 1_024} KiB are unread. Read on.`);
    return isBehind;
  }
}

/** Keeps the connection open through proxies, and closes it when the last ping is still without an answer. */
function ping(socket: WebSocket, session: SocketSession): () => void {
  let isAnswered = true;
  socket.on("pong", () => (isAnswered = true));
  const timer = setInterval(() => {
    if (!isAnswered) return session.close(TRY_AGAIN_LATER, "A ping had no answer. Connect again.");
    isAnswered = false;
    socket.ping();
  }, KEEP_ALIVE_MS);
  return () => clearInterval(timer);
}
