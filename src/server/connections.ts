import { once } from "node:events";
import type { Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

const SWEEP_MS = 50;
const PATIENCE_MS = 8_000;

/**
 * Keeps count of what a server that does not listen yet will have open, but for WebSockets. `close` stops accepting,
 * cuts at once what is idle, half sent or an event stream, which so does not complete, lets what is being answered
 * finish for 8 s, and resolves when nothing is open, WebSockets included.
 */
export function trackConnections(server: Server): { close(): Promise<void> } {
  const sockets = new Set<Socket>();
  const responses = new Set<ServerResponse>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("upgrade", ({ socket }) => sockets.delete(socket));
  server.on("request", (_request, response) => {
    responses.add(response);
    response.once("close", () => responses.delete(response));
  });

  function cutStreams(): void {
    for (const response of responses) if (isStream(response)) response.destroy();
  }

  return {
    async close() {
      const closed = once(server, "close");
      server.close();
      cutStreams();
      const answered = [...responses].filter(({ req }) => req.complete);
      for (const response of answered) response.shouldKeepAlive = false;
      const busy = new Set(answered.map(({ req }) => req.socket));
      for (const socket of sockets) if (!busy.has(socket)) socket.destroy();
      // Some begin to stream, or fall idle, only a moment later.
      const sweep = setInterval(() => {
        cutStreams();
        server.closeIdleConnections();
      }, SWEEP_MS);
      const impatience = setTimeout(() => server.closeAllConnections(), PATIENCE_MS);
      try {
        await closed;
      } finally {
        clearInterval(sweep);
        clearTimeout(impatience);
      }
    },
  };
}

function isStream({ req, headersSent }: ServerResponse): boolean {
  return headersSent && (req.headers.accept ?? "").includes("text/event-stream");
}
