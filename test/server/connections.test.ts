import { once } from "node:events";
import type { IncomingMessage, ServerOptions, ServerResponse } from "node:http";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";

import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";

import { type Connections, createConnections } from "../../src/api/server/connections.ts";
import { CodedError } from "../../src/runtime/coded-error.ts";
import { exchange, whenClosed } from "../support/raw-socket.ts";
import { greet, openConnection } from "./open-socket.ts";
import { LIMITS, serve } from "./serve.ts";

const STALL_MS = 200;
const REQUEST = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/** The port of a server that answers like this. */
async function listen(
  answer: (request: IncomingMessage, response: ServerResponse, connections: Connections) => unknown,
  options: ServerOptions = {},
) {
  const server = createServer(options);
  const connections = createConnections(server, STALL_MS, LIMITS.http);
  server.on("request", (request, response) => {
    connections.take(response, () => void answer(request, response, connections));
  });
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

test("a slow body may take as long as it keeps coming, and is refused when it stops", async () => {
  const tooSlow = new CodedError("REQUEST_TIMEOUT", "Send it faster.");
  const port = await listen(
    (request, response, connections) => {
      connections.allowSlowBody(response, tooSlow);
      request.resume().once("end", () => response.end("taken"));
    },
    { requestTimeout: STALL_MS, headersTimeout: STALL_MS, connectionsCheckingInterval: 20 },
  );
  const head =
    "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 10\r\n\r\n";
  const send = async (bytes: number): Promise<string> => {
    const socket = await openConnection(port);
    socket.write(head);
    const answer = text(socket);
    for (let sent = 0; sent < bytes; sent += 1) {
      await delay(STALL_MS / 4);
      socket.write("x");
    }
    return await answer;
  };
  expect(await send(10)).toContain("taken");
  expect(await send(5)).toMatch(/^HTTP\/1\.1 408 .*Send it faster/s);
});

test("a connection on which more than a hundred requests wait for their answers is cut", async () => {
  let begunCount = 0;
  const port = await listen(() => void (begunCount += 1));
  const socket = await openConnection(port);
  socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(5_000));
  await whenClosed(socket);
  expect(begunCount).toBe(1);
});

test("connections beyond the most, sockets among them, are closed at once, and those before stay", async () => {
  const limits = { ...LIMITS, http: { ...LIMITS.http, connections: 2 } };
  const { port, graphqlUrl } = await serve({ limits });
  const kept = await openConnection(port);
  const socket = await greet(graphqlUrl);
  await whenClosed(await openConnection(port));
  expect([kept.closed, socket.readyState]).toEqual([false, WebSocket.OPEN]);
});

test.each([
  ["a 400", "Origin: http://a.example\r\nOrigin: http://b.example\r\n"],
  ["a 415", "content-encoding: gzip\r\ntransfer-encoding: chunked\r\n"],
])("what waits behind %s that closes its connection is never begun", async (_what, headers) => {
  const { port, counts, graphqlUrl } = await serve();
  const body = '{"query":"{ wait }"}';
  const post = (more: string, text: string) =>
    `POST /graphql HTTP/1.1\r\nHost: localhost\r\ncontent-type: application/json\r\n${more}\r\n${text}`;
  const refused = post(headers, headers.includes("chunked") ? "0\r\n\r\n" : "");
  const { text: answer } = await exchange(
    port,
    refused + post(`content-length: ${body.length}\r\n`, body),
  );
  expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
  // By now the second request would have been begun.
  await fetch(`${graphqlUrl}?query={__typename}`);
  expect(counts.waiting).toBe(0);
});
