import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";

/** What came back on a connection, in Latin-1. */
export type Exchange = { readonly text: string; readonly isClosed: boolean };

/** A connection that minds no reset; it ends with the server, if not before. */
export async function openSocket(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined); // `close` reports it.
  await once(socket, "connect");
  return socket;
}

/** Sends bytes, and gives what comes back until the server closes, or until `isEnough`. */
export async function exchange(
  port: number,
  bytes: string | Buffer,
  isEnough: (text: string) => boolean = () => false,
): Promise<Exchange> {
  const socket = await openSocket(port);
  socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  return await new Promise((resolve) => {
    let text = "";
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => {
      text += chunk;
      if (isEnough(text)) end(false);
    });
    socket.once("close", () => end(true));
    const end = (isClosed: boolean): void => {
      resolve({ text, isClosed });
      socket.destroy();
    };
  });
}

/** The statuses of the answers in what came back. */
export function toStatuses(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.[01] (\d{3})/g)].map(([, status]) => Number(status));
}

/** Resolves when a connection has closed, an error or not. */
export function whenClosed(socket: Socket): Promise<void> {
  socket.on("error", () => undefined).resume();
  return new Promise((resolve) => void socket.once("close", () => resolve()));
}
