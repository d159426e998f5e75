import { createServer } from "node:http";

import type { Registry } from "prom-client";

import { clock } from "../../runtime/environment.ts";
import { listen } from "../../runtime/listen.ts";
import { isOwnHost } from "../../runtime/own-host.ts";

const PATH = "/metrics";
/** Prometheus is one client, or a few. */
const MAX_CONNECTIONS = 100;

/**
 * Serves `/metrics` on a port of its own, without credentials, to requests by a name that is the gateway's own. A
 * connection may last `patienceMs`. Rejects with a `SetupError`.
 */
export async function serveMetrics(
  registry: Pick<Registry, "metrics" | "contentType">,
  options: {
    readonly host: string;
    readonly port: number;
    readonly origins: readonly string[];
    readonly patienceMs?: number;
  },
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const { host, port, origins, patienceMs = 10_000 } = options;
  let reading: Promise<string> | null = null;
  const server = createServer((request, response) => {
    response.shouldKeepAlive = false;
    const { host: name = "" } = request.headers;
    if (!isOwnHost(name, origins)) return response.writeHead(421).end(MISDIRECTED);
    if (request.url !== PATH) return response.writeHead(404).end(`Metrics are at ${PATH}.\n`);
    // Many requests that come at once would hold up the gateway.
    reading ??= registry.metrics().finally(() => (reading = null));
    return reading.then(
      (text) => response.writeHead(200, { "content-type": registry.contentType }).end(text),
      () => response.writeHead(500).end("The metrics could not be read. Ask again.\n"),
    );
  });
  // Else thousands of answers could wait on one connection.
  server.maxRequestsPerSocket = 1;
  server.maxConnections = MAX_CONNECTIONS;
  server.on("connection", (socket) => {
    const stopWaiting = clock.setTimer(() => socket.destroy(), patienceMs);
    socket.once("close", stopWaiting);
  });
  const listensAt = await listen(server, { port, host, variable: "METRICS_PORT" });
  return {
    port: listensAt,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const MISDIRECTED =
  "Metrics are read by an address, localhost, *.internal or a name without a dot, because a page could have pointed any other name here. Give Prometheus such a target, or list http://<this name> in CORS_ORIGINS.\n";
