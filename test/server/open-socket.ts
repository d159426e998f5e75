import { once } from "node:events";
import type { Socket } from "node:net";

import type { Client, ClientOptions, SubscribePayload } from "graphql-ws";
import { createClient } from "graphql-ws";
import { expect, onTestFinished } from "vitest";
import { WebSocket } from "ws";

import type { RawWebSocket } from "../attacks/raw-web-socket.ts";
import { openRawWebSocket } from "../attacks/raw-web-socket.ts";
import { openSocket } from "../support/raw-socket.ts";

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

/** The same, let in by a greeting. */
export async function greet(graphqlUrl: string, greeting = INIT): Promise<WebSocket> {
  const socket = await open(graphqlUrl, greeting);
  await nextMessage(socket);
  return socket;
}

/** What comes from now on. */
export function keepMessages(socket: WebSocket): readonly string[] {
  const messages: string[] = [];
  socket.on("message", (message: Buffer) => messages.push(message.toString()));
  return messages;
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

/** The stock client, which connects once; it ends with the test. */
export function connect(graphqlUrl: string, options: Partial<ClientOptions> = {}): Client {
  const url = graphqlUrl.replace("http", "ws");
  const client = createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0, ...options });
  onTestFinished(() => client.dispose());
  return client;
}

/** The first result of an operation, or the errors that came instead. */
export function run(client: Client, operation: SubscribePayload): Promise<unknown> {
  return new Promise((resolve) => {
    const complete = (): void => resolve(null);
    client.subscribe(operation, { next: resolve, error: resolve, complete });
  });
}

/** A connection to a port of this machine, destroyed when the test ends. */
export async function openConnection(port: number): Promise<Socket> {
  const socket = await openSocket(port);
  onTestFinished(() => void socket.destroy());
  return socket;
}

/** A socket that speaks in bytes; it ends with the test. */
export async function openRaw(port: number, protocol?: string): Promise<RawWebSocket> {
  const client = await openRawWebSocket(port, protocol);
  onTestFinished(() => void client.socket.destroy());
  return client;
}

/** The same, let in; the acknowledgement is its first message. */
export async function greetRaw(port: number): Promise<RawWebSocket> {
  const client = await openRaw(port);
  client.say({ type: "connection_init" });
  await expect.poll(() => client.messages, { interval: 5 }).toHaveLength(1);
  return client;
}
