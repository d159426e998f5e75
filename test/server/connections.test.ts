import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";

import { createMemoryBudget } from "../../src/runtime/memory-budget.ts";
import { Connections } from "../../src/server/connections.ts";
import { exchange, whenClosed } from "../support/raw-socket.ts";
import { openConnection } from "./open-socket.ts";
import { LIMITS, serve } from "./serve.ts";

const STALL_MS = 200;
const MOST_OWN_IN_A_TURN = 32;
const REQUEST = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/** The port of a server that answers like this. */
async function listen(
  answer: (request: IncomingMessage, response: ServerResponse) => unknown,
  mostBytes = 536_870_912,
) {
  const server = createServer();
  const memory = createMemoryBudget({ mostBytes });
  const connections = new Connections(server, { stallMs: STALL_MS, memory, limits: LIMITS.http });
  server.on("request", (request, response) => {
    connections.take(response, () => void answer(request, response));
  });
  onTestFinished(() => void server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Connections that were answered once: of those that it has not accepted, a server takes one in a turn. */
function openConnections(port: number, count: number): Promise<readonly Socket[]> {
  const open = async (): Promise<Socket> => {
    const socket = await openConnection(port);
    socket.write(toRequest("first"));
    await once(socket, "data");
    return socket;
  };
  return Promise.all(Array.from({ length: count }, open));
}

function toRequest(credential: string, bodyBytes = 0): string {
  const head = `POST / HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${credential}`;
  return `${head}\r\nContent-Length: ${bodyBytes}\r\n\r\n${"x".repeat(bodyBytes)}`;
}

/** How often `count` is called in each turn of the event loop in which it is. */
function countInTurns() {
  const turns = [0];
  const count = (): void => {
    if (turns.at(-1) === 0) setImmediate(() => turns.push(0));
    turns.push((turns.pop() ?? 0) + 1);
  };
  return { turns, count };
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

test("a connection on which more than a hundred requests wait for their answers is cut", async () => {
  let begunCount = 0;
  const port = await listen(() => void (begunCount += 1));
  const socket = await openConnection(port);
  socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(5_000));
  await whenClosed(socket);
  expect(begunCount).toBe(1);
});

test("of requests that come at once few begin in a turn of the event loop, and others' among the first", async () => {
  const { turns, count } = countInTurns();
  const begun: string[] = [];
  const port = await listen(({ headers: { authorization = "" } }, response) => {
    if (authorization !== "first") count();
    begun.push(authorization);
    response.end();
  });
  const sockets = await openConnections(port, 201);
  begun.length = 0;
  for (const [at, socket] of sockets.entries())
    socket.write(toRequest(at < 200 ? "greedy" : "other"));
  await expect.poll(() => begun.length).toBe(201);
  // What begins before the turn's first is over counts with the turn before.
  expect(Math.max(...turns)).toBeLessThan(2 * MOST_OWN_IN_A_TURN);
  expect(begun.indexOf("other")).toBeLessThan(2 * MOST_OWN_IN_A_TURN);
});

test("a request whose client leaves before its turn never begins", async () => {
  let begunCount = 0;
  const leaving: Socket[] = [];
  const port = await listen((_request, response) => {
    begunCount += 1;
    for (const socket of leaving) socket.destroy();
    response.end();
  });
  const sockets = await openConnections(port, 200);
  begunCount = 0;
  leaving.push(...sockets);
  for (const socket of sockets) socket.write(toRequest("greedy"));
  await expect.poll(() => begunCount).toBeGreaterThan(0);
  // By then all would have begun.
  await openConnections(port, 1);
  expect(begunCount).toBeLessThan(200);
});

test("bodies that wait for their turn take little together, and the connections with the largest are cut", async () => {
  const port = await listen((_request, response) => response.end(), 4_194_304);
  const [small = new Socket(), ...large] = await openConnections(port, 201);
  const firstBytes = small.bytesRead;
  const isAnswered = ({ bytesRead }: Socket): boolean => bytesRead > firstBytes;
  const isOver = (socket: Socket): boolean => socket.closed || isAnswered(socket);
  for (const socket of large) socket.write(toRequest("greedy", 60_000));
  small.write(toRequest("greedy", 10));
  await expect.poll(() => [small, ...large].every(isOver)).toBe(true);
  expect(isAnswered(small)).toBe(true);
  expect(large.filter(isAnswered).length).toBeLessThan(100);
});

// Elsewhere one listener has the port.
test.runIf(process.platform === "linux")(
  "of connections that come at once many are accepted in one turn of the event loop",
  async () => {
    const { port } = await serve();
    const { turns, count } = countInTurns();
    const note = (message: unknown): void => {
      const { socket } = z.object({ socket: z.instanceof(Socket) }).parse(message);
      if (socket.localPort === port) count();
    };
    subscribe("net.server.socket", note);
    onTestFinished(() => void unsubscribe("net.server.socket", note));
    await Promise.all(Array.from({ length: 64 }, () => openConnection(port)));
    await expect.poll(() => turns.reduce((sum, count) => sum + count)).toBe(64);
    expect(Math.max(...turns)).toBeGreaterThan(8);
  },
);

test("connections beyond the most are closed at once, and those before stay", async () => {
  const { port } = await serve({ limits: { ...LIMITS, http: { ...LIMITS.http, connections: 2 } } });
  const kept = [await openConnection(port), await openConnection(port)];
  await whenClosed(await openConnection(port));
  expect(kept.map(({ closed }) => closed)).toEqual([false, false]);
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
