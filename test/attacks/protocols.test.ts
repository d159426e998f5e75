import { deflateSync, gzipSync } from "node:zlib";

import { afterAll, expect, test } from "vitest";

import { exchange, toStatuses } from "../support/raw-socket.ts";
import { startAttackedGateway } from "./attacked-gateway.ts";
import { BAD_FRAMES, BAD_MESSAGES, INIT, QUESTION, text } from "./hostile-frames.ts";
import { AMBIGUOUS, BODIES, toRequest, UNUSUAL } from "./hostile-requests.ts";
import type { RawWebSocket } from "./raw-web-socket.ts";
import { openRawWebSocket, toBytes } from "./raw-web-socket.ts";

const [CONTINUATION, TEXT, PING] = [0x0, 0x1, 0x9];
const SOON = { timeout: 10_000 };
const SUBMIT = `mutation { submitJob(deploymentId: "d", input: {}) { __typename } }`;
const INSIDES = /node_modules|node:internal|\.ts:\d|\n\s+at |INTERNAL_SERVER_ERROR|Bearer canary/;

const gateway = await startAttackedGateway();
afterAll(() => gateway.end());

const isRefusal = (status: number): boolean => status >= 400 && status < 500;

test("a request with two possible ends is refused, and what follows is not read", async () => {
  for (const [name, bytes] of AMBIGUOUS) {
    const { text: answer, isClosed } = await exchange(gateway.port, bytes);
    const isRefused = (status: number) => [400, 413, 501].includes(status);
    expect({ name, isClosed, statuses: toStatuses(answer) }).toEqual({
      name,
      isClosed: true,
      statuses: [expect.toSatisfy(isRefused)],
    });
    expectDiscreet(answer);
  }
  await gateway.expectUnharmed();
});

test("what is no request of GraphQL is refused or closed", async () => {
  for (const [name, bytes] of UNUSUAL) {
    const { text: answer, isClosed } = await exchange(gateway.port, bytes);
    const [status = 400] = toStatuses(answer);
    const isServed = answer.includes('"data"') || status >= 500;
    expect({ name, isClosed, isServed }).toEqual({ name, isClosed: true, isServed: false });
    expectDiscreet(answer);
  }
  await gateway.expectUnharmed();
});

test("a hostile body is answered, and never with a 5xx", async () => {
  for (const [name, body] of BODIES) {
    const { text: answer } = await exchange(gateway.port, toRequest(body));
    const [status = 0] = toStatuses(answer);
    const isAnswered = status >= 200 && status < 500;
    expect({ name, isAnswered }).toEqual({ name, isAnswered: true });
    expectDiscreet(answer);
  }
  await gateway.expectUnharmed();
});

test("batches, and mutations by GET, run nothing", async () => {
  const one = JSON.stringify({ query: SUBMIT });
  const headers = { "content-type": "application/json" };
  const batch = { method: "POST", headers, body: `[${one},${one}]` };
  expect((await fetch(`${gateway.url}/graphql`, batch)).status).toBe(400);
  for (const more of [{}, headers, { "x-http-method-override": "POST" }]) {
    const url = `${gateway.url}/graphql?query=${encodeURIComponent(SUBMIT)}`;
    expect((await fetch(url, { headers: more })).status).toBe(405);
  }
  await gateway.expectUnharmed();
  expect(gateway.upstream.count("submit")).toBe(0);
});

test("a compressed body is not unpacked", async () => {
  const bomb = Buffer.alloc(20 * 1024 * 1024, " ");
  for (const [coding, body] of [
    ["gzip", gzipSync(bomb)],
    ["deflate", deflateSync(bomb)],
  ] as const) {
    const { status } = await fetch(`${gateway.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", "content-encoding": coding },
      body,
    });
    expect(status).toSatisfy(isRefusal);
  }
  await gateway.expectUnharmed();
});

test("100 requests in one go are all answered in their order, and more cut the connection", async () => {
  const requests = Array.from(
    { length: 100 },
    (_, index) => `GET /graphql?query={a${index}:__typename} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
  );
  const isLast = (answer: string) => answer.includes('"a99":"Query"');
  const { text: answers } = await exchange(gateway.port, requests.join(""), isLast);
  const order = [...answers.matchAll(/"a(\d+)":"Query"/g)].map(([, index]) => Number(index));
  expect(order).toEqual(requests.map((_, index) => index));
  const more = await exchange(gateway.port, requests.join("").repeat(10));
  expect(more.isClosed).toBe(true);
  await gateway.expectUnharmed();
});

test("frames that break the protocol, or a bound, close their socket with the code for it", async () => {
  for (const [what, code, frames] of BAD_FRAMES) {
    const client = await openRawWebSocket(gateway.port);
    client.say(INIT);
    client.send(...frames);
    expect([what, await client.closed]).toEqual([what, code]);
  }
  await gateway.expectUnharmed();
});

test("messages that break the protocol close their socket with the code for it, and run nothing", async () => {
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
});

test("a message in 200,000 empty parts closes its socket", async () => {
  const client = await openRawWebSocket(gateway.port);
  await greet(client);
  client.send({ ...text(""), isLast: false });
  const part = toBytes({ opcode: CONTINUATION, isLast: false });
  client.socket.write(Buffer.concat(Array.from({ length: 200_000 }, () => part)));
  expect(await client.closed).toBe(1008);
  await gateway.expectUnharmed();
});

test.each(["graphql-ws", "mqtt"])("another protocol, %s, closes with 4406", async (protocol) => {
  const client = await openRawWebSocket(gateway.port, protocol);
  client.say(INIT);
  expect(await client.closed).toBe(4406);
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

async function greet(client: RawWebSocket): Promise<void> {
  client.say(INIT);
  await expect.poll(() => client.messages, SOON).toHaveLength(1);
}

function expectDiscreet(answer: string): void {
  expect(answer).not.toContain(gateway.upstream.token);
  expect(answer).not.toContain(gateway.upstream.url);
  expect(answer).not.toMatch(INSIDES);
}
