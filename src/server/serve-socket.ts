import type { Server } from "graphql-ws";
import type { Logger } from "pino";
import type { WebSocket } from "ws";

const KEEP_ALIVE_MS = 12_000;
const LARGEST_UNREAD_BYTES = 16 * 1024 * 1024;
const INTERNAL_ERROR = 4500;

/**
 * Speaks graphql-transport-ws on one socket. A stream sends its next event only when the one before has left; a client
 * that is gone or does not read is cut.
 */
export function serveSocket(service: Server<null>, socket: WebSocket, log: Logger): void {
  const end = service.opened(
    {
      protocol: socket.protocol,
      // Whether it arrived nobody can know; that the socket closed is told below.
      send: (text) =>
        new Promise((resolve) => {
          if (socket.readyState === socket.OPEN) socket.send(text, () => resolve());
          else resolve();
        }),
      close: (code, reason) => socket.close(code, reason),
      onMessage(handle) {
        socket.on("message", (message) => {
          // A client that asks and never reads the answers would otherwise fill the memory with them.
          if (socket.bufferedAmount > LARGEST_UNREAD_BYTES) return socket.terminate();
          // As it is set up, ws gives nothing but buffers.
          const text = Buffer.isBuffer(message) ? message.toString() : "";
          return handle(text).catch((error: unknown) => {
            log.debug({ err: error }, "A message could not be handled.");
            socket.close(INTERNAL_ERROR, "Internal server error");
          });
        });
      },
    },
    null,
  );
  const stopPinging = ping(socket);
  socket.on("error", (error) => log.debug({ reason: error.message }, "A WebSocket failed."));
  socket.once("close", (code, reason) => {
    stopPinging();
    end(code, String(reason)).catch((error: unknown) => {
      log.debug({ err: error }, "A WebSocket's operations could not be ended.");
    });
  });
}

/** Keeps the connection open through proxies, and cuts it when the last ping is still without an answer. */
function ping(socket: WebSocket): () => void {
  let isAnswered = true;
  socket.on("pong", () => (isAnswered = true));
  const timer = setInterval(() => {
    if (!isAnswered) return socket.terminate();
    isAnswered = false;
    socket.ping();
  }, KEEP_ALIVE_MS);
  return () => clearInterval(timer);
}
