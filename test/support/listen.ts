import type { Server, Socket } from "node:net";

import { expect, onTestFinished } from "vitest";

import { listenOnLoopback } from "./listen-on-loopback.ts";

/** Has a server listen on loopback for the time of a test, and counts its connections. */
export async function listen(server: Server) {
  const open = new Set<Socket>();
  let connections = 0;
  server.on("connection", (socket: Socket) => {
    connections += 1;
    open.add(socket);
    socket.on("error", () => undefined).on("close", () => open.delete(socket));
  });
  const port = await listenOnLoopback(server);
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    connections: () => connections,
    /** Resolves when nobody is connected any more. */
    empty: () => expect.poll(() => open.size).toBe(0),
  };
}
