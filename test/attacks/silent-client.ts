import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";

const AT_ONCE = 100;

/**
 * A program that opens as many connections as it is told, to a port, with a first message that may be empty; prints
 * how many are open once all are, and holds them until it is killed.
 */
const [port = "", count = "", firstMessage = ""] = process.argv.slice(2);
const open = new Set<Socket>();
for (let opened = 0; opened < Number(count); opened += AT_ONCE)
  await Promise.all(Array.from({ length: AT_ONCE }, openOne));
console.log(`open ${open.size}`);
setInterval(() => undefined, 60_000);

async function openOne(): Promise<void> {
  const socket = connect(Number(port), "127.0.0.1");
  socket.on("error", () => undefined).on("close", () => open.delete(socket));
  try {
    await once(socket, "connect");
    open.add(socket);
    if (firstMessage === "") return;
    socket.write(firstMessage);
    await once(socket, "data");
  } catch {
    open.delete(socket); // The machine has no more, or the gateway.
  }
}
