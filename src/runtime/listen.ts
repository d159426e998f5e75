import { once } from "node:events";
import type { Server } from "node:net";

import { codeOf, SetupError } from "./coded-error.ts";

type Address = { readonly port: number; readonly host: string; readonly variable: string };

/** As many as Linux keeps. If a burst fills a shorter backlog, everybody else's connections come a second late. */
const MAX_NEW_CONNECTIONS = 4_096;

/** Resolves with the port. Rejects with a `SetupError` that names the variable which sets the port. */
export async function listen(server: Server, { variable, ...address }: Address): Promise<number> {
  try {
    server.listen({ ...address, backlog: MAX_NEW_CONNECTIONS });
    await once(server, "listening");
  } catch (error) {
    throw new SetupError(explain(error, { ...address, variable }), { cause: error });
  }
  const bound = server.address();
  return typeof bound === "object" && bound !== null ? bound.port : address.port;
}

/** What a browser on this machine can open. */
export function toUrlHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}

function explain(error: unknown, { port, host, variable }: Address): string {
  const code: unknown = codeOf(error);
  switch (code) {
    case "EADDRINUSE":
      return `Port ${port} of ${host} is in use. Stop the program that has it, or set ${variable} to another port (0 takes a free one).`;
    case "EACCES":
      return `Port ${port} is not allowed for this user. Set ${variable} to one above 1023.`;
    default:
      return `The gateway can't listen on ${host}, port ${port} (${String(code)}). Set HOST to an address of this machine, such as 127.0.0.1.`;
  }
}
