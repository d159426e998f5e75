import { once } from "node:events";

import { onTestFinished } from "vitest";
import { WebSocket } from "ws";

/** A greeting without a credential. */
export const INIT = '{"type":"connection_init"}';

/** A socket that has said these first words; it ends with the test. */
export async function open(graphqlUrl: string, first: string): Promise<WebSocket> {
  const socket = new WebSocket(graphqlUrl.replace("http", "ws"), "graphql-transport-ws");
  onTestFinished(() => socket.terminate());
  await once(socket, "open");
  socket.send(first);
  return socket;
}

/** A greeting with these `connectionParams`. */
export function init(payload: Record<string, unknown>): string {
  return JSON.stringify({ type: "connection_init", payload });
}

/** The message that begins an operation. */
export function subscribe(id: string, query: string): string {
  return JSON.stringify({ id, type: "subscribe", payload: { query } });
}

/** The next message that comes, as text. */
export async function nextMessage(socket: WebSocket): Promise<string> {
  const [message] = await once(socket, "message");
  return String(message);
}

/** How the socket is closed. */
export async function closing(socket: WebSocket): Promise<{ code: unknown; reason: string }> {
  const [code, reason] = await once(socket, "close");
  return { code, reason: String(reason) };
}
