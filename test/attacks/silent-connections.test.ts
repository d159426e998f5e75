import { execFileSync, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { expect, onTestFinished, test } from "vitest";

import { startAttackedGateway } from "./attacked-gateway.ts";
import { expectRatio, startQuietClient } from "./quiet-client.ts";
import { readMemoryMib } from "./read-memory.ts";

const MOST_CONNECTIONS = 10_000;
/** What a process has open besides. */
const OTHER_FILES = 500;
const MOST_KIB_EACH = 40;
const SAMPLES = 60;
const HANDSHAKE =
  "GET /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n";

test.each([
  ["connections", ""],
  ["WebSockets", HANDSHAKE],
])(
  "as many silent %s as the machine allows take little memory, and nobody's turn",
  { timeout: 60_000 },
  async (what, firstMessage) => {
    // They shall stay open for the length of the test, on a machine that may be slow.
    const gateway = await startAttackedGateway({
      HEADERS_TIMEOUT_SECONDS: "60",
      REQUEST_TIMEOUT_SECONDS: "60",
      IDLE_TIMEOUT_SECONDS: "60",
      SOCKET_INIT_SECONDS: "60",
    });
    onTestFinished(() => gateway.end());
    const files = Number(execFileSync("sh", ["-c", "ulimit -n"], { encoding: "utf8" }));
    const count = Math.min(MOST_CONNECTIONS, (files || MOST_CONNECTIONS) - OTHER_FILES);
    const client = await startQuietClient(gateway);
    onTestFinished(() => client.end());
    const alone = await client.measureMs(SAMPLES);
    const before = readMemoryMib(gateway.process.pid);
    expect(await openSilently(gateway.port, count, firstMessage)).toBeGreaterThan(count * 0.99);
    const kibEach = ((readMemoryMib(gateway.process.pid) - before) * 1_024) / count;
    console.log(`${count} silent ${what}: ${kibEach.toFixed(1)} KiB each`);
    await expectRatio(async () => [alone, await client.measureMs(SAMPLES)]);
    expect(kibEach).toBeLessThan(MOST_KIB_EACH);
    await gateway.expectUnharmed();
  },
);

async function openSilently(port: number, count: number, firstMessage: string): Promise<number> {
  const program = fileURLToPath(new URL("silent-client.ts", import.meta.url));
  const child = spawn(process.execPath, [program, String(port), String(count), firstMessage], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  for await (const line of createInterface(child.stdout)) {
    const opened = /^open (\d+)$/.exec(line)?.[1];
    if (opened !== undefined) return Number(opened);
  }
  throw new Error("The silent client ended before its connections were open.");
}
