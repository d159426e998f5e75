import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";

import { expect, onTestFinished, test } from "vitest";

import { createAnswerTurns } from "../../src/server/answer-turns.ts";
import { trackConnections } from "../../src/server/connections.ts";
import { exchange, whenClosed } from "../support/raw-socket.ts";
import { openConnection } from "./raw.ts";
import { LIMITS, serve } from "./serve.ts";

const STALL_MS = 200;
const REQUEST = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/** The port of a server that answers like this. */
async function listen(answer: (request: IncomingMessage, response: ServerResponse) => unknown) {
  const server = createServer();
  trackConnections(server, { stallMs: STALL_MS, idleMs: STALL_MS });
  const turns = createAnswerTurns();
  server.on("request", (request, response) =>
    turns.take(response, () => void answer(request, response)),
  );
  onTestFinished(() => void server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

test("a client that stops reading its answer is cut", async () => {
  const closed = Promise.withResolvers<void>();
  const port = await listen((_request, response) => {
    response.once("close", () => closed.resolve());
    response.end(Buffer.alloc(100_000_000));
  });
  const socket = await openConnection(port);
  socket.pause().write(REQUEST);
  await closed.promise;
});

test("an answer that takes longer to make than a client may stall is given all the same", async () => {
  const port = await listen((_request, response) => {
    void delay(STALL_MS * 4).then(() => response.end("made"));
  });
  expect((await exchange(port, REQUEST)).text).toContain("made");
});

test.each(["GET", "POST"])(
  "of many %s requests at once on one connection a hundred are begun, and all are answered in their order",
  async (method) => {
    const COUNT = 5_000;
    const waiting: (() => void)[] = [];
    let begunCount = 0;
    let isHeld = true;
    const port = await listen(async (request, response) => {
      if (request.url === "/other") return void response.end("other");
      begunCount += 1;
      await text(request);
      const answer = () => response.end(`<${request.url}>`);
      if (isHeld) waiting.push(answer);
      else answer();
    });
    const socket = await openConnection(port);
    let received = "";
    socket.on("data", (bytes) => (received += String(bytes)));
    const requests = Array.from(
      { length: COUNT },
      (_, place) =>
        `${method} /${place} HTTP/1.1\r\nHost: localhost\r\ncontent-length: 20\r\n\r\n${"x".repeat(20)}`,
    );
    socket.write(requests.join(""));
    await expect.poll(() => begunCount).toBe(100);
    // While others are served.
    for (let turn = 0; turn < 20; turn += 1)
      expect((await exchange(port, REQUEST.replace("/", "/other"))).text).toContain("other");
    expect(begunCount).toBe(100);
    isHeld = false;
    for (const answer of waiting) answer();
    await expect.poll(() => received, { timeout: 10_000 }).toContain(`</${COUNT - 1}>`);
    const order = [...received.matchAll(/<\/(\d+)>/g)].map(([, place]) => Number(place));
    expect(order).toEqual(requests.map((_, place) => place));
  },
);

test("connections beyond the most are closed at once, and those before stay", async () => {
  const { port } = await serve({ limits: { ...LIMITS, http: { ...LIMITS.http, connections: 2 } } });
  const kept = [await openConnection(port), await openConnection(port)];
  await whenClosed(await openConnection(port));
  expect(kept.map(({ closed }) => closed)).toEqual([false, false]);
});

test("what waits on a connection that closes is never begun", async () => {
  let begunCount = 0;
  const closed: Promise<unknown>[] = [];
  const port = await listen((_request, response) => {
    begunCount += 1;
    closed.push(once(response, "close"));
  });
  const socket = await openConnection(port);
  socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(1_000));
  await expect.poll(() => begunCount).toBe(100);
  socket.resetAndDestroy();
  await Promise.all(closed);
  expect(begunCount).toBe(100);
});
