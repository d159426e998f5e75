import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";

import { onTestFinished } from "vitest";

/** A connection to a port of this machine, destroyed when the test ends. */
export async function openConnection(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  await once(socket, "connect");
  return socket;
}
