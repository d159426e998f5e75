import { once } from "node:events";

import { Registry } from "prom-client";
import { expect, onTestFinished, test } from "vitest";

import { serveMetrics } from "../../../src/parts/metrics/serve-metrics.ts";
import { readHeldPorts } from "../../attacks/held-connections.ts";
import { exchange, openSocket, whenClosed } from "../../support/raw-socket.ts";

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

test("metrics are read by names that no page can point here, as Prometheus has them among containers, or that CORS_ORIGINS lists", async () => {
  const port = await serve({ origins: ["http://gateway.example.com:9464"] });
  for (const host of [
    "gateway-1:9464",
    "localhost:9464",
    "10.1.2.3:9464",
    "[::1]:9464",
    "host.docker.internal",
    "gateway.example.com:9464",
  ])
    expect((await exchange(port, scrape(host))).text, host).toMatch(/^HTTP\/1\.1 200 .*up 1/s);
  for (const host of ["evil.example:9464", "printer.local:9464", "127.0.0.1.evil.example", "a b"]) {
    const { text } = await exchange(port, scrape(host));
    expect(text, host).toMatch(/^HTTP\/1\.1 421 (?!.*up 1).*address.*CORS_ORIGINS/s);
  }
});

test("connections that send nothing keep Prometheus out for no longer than they may last", async () => {
  const port = await serve({ patienceMs: 300 });
  const silent = await Promise.all(Array.from({ length: MAX_CONNECTIONS }, () => openSocket(port)));
  await whenClosed(await openSocket(port));
  await Promise.all(silent.map(whenClosed));
  expect((await exchange(port, scrape("gateway-1:9464"))).text).toContain("up 1");
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
