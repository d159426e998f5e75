import { once } from "node:events";
import type { Socket } from "node:net";

import { afterAll, expect, test } from "vitest";

import { startAttackedGateway } from "./attacked-gateway.ts";
import { exchange, toStatuses } from "../support/raw-socket.ts";
import { BAD_FRAMES, BAD_MESSAGES, INIT, QUESTION, text } from "./hostile-frames.ts";
import { expectOthersServed } from "./others-served.ts";
import type { RawWebSocket } from "./raw-web-socket.ts";
import { openRawWebSocket, toBytes } from "./raw-web-socket.ts";

const [CONTINUATION, TEXT, BINARY, PING, PONG] = [0x0, 0x1, 0x2, 0x9, 0xa];
/** What waits for one owner is 144 at most. */
const MAX_GROWTH_MIB = 160;
const FLOOD_BYTES = 24 * 1024 * 1024;
const BURST_BYTES = 256 * 1024;
const SOON = { timeout: 10_000 };
const EMPTY_PART = toBytes({ opcode: CONTINUATION, isLast: false });

const gateway = await startAttackedGateway();
afterAll(() => gateway.end());

test("frames that break the protocol, or a bound, close their socket with the code for it", async () => {
  for (const [what, code, frames] of BAD_FRAMES) {
    const client = await openRawWebSocket(gateway.port);
    client.say(INIT);
    client.send(...frames);
    expect([what, await client.closed]).toEqual([what, code]);
  }
  await gateway.expectUnharmed();
});

test("messages that break the protocol close their socket with the code for it", async () => {
  for (const [what, code, when, texts] of BAD_MESSAGES) {
    const client = await openRawWebSocket(gateway.port);
    if (when === "after") await greet(client);
    client.send(...texts.map(text));
    expect([what, await client.closed]).toEqual([what, code]);
    expect(client.messages.join("")).not.toContain('"data"');
  }
  await gateway.expectUnharmed();
});

test("a message in 300 parts, with pings between them, is read as one", async () => {
  const client = await openRawWebSocket(gateway.port);
  await greet(client);
  const parts = [...JSON.stringify(QUESTION).padEnd(300)];
  client.send(
    ...parts.flatMap((payload, index) => [
      { opcode: index === 0 ? TEXT : CONTINUATION, isLast: index === parts.length - 1, payload },
      { opcode: PING },
    ]),
  );
  await expect.poll(() => client.messages.join(""), SOON).toContain('"__typename":"Query"');
  client.socket.destroy();
  await gateway.expectUnharmed();
});

test("a message in 200,000 empty parts closes its socket", async () => {
  const client = await openRawWebSocket(gateway.port);
  await greet(client);
  client.send({ ...text(""), isLast: false });
  client.socket.write(Buffer.concat(Array.from({ length: 200_000 }, () => EMPTY_PART)));
  expect(await client.closed).toBe(1008);
  await gateway.expectUnharmed();
});

test("what comes before the greeting is acknowledged is not run", async () => {
  const client = await openRawWebSocket(gateway.port);
  client.say(INIT, QUESTION);
  expect(await client.closed).toBe(4401);
  await gateway.expectUnharmed();
});

test("another protocol closes with 4406", async () => {
  for (const protocol of ["graphql-ws", "mqtt"]) {
    const client = await openRawWebSocket(gateway.port, protocol);
    client.say(INIT);
    expect(await client.closed).toBe(4406);
  }
  await gateway.expectUnharmed();
});

test("a malformed handshake is refused", async () => {
  const key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==";
  for (const [what, headers] of [
    ["no key", "Sec-WebSocket-Version: 13"],
    ["a short key", "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x"],
    ["an unknown version", key.replace("13", "99")],
    ["a malformed protocol", `${key}\r\nSec-WebSocket-Protocol: a,,b`],
    ["a foreign origin", `${key}\r\nOrigin: https://evil.example`],
    ["no origin's origin", `${key}\r\nOrigin: null`],
    ["20,000 extensions", `${key}\r\nSec-WebSocket-Extensions: ${"a,".repeat(20_000)}a`],
  ] as const) {
    const { text: answer } = await exchange(
      gateway.port,
      `GET /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${headers}\r\n\r\n`,
    );
    expect([what, toStatuses(answer)]).toEqual([what, [expect.toSatisfy(isRefusal)]]);
  }
  await gateway.expectUnharmed();
});

/** What is sent without end, while no answer is read. */
const FLOODS: readonly (readonly [string, Buffer])[] = [
  ["pings", toBytes({ opcode: PING, payload: "x".repeat(125) })],
  ["pings of graphql-ws", toBytes(text('{"type":"ping"}'))],
  ["pongs", toBytes({ opcode: PONG, payload: "x".repeat(125) })],
  [
    "questions",
    toBytes(
      text(
        JSON.stringify({
          ...QUESTION,
          payload: { query: "{ __schema { types { description fields { description } } } }" },
        }),
      ),
    ),
  ],
  ["bytes that are no text", toBytes({ opcode: BINARY, payload: '{"type":"pong"}' })],
];

test.each(FLOODS)(
  "a flood of %s, whose answers nobody reads, fills no memory",
  async (_what, frame) => {
    const client = await openRawWebSocket(gateway.port);
    await greet(client);
    client.socket.pause();
    const beforeMib = await gateway.readHeldMib();
    const burst = Buffer.concat(
      Array.from({ length: Math.ceil(BURST_BYTES / frame.length) }, () => frame),
    );
    await flood(client.socket, burst);
    await gateway.expectHeldBelow(beforeMib + MAX_GROWTH_MIB);
    client.socket.destroy();
    await gateway.expectUnharmed();
  },
);

test("others are served meanwhile", async () => {
  const attacks = [
    ...BAD_FRAMES.map(([, , frames]) => frames),
    ...BAD_MESSAGES.map(([, , , texts]) => texts.map(text)),
  ];
  await expectOthersServed(
    gateway,
    attacks.map((frames) => async () => {
      const client = await openRawWebSocket(gateway.port);
      client.send(...frames);
      client.socket.end();
      await client.closed;
    }),
  );
  await gateway.expectUnharmed();
});

async function greet(client: RawWebSocket): Promise<void> {
  client.say(INIT);
  await expect.poll(() => client.messages, SOON).toHaveLength(1);
}

function isRefusal(status: number): boolean {
  return status >= 400 && status < 500;
}

/** Writes until so much has left, or the server takes no more for a second. */
async function flood(socket: Socket, burst: Buffer): Promise<void> {
  for (let sent = 0; sent < FLOOD_BYTES && socket.writable; sent += burst.length) {
    if (socket.write(burst)) continue;
    // Not longer than a second: a server that is full takes no more.
    const ended = new AbortController();
    const options = { signal: AbortSignal.any([ended.signal, AbortSignal.timeout(1_000)]) };
    const isOpen = await Promise.race([
      once(socket, "drain", options).then(() => true),
      once(socket, "close", options).then(() => false),
    ]).catch(() => false);
    ended.abort();
    if (!isOpen) return;
  }
}
