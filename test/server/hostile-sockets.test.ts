import { expect, test } from "vitest";

import { BAD_FRAMES, BAD_MESSAGES, INIT, QUESTION, text } from "../attacks/hostile-frames.ts";
import { toBytes } from "../attacks/raw-web-socket.ts";
import { exchange, toStatuses } from "../support/raw-socket.ts";
import { greetRaw, openRaw, subscribe } from "./open-socket.ts";
import { keepLog, serve } from "./serve.ts";

const [CONTINUATION, TEXT, PING] = [0x0, 0x1, 0x9];

async function start() {
  const { log, lines } = keepLog();
  const { port } = await serve({ log });
  const findErrors = () => lines.filter((line) => JSON.parse(line).level >= 40);
  return { port, expectUnharmed: () => expect(findErrors()).toEqual([]) };
}

test("frames that break the protocol, or a bound, close their socket with the code for it", async () => {
  const { port, expectUnharmed } = await start();
  for (const [what, code, frames] of BAD_FRAMES) {
    const client = await openRaw(port);
    client.say(INIT);
    client.send(...frames);
    expect([what, await client.closed]).toEqual([what, code]);
  }
  expectUnharmed();
});

const TICKS = subscribe("1", "subscription { ticks }");

test.each([...BAD_MESSAGES, ["one id twice", 4409, "after", [TICKS, TICKS]] as const])(
  "%s closes its socket with %d, and runs nothing",
  async (_what, code, when, texts) => {
    const { port, expectUnharmed } = await start();
    const client = await (when === "after" ? greetRaw(port) : openRaw(port));
    client.send(...texts.map(text));
    expect(await client.closed).toBe(code);
    expect(client.messages.join("")).not.toContain("__typename");
    expectUnharmed();
  },
);

test("a message in 50 parts, with pings between them, is read as one", async () => {
  const client = await greetRaw((await start()).port);
  const parts = JSON.stringify(QUESTION).padEnd(300).match(/.{6}/g) ?? [];
  client.send(
    ...parts.flatMap((payload, index) => [
      { opcode: index === 0 ? TEXT : CONTINUATION, isLast: index === parts.length - 1, payload },
      { opcode: PING },
    ]),
  );
  await expect.poll(() => client.messages.join("")).toContain('"__typename":"Query"');
});

test("a message in more than 1,024 parts closes its socket, empty as they are", async () => {
  const client = await greetRaw((await start()).port);
  client.send({ ...text(""), isLast: false });
  const part = toBytes({ opcode: CONTINUATION, isLast: false });
  client.socket.write(Buffer.concat(Array.from({ length: 1_024 }, () => part)));
  expect(await client.closed).toBe(1008);
});

test.each(["graphql-ws", "mqtt"])("another protocol, %s, closes with 4406", async (protocol) => {
  const client = await openRaw((await start()).port, protocol);
  client.say(INIT);
  expect(await client.closed).toBe(4406);
});

test("a malformed handshake is refused", async () => {
  const { port } = await start();
  const key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==";
  for (const [what, headers] of [
    ["no key", "Sec-WebSocket-Version: 13"],
    ["a short key", "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x"],
    ["an unknown version", key.replace("13", "99")],
    ["a malformed protocol", `${key}\r\nSec-WebSocket-Protocol: a,,b`],
    ["20,000 extensions", `${key}\r\nSec-WebSocket-Extensions: ${"a,".repeat(20_000)}a`],
  ] as const) {
    const { text: answer } = await exchange(
      port,
      `GET /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${headers}\r\n\r\n`,
    );
    expect([what, toStatuses(answer)]).toEqual([
      what,
      [expect.toSatisfy((status) => status >= 400 && status < 500)],
    ]);
  }
});
