import type { Duplex } from "node:stream";

const corked: Duplex[] = [];

/** Lets what is written on a connection in this turn leave in one write. */
export function cork(connection: Duplex): void {
  if (connection.writableCorked > 0) return;
  connection.cork();
  if (corked.push(connection) === 1) process.nextTick(uncorkAll);
}

function uncorkAll(): void {
  for (const connection of corked.splice(0)) connection.uncork();
}
