import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";

import { expect, test } from "vitest";

import { relayMessages } from "../../src/commands/relay-messages.ts";
import { listen } from "../support/listen.ts";

const WAIT = { jsonrpc: "2.0", id: 7, method: "tools/call", params: { name: "wait_for_job" } };
const CANCEL = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 7 } };
/** Ends of lines for some, and not for JSON. */
const SEPARATORS = "\u2028\u2029\u0085";

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A relay between a client, whose end the test holds, and a gateway that answers so. */
async function open(answer: Answer) {
  const { origin } = await listen(createServer(answer));
  const client = new TransformStream<Uint8Array, Uint8Array>();
  const writer = client.writable.getWriter();
  const written: unknown[] = [];
  const over = relayMessages({
    input: client.readable,
    write: (line) => void written.push(JSON.parse(line)),
    url: new URL("/mcp", origin),
    key: null,
  });
  return {
    written,
    send: (message: unknown) => writer.write(Buffer.from(`${JSON.stringify(message)}\n`)),
    sendBytes: (bytes: Buffer) => writer.write(bytes),
    end: async () => {
      await writer.close();
      await over;
    },
  };
}

test("a request that its client cancels, or leaves behind, is ended at the gateway too", async () => {
  const arrived: IncomingMessage[] = [];
  const relay = await open((request) => void arrived.push(request));
  await relay.send(WAIT);
  await expect.poll(() => arrived).toHaveLength(1);
  await relay.send(CANCEL);
  await expect.poll(() => arrived[0]?.socket.destroyed).toBe(true);
  await relay.send(WAIT);
  await expect.poll(() => arrived).toHaveLength(2);
  await relay.end();
  await expect.poll(() => arrived[1]?.socket.destroyed).toBe(true);
  expect(relay.written).toEqual([]);
});

test.each(["application/json", "text/event-stream"])(
  "a line ends with its end of line alone, whatever its bytes come in, with %s too",
  async (type) => {
    const relay = await open((request, response) => {
      response.writeHead(200, { "content-type": type });
      const end = type === "application/json" ? "" : "\r\n\r\n";
      const begin = end && ": kept alive\r\nevent: message\r\ndata: ";
      void text(request).then((body) => response.end(`${begin}${body}${end}`));
    });
    const message = { ...WAIT, params: { name: "x", text: `a lamp 灯${SEPARATORS}at night` } };
    for (const byte of Buffer.from(`${JSON.stringify(message)}\r\n`))
      await relay.sendBytes(Buffer.of(byte));
    await expect.poll(() => relay.written).toEqual([message]);
    await relay.end();
  },
);

test("what can't be passed on is answered with what to do, so that nobody waits for it", async () => {
  const relay = await open((_request, response) => response.end());
  const cases = [
    { line: "{", code: -32_700, says: "is no JSON" },
    { line: "[]", code: -32_600, says: "in a line of its own" },
    { line: "7", code: -32_600, says: "in a line of its own" },
    { line: `"${"x".repeat(65 * 1_048_576)}"`, code: -32_600, says: "longer than 64 MiB" },
  ];
  for (const { line } of cases) await relay.sendBytes(Buffer.from(`${line}\n\n`));
  // Without an end it is no line.
  await relay.sendBytes(Buffer.from("{"));
  await relay.end();
  expect(relay.written).toEqual(
    cases.map(({ code, says }) => ({
      jsonrpc: "2.0",
      id: null,
      error: { code, message: expect.stringContaining(says) },
    })),
  );
});

test("while as many requests as may be are under way, cancels are read, and so is the next once there is room", async () => {
  const arrived: { readonly id: number; readonly response: ServerResponse }[] = [];
  const relay = await open((request, response) => {
    void text(request).then((body) => arrived.push({ id: JSON.parse(body).id, response }));
  });
  for (let id = 0; id < 103; id++) await relay.send({ ...WAIT, id });
  await expect.poll(() => arrived).toHaveLength(100);
  // One that waits, and one that is under way.
  for (const requestId of [100, 7]) await relay.send({ ...CANCEL, params: { requestId } });
  await expect.poll(() => arrived.at(-1)?.id).toBe(101);
  const left = arrived.find(({ id }) => id === 7)?.response;
  if (left?.destroyed === false) await once(left, "close");
  await relay.end();
  expect(arrived).toHaveLength(101);
  expect(relay.written).toEqual([]);
});

test("too many that wait are refused with the next step", async () => {
  const relay = await open(() => undefined);
  for (let id = 0; id < 1_101; id++) await relay.send({ ...WAIT, id });
  await expect.poll(() => relay.written.length).toBeGreaterThan(0);
  await relay.end();
  expect(relay.written[0]).toMatchObject({
    error: { code: -32_000, message: expect.stringContaining("Wait for some of their answers") },
  });
});

test("a name of any letters reaches the gateway, and a failure is reported with its kind", async () => {
  const names: unknown[] = [];
  const relay = await open((request, response) => {
    names.push(request.headers["mcp-name"]);
    if (names.length === 1) response.end(JSON.stringify({ jsonrpc: "2.0", id: 7, result: {} }));
    else response.destroy();
  });
  const meta = { "io.modelcontextprotocol/protocolVersion": "2026-07-28" };
  await relay.send({ ...WAIT, params: { name: "lampe_de_été 灯", _meta: meta } });
  await expect.poll(() => relay.written).toHaveLength(1);
  await relay.send({ ...WAIT, params: { name: "plain", _meta: meta } });
  await expect
    .poll(() => relay.written)
    .toMatchObject([
      { id: 7, result: {} },
      { id: 7, error: { message: expect.stringContaining("can't be reached (UND_ERR_SOCKET)") } },
    ]);
  await relay.end();
  const encoded = Buffer.from("lampe_de_été 灯").toString("base64");
  expect(names).toEqual([`=?base64?${encoded}?=`, "plain"]);
});

test("a stream that ends without the answer is reported as cut", async () => {
  const relay = await open((_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.end('data: {"jsonrpc":"2.0"');
  });
  await relay.send(WAIT);
  await expect
    .poll(() => relay.written)
    .toMatchObject([
      { id: 7, error: { code: -32_000, message: expect.stringContaining("ended its answer") } },
    ]);
  await relay.end();
});
