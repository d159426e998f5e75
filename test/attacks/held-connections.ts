import { readFileSync } from "node:fs";

const ESTABLISHED = "01";

/** The clients' ports of the connections of which a server on Linux has its end open; a client that reads nothing doesn't notice. */
export function readHeldPorts(serverPort: number): ReadonlySet<number> {
  const [, ...connections] = readFileSync("/proc/net/tcp", "utf8").trim().split("\n");
  const ours = connections
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => toPort(local) === serverPort && state === ESTABLISHED);
  return new Set(ours.map(([, , remote]) => toPort(remote)));
}

function toPort(address = ""): number {
  return Number.parseInt(address.slice(address.indexOf(":") + 1), 16);
}
