import { once } from "node:events";

import { type ClientOptions, createGatewayClient } from "runcomfy-graphql-client";
import { onTestFinished } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { z } from "zod";

const MESSAGE = z.object({ type: z.string(), id: z.string().optional() });
const ADDRESS = z.object({ port: z.number() });
export const SUBSCRIPTION = "subscription { viewer { id } }";

type Subscription = {
  readonly socket: WebSocket;
  /** Sends a message of the protocol about it. */
  send(type: "next" | "error" | "complete", payload?: unknown): void;
};

/**
 * A client of a server that lets everybody in and hands each subscription to `onSubscribe`, with how many came before it.
 * Both are closed when the test ends.
 */
export async function openClientOf(
  onSubscribe: (subscription: Subscription, before: number) => void,
  options: Omit<ClientOptions, "url"> = {},
) {
  let count = 0;
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  server.on("connection", (socket) => {
    socket.on("message", (data: Buffer) => {
      const { type, id } = MESSAGE.parse(JSON.parse(String(data)));
      const send = (answer: string, payload?: unknown) =>
        socket.send(JSON.stringify({ type: answer, id, payload }));
      if (type === "connection_init") send("connection_ack");
      if (type === "subscribe") onSubscribe({ socket, send }, count++);
    });
  });
  await once(server, "listening");
  const { port } = ADDRESS.parse(server.address());
  const client = createGatewayClient({ url: `http://127.0.0.1:${port}/graphql`, ...options });
  onTestFinished(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
    // It ends with the pause in which it may be, which is not waited for.
    void Promise.resolve(client.socket.dispose()).catch(() => undefined);
  });
  return { client, count: () => count };
}
