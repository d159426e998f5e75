import { once } from "node:events";

import { Registry } from "prom-client";
import { expect, onTestFinished, test } from "vitest";

import { serveMetrics } from "../../src/metrics/serve-metrics.ts";
import { readHeldPorts } from "../attacks/held-connections.ts";
import { exchange, openSocket, whenClosed } from "../support/raw-socket.ts";

/** More than the kernel takes off the gateway's hands for a client that does not read. */
const LARGE = "# A comment.\n".repeat(1_000_000);
const MAX_CONNECTIONS = 100;

async function serve(
  options: {
    readonly text?: string;
    readonly patienceMs?: number;
    readonly origins?: string[];
  } = {},
) {
  const { text = "up 1\n", ...others } = options;
  const { contentType } = new Registry();
  const registry = { metrics: async () => text, contentType };
  const at = { host: "127.0.0.1", port: 0, origins: [], ...others };
  const { port, close } = await serveMetrics(registry, at);
  onTestFinished(close);
  return port;
}

/** As Prometheus sends it. */
const scrape = (host: string) =>
  `GET /metrics HTTP/1.1
Host: ${host}
User-Agent: Prometheus/3.13.3
Accept: application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.3
Accept-Encoding: gzip
X-Prometheus-Scrape-Timeout-Seconds: 10

`.replaceAll("\n", "\r\n");

test.each([
  "gateway-1:9464",
  "localhost:9464",
  "10.1.2.3:9464",
  "[::1]:9464",
  "host.docker.internal",
])("metrics are read by the name %s, as Prometheus has it among containers", async (host) => {
  const { text } = await exchange(await serve(), scrape(host));
  expect(text).toMatch(/^HTTP\/1\.1 200 .*up 1/s);
});

test.each(["evil.example:9464", "printer.local:9464", "127.0.0.1.evil.example", "a b"])(
  "metrics are not read by the name %s, which a page may have pointed here",
  async (host) => {
    const { text } = await exchange(await serve(), scrape(host));
    expect(text).toMatch(/^HTTP\/1\.1 421 .*address.*CORS_ORIGINS/s);
    expect(text).not.toContain("up 1");
  },
);

test("metrics are read by a public name that CORS_ORIGINS lists", async () => {
  const port = await serve({ origins: ["http://gateway.example.com:9464"] });
  expect((await exchange(port, scrape("gateway.example.com:9464"))).text).toContain("up 1");
});

test("connections that send nothing keep Prometheus out neither while they are open nor for long", async () => {
  const port = await serve({ patienceMs: 60_000 });
  const silent = await Promise.all(
    Array.from({ length: 3 * MAX_CONNECTIONS }, () => openSocket(port)),
  );
  const closed = silent.slice(0, 2 * MAX_CONNECTIONS).map(whenClosed);
  expect((await exchange(port, scrape("gateway-1:9464"))).text).toContain("up 1");
  // Those that came first had to make room.
  await Promise.all(closed);
  const hasty = await openSocket(await serve({ patienceMs: 1 }));
  await whenClosed(hasty);
});

test("a reader that takes nothing of its answer is cut", async () => {
  const port = await serve({ text: LARGE, patienceMs: 300 });
  const reader = await openSocket(port);
  onTestFinished(() => void reader.destroy());
  reader.write(scrape("gateway-1:9464"));
  await once(reader, "readable");
  await expect.poll(() => readHeldPorts(port).size).toBe(0);
  await whenClosed(reader);
  expect(reader.bytesRead).toBeLessThan(LARGE.length);
});
