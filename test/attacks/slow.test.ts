import { afterAll, expect, test } from "vitest";

import { startAttackedGateway } from "./attacked-gateway.ts";
import { readHeldPorts } from "./held-connections.ts";
import { openSocket, waitForClose } from "../support/raw-socket.ts";

const CLOSES_WITHIN_MS = 30_000;
const GIVES_UP_MS = 36_000;
const EVERY_MS = 500;
const GET = "GET /graphql?query={__typename} HTTP/1.1\r\nHost: localhost\r\n";
const POST = "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
const PAGE = "GET /graphql HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n";
const CLOSES_WITHIN = { timeout: 30_000, interval: 250 };
const UPGRADE =
  "GET /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n";
const SHAKEN = `${UPGRADE}Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`;
const INIT = '\x81\x9a\0\0\0\0{"type":"connection_init"}';

/** What a client sends, and what it sends after that now and then. */
const TARDY: readonly (readonly [string, string, string])[] = [
  ["says nothing", "", ""],
  ["stops in the first line", "GET /gra", ""],
  ["stops in the headers", "GET /graphql HTTP/1.1\r\nHost: loc", ""],
  ["sends a header now and then", GET, "X: y\r\n"],
  ["sends a byte of a header now and then", GET, "x"],
  ["sends empty lines now and then", "", "\r\n"],
  ["stops before the body", `${POST}Content-Length: 24\r\n\r\n`, ""],
  ["stops in the body", `${POST}Content-Length: 24\r\n\r\n{"que`, ""],
  ["waits for 100", `${POST}Expect: 100-continue\r\nContent-Length: 24\r\n\r\n`, ""],
  ["sends a byte of the body now and then", `${POST}Content-Length: 100000\r\n\r\n`, " "],
  ["sends a chunk now and then", `${POST}Transfer-Encoding: chunked\r\n\r\n`, "1\r\n \r\n"],
  ["sends a chunk's extension now and then", `${POST}Transfer-Encoding: chunked\r\n\r\n1;`, "a"],
  ["sends too large a body slowly", `${POST}Content-Length: 100000000\r\n\r\n`, "x"],
  [
    "stops in a body nobody wants",
    "POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n",
    "",
  ],
  ["says nothing after its answer", `${GET}\r\n`, ""],
  ["stops in a second request", `${GET}\r\nGET /gra`, ""],
  ["stops in the handshake", UPGRADE, ""],
  ["dawdles in the handshake", UPGRADE, "X: y\r\n"],
  ["sends no connection_init", SHAKEN, ""],
  ["begins a frame", `${SHAKEN}\x81`, ""],
  // A masked text of 65,535 bytes.
  ["sends a byte of connection_init now and then", `${SHAKEN}\x81\xfe\xff\xff\0\0\0\0`, "{"],
  ["sends pings instead of connection_init", SHAKEN, "\x89\x80\0\0\0\0"],
  ["begins a message once it is let in", `${SHAKEN}${INIT}\x01\x81\0\0\0\0{`, ""],
  [
    "adds to a message now and then, and pings",
    `${SHAKEN}${INIT}\x01\x81\0\0\0\0{`,
    "\0\x81\0\0\0\0 \x89\x80\0\0\0\0\x8a\x80\0\0\0\0",
  ],
];

const gateway = await startAttackedGateway();
afterAll(() => gateway.end());

// Beside each other, as they wait for long.
test.concurrent(
  "a connection that dawdles is closed within 30 s",
  { timeout: 45_000 },
  async () => {
    const dawdlers = TARDY.map(async ([name, bytes, more]) => {
      const isInTime = await dawdle(bytes, more);
      return isInTime ? [] : [name];
    });
    expect((await Promise.all(dawdlers)).flat()).toEqual([]);
    await gateway.expectUnharmed();
  },
);

test.concurrent(
  "a client that reads nothing of a large answer is cut within 30 s",
  { timeout: 40_000 },
  async () => {
    const socket = await openSocket(gateway.port);
    socket.pause();
    socket.write(PAGE);
    expect(readHeldPorts(gateway.port)).toContain(socket.localPort);
    await expect
      .poll(() => readHeldPorts(gateway.port), CLOSES_WITHIN)
      .not.toContain(socket.localPort);
    socket.destroy();
    await gateway.expectUnharmed();
  },
);

async function dawdle(bytes: string, more: string): Promise<boolean> {
  const socket = await openSocket(gateway.port);
  socket.write(Buffer.from(bytes, "latin1"));
  const trickle = setInterval(() => {
    if (more !== "" && socket.writable) socket.write(Buffer.from(more, "latin1"));
  }, EVERY_MS);
  const impatience = setTimeout(() => socket.destroy(), GIVES_UP_MS);
  try {
    return (await waitForClose(socket)) < CLOSES_WITHIN_MS;
  } finally {
    clearInterval(trickle);
    clearTimeout(impatience);
  }
}
