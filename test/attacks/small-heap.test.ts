import { once } from "node:events";
import type { Socket } from "node:net";

import { afterAll, afterEach, onTestFinished, test, vi } from "vitest";

import { openSocket } from "../support/raw-socket.ts";
import { startAttackedGateway } from "./attacked-gateway.ts";
import { openRawWebSocket, toBytes } from "./raw-web-socket.ts";

vi.setConfig({ testTimeout: 120_000 });

/*
 * What never reads, and what never sends in full, at a gateway whose heap is small: it has to live, and to serve others.
 */

const [TEXT, BINARY, PING, PONG] = [0x1, 0x2, 0x9, 0xa];
const PATIENCE_MS = 1_000;
/** A fresh gateway holds 50, and the documents that are kept for all take 25. */
const MAX_MIB = 170;

const gateway = await startAttackedGateway({
  NODE_OPTIONS: "--max-old-space-size=256",
  // Nothing goes because of its age.
  REQUEST_TIMEOUT_SECONDS: "120",
  IDLE_TIMEOUT_SECONDS: "120",
});
afterAll(() => gateway.end());

// Before the clients leave.
afterEach(async () => {
  await gateway.expectUnharmed();
  await gateway.expectHeldBelow(MAX_MIB);
});

const say = (message: unknown): Buffer =>
  toBytes({ opcode: TEXT, payload: JSON.stringify(message) });
const INIT = say({ type: "connection_init" });
const NOTHING = Buffer.alloc(0);
const LONG_PING = say({ type: "ping", payload: { text: "x".repeat(70_000) } });
const SCHEMA = "{ __schema { types { description fields { name description } } } }";
const QUESTION = say({ type: "subscribe", id: "1", payload: { query: SCHEMA } });

/** What a client sends first, what it sends again and again then, and how many bytes of that. */
type Flood = readonly [first: Buffer, message: Buffer, bytes: number];
const SMALL_PINGS: Flood = [INIT, say({ type: "ping" }), 12_000_000];
const PROTOCOL_PINGS: Flood = [
  INIT,
  toBytes({ opcode: PING, payload: "x".repeat(125) }),
  9_000_000,
];
const OTHERS: readonly Flood[] = [
  ...Array.from({ length: 8 }, (): Flood => [INIT, LONG_PING, 9_000_000]),
  ...Array.from({ length: 8 }, (): Flood => [NOTHING, LONG_PING, 9_000_000]),
  [INIT, toBytes({ opcode: PONG, payload: "x".repeat(125) }), 9_000_000],
  [INIT, toBytes({ opcode: BINARY, payload: "{}" }), 9_000_000],
];
/** In one go. */
const BURST_BYTES = 100_000;

test.each([
  ["small pings", [SMALL_PINGS]],
  ["pings of the protocol", [PROTOCOL_PINGS]],
  ["long pings, pongs and bytes that are no text", OTHERS],
  ["questions for the schema", Array.from({ length: 12 }, (): Flood => [INIT, QUESTION, 10_000])],
])(
  "for sockets that send %s, and never read, little is held, and nobody else is harmed",
  async (_what, floods) => {
    await Promise.all(
      floods.map(async ([first, message, bytes]) => {
        const count = Math.ceil(BURST_BYTES / message.length);
        const socket = keep((await openRawWebSocket(gateway.port)).socket);
        await once(socket, "data");
        socket.write(first);
        if (first.length > 0) await once(socket, "data");
        socket.pause();
        await flood(socket, Buffer.concat(Array.from({ length: count }, () => message)), bytes);
      }),
    );
  },
);

test.each([
  ["the schema", `?query=${encodeURIComponent(SCHEMA)}`, "application/json"],
  ["the page", "", "text/html"],
])(
  "connections that ask for %s again and again and never read an answer",
  async (_what, search, accept) => {
    const request = `GET /graphql${search} HTTP/1.1\r\nHost: localhost\r\nAccept: ${accept}\r\n\r\n`;
    const sockets = await openMany(30);
    // One more than may wait for their answers cuts a connection, so that half of them are cut.
    for (const [index, socket] of sockets.entries())
      socket.write(request.repeat(100 + (index % 2)));
  },
);

test("twenty bodies in chunks of one byte", async () => {
  const head = toHead("Transfer-Encoding: chunked");
  const sockets = await openMany(20);
  for (const socket of sockets) socket.write(head);
  const chunks = Buffer.from("1\r\n \r\n".repeat(10_000));
  await Promise.all(sockets.map((socket) => flood(socket, chunks, 8 * chunks.length)));
});

function toHead(header: string): Buffer {
  return Buffer.from(
    `POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${header}\r\n\r\n`,
  );
}

/** Open until the gateway was looked at. */
function keep(socket: Socket): Socket {
  onTestFinished(() => void socket.destroy());
  return socket;
}

/** Paused, so that nothing is ever read. */
async function openMany(count: number): Promise<readonly Socket[]> {
  return await Promise.all(
    Array.from({ length: count }, async () => keep((await openSocket(gateway.port)).pause())),
  );
}

/** Writes again and again until so much has left, or the server takes no more for a second. */
async function flood(socket: Socket, burst: Buffer, bytes: number): Promise<void> {
  for (let sent = 0; sent < bytes && socket.writable; sent += burst.length) {
    if (socket.write(burst)) continue;
    const isOver = new AbortController();
    const signal = AbortSignal.any([isOver.signal, AbortSignal.timeout(PATIENCE_MS)]);
    const isTaken = await Promise.race([
      once(socket, "drain", { signal }).then(() => true),
      once(socket, "close", { signal }).then(() => false),
    ]).catch(() => false);
    isOver.abort();
    if (!isTaken) return;
  }
}
