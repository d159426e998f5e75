import { once } from "node:events";
import type { Server } from "node:net";

/** Has a server listen on the loopback, on a free port unless one is given, and gives its port. */
export async function listenOnLoopback(server: Server, port = 0): Promise<number> {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("No TCP address.");
  return address.port;
}
