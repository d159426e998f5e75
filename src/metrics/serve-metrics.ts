import { createServer } from "node:http";

import type { Registry } from "prom-client";

import { listen } from "../server/start-server.ts";

const PATH = "/metrics";
/** Prometheus is one client, or a few. */
const MOST_CONNECTIONS = 100;

/** Serves `/metrics` on a port of its own, without credentials. Rejects with a `ListenError`. */
export async function serveMetrics(
  registry: Pick<Registry, "metrics" | "contentType">,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<{ readonly port: number; close(): Promise<void> }> {
  let reading: Promise<string> | null = null;
  const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
    if (request.url !== PATH) return response.writeHead(404).end(`Metrics are at ${PATH}.\n`);
    // Many requests that come at once would hold up the gateway.
    reading ??= registry.metrics().finally(() => (reading = null));
    return reading.then(
      (text) => response.writeHead(200, { "content-type": registry.contentType }).end(text),
      () => response.writeHead(500).end("The metrics could not be read. Ask again.\n"),
    );
  });
  server.maxConnections = MOST_CONNECTIONS;
  // Else thousands of answers could wait on one connection.
  server.maxRequestsPerSocket = 1;
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
