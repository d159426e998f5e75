import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";

import { expect, test } from "vitest";

import { relayMessages } from "../../src/commands/relay-messages.ts";
import { listen } from "../support/listen.ts";

const WAIT = { jsonrpc: "2.0", id: 7, method: "tools/call", params: { name: "wait_for_job" } };
const CANCEL = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 7 } };

test("a request that its client cancels, or leaves behind, is ended at the gateway too", async () => {
  const arrived: IncomingMessage[] = [];
  let hear = (): void => undefined;
  const server = createServer((request) => {
    arrived.push(request);
    hear();
  });
  const { origin } = await listen(server);
  const next = () => new Promise<void>((resolve) => (hear = resolve));
  const written: string[] = [];
  async function* write(): AsyncGenerator<string> {
    for (const isCancelled of [true, false]) {
      const arriving = next();
      yield JSON.stringify(WAIT);
      await arriving;
      const request = arrived.at(-1);
      if (request === undefined || !isCancelled) return;
      const closed = once(request.socket, "close");
      yield JSON.stringify(CANCEL);
      await closed;
    }
  }
  const url = new URL("/mcp", origin);
  await relayMessages({ lines: write(), write: (line) => void written.push(line), url, key: null });
  const [, left] = arrived;
  if (left !== undefined && !left.socket.destroyed) await once(left.socket, "close");
  expect(arrived).toHaveLength(2);
  expect(written).toEqual([]);
});
