import diagnostics from "node:diagnostics_channel";
import { once } from "node:events";
import { Socket } from "node:net";

import { expect, onTestFinished, test, vi } from "vitest";
import { WebSocket } from "ws";
import { z } from "zod";

import type { RawWebSocket } from "../attacks/raw-web-socket.ts";
import { connect, greetRaw, INIT, openRaw, run } from "./open-socket.ts";
import { keepLog, serve } from "./serve.ts";

/** Pings of the protocol, and of graphql-transport-ws, with how their answers come. */
const PINGS = [
  [
    "ping frames",
    (text: string) => ({ opcode: 0x9, payload: text }),
    ({ pongs }: RawWebSocket) => pongs,
  ],
  [
    "ping messages",
    (text: string) => ({ opcode: 0x1, payload: `{"type":"ping","payload":{"text":"${text}"}}` }),
    ({ messages }: RawWebSocket) =>
      messages.flatMap((message) => {
        const { type, payload } = JSON.parse(message);
        return type === "pong" ? [payload.text] : [];
      }),
  ],
] as const;

test("an operation that fails does so alone: a subscription on the same socket goes on", async () => {
  const { graphqlUrl, counts } = await serve();
  const client = connect(graphqlUrl);
  expect(await run(client, { query: "subscription { ticks }" })).toEqual({ data: { ticks: 1 } });
  for (const [query, code] of [
    ["{ echo(", "GRAPHQL_PARSE_FAILED"],
    ["{ unknown }", "GRAPHQL_VALIDATION_FAILED"],
    ["query A { node { name } } query B { node { name } }", "OPERATION_RESOLUTION_FAILURE"],
    [`{ echo(text: ${"[".repeat(2_400)}${"]".repeat(2_400)}) }`, "DOCUMENT_TOO_LARGE"],
  ] as const) {
    expect(await run(client, { query })).toMatchObject([{ extensions: { code } }]);
  }
  expect(await run(client, { query: '{ echo(text: "hello") }' })).toEqual({
    data: { echo: "hello" },
  });
  expect(counts.open).toBe(1);
});

test("unexpected errors are masked, and expected ones keep their code", async () => {
  const { log, lines } = keepLog();
  const { graphqlUrl } = await serve({ log });
  const client = connect(graphqlUrl);
  for (const query of ["{ fail }", "subscription { brokenTicks }"]) {
    const result = JSON.stringify(await run(client, { query }));
    expect(result).toContain("INTERNAL_SERVER_ERROR");
    expect(result).not.toMatch(/hunter2|"http"/);
  }
  expect(lines.filter((line) => line.includes("hunter2"))).toHaveLength(2);
  expect(await run(client, { query: "{ refuse }" })).toMatchObject({
    errors: [{ extensions: { code: "NOT_FOUND" } }],
  });
  // Only what has begun has data, be it null.
  const early = await run(client, { query: "query ($text: String!) { echo(text: $text) }" });
  expect(early).toMatchObject({ errors: [{ extensions: { code: "BAD_USER_INPUT" } }] });
  expect(early).not.toHaveProperty("data");
});

test("a client that leaves with answers unread prints nothing and logs no error", async () => {
  const print = vi.spyOn(console, "error").mockReturnValue();
  onTestFinished(() => print.mockRestore());
  const { log, lines } = keepLog();
  const { graphqlUrl, counts, close } = await serve({ log });
  const leaving = new WebSocket(graphqlUrl.replace("http", "ws"), "graphql-transport-ws");
  await once(leaving, "open");
  leaving.send(INIT);
  await once(leaving, "message");
  leaving.pause();
  const query = "query ($text: String!) { echo(text: $text) }";
  const payload = { query, variables: { text: "x".repeat(200_000) } };
  for (let id = 0; id < 30; id += 1)
    leaving.send(JSON.stringify({ id: String(id), type: "subscribe", payload }));
  const last = { id: "last", type: "subscribe", payload: { query: "subscription { ticks }" } };
  leaving.send(JSON.stringify(last));
  await vi.waitFor(() => expect(counts.open).toBe(1), 10_000);
  leaving.terminate();
  await expect.poll(() => counts.open).toBe(0);
  await close();
  expect(print).not.toHaveBeenCalled();
  expect(lines.filter((line) => JSON.parse(line).level >= 40)).toEqual([]);
});

test("a socket that answers no ping is told to come back at the second one, whatever else it sends, and one that does stays", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  onTestFinished(() => void vi.useRealTimers());
  const { graphqlUrl, port } = await serve();
  const [silent, busy] = [await greetRaw(port), await greetRaw(port)];
  const client = connect(graphqlUrl);
  await run(client, { query: "subscription { ticks }" });
  busy.send({ opcode: 0x1, isLast: false, payload: "{" });
  vi.advanceTimersByTime(12_000);
  // Its answer to the ping goes out before the second of them.
  for (const _ of [1, 2])
    expect(await run(client, { query: "{ node { name } }" })).toHaveProperty("data");
  busy.send({ opcode: 0x0, isLast: false, payload: " " }, { opcode: 0x9 }, { opcode: 0xa });
  await expect.poll(() => busy.pongs).toHaveLength(1);
  vi.advanceTimersByTime(12_000);
  expect(await Promise.all([silent.closed, busy.closed])).toEqual([1013, 1013]);
  expect(await run(client, { query: "{ node { name } }" })).toHaveProperty("data");
});

test.each(PINGS)(
  "a socket that has not greeted gets the answers to its %s",
  async (_kind, toPing, toAnswers) => {
    const { port } = await serve();
    const client = await openRaw(port);
    client.send(toPing("one"));
    await expect.poll(() => toAnswers(client)).toEqual(["one"]);
    client.send(...["two", "three", "four"].map(toPing));
    await expect.poll(() => toAnswers(client)).toEqual(["one", "two", "three", "four"]);
    client.say({ type: "connection_init" });
    await expect.poll(() => client.messages.at(-1)).toBe('{"type":"connection_ack"}');
    client.send(toPing("five"));
    await expect.poll(() => toAnswers(client)).toEqual(["one", "two", "three", "four", "five"]);
  },
);

test.each([
  ...PINGS.map(([kind, toPing]) => [kind, toPing] as const),
  ["pong frames", (text: string) => ({ opcode: 0xa, payload: text })] as const,
])(
  "64 KiB are the most that a socket may send before it greets, %s among them",
  async (_kind, toFrame) => {
    const { port } = await serve();
    const client = await openRaw(port);
    const frames = Array.from({ length: 10 }, () => toFrame("x".repeat(100)));
    const sending = setInterval(() => client.send(...frames), 1);
    onTestFinished(() => clearInterval(sending));
    expect(await client.closed).toBe(1009);
  },
);

test("what one socket asks for at once is answered together, in few writes", async () => {
  const connection = Promise.withResolvers<Socket>();
  const note = (message: unknown): void =>
    connection.resolve(z.object({ socket: z.instanceof(Socket) }).parse(message).socket);
  diagnostics.subscribe("net.server.socket", note);
  onTestFinished(() => void diagnostics.unsubscribe("net.server.socket", note));
  const { port } = await serve();
  const client = await greetRaw(port);
  const payload = { query: "subscription { ticks }" };
  const subscribe = (id: number) => ({ id: String(id), type: "subscribe", payload });
  // Its document is validated once.
  client.say(subscribe(0));
  await expect.poll(() => client.messages).toHaveLength(2);
  const writes = vi.spyOn(await connection.promise, "_writev");
  client.say(...Array.from({ length: 50 }, (_, index) => subscribe(index + 1)));
  await expect.poll(() => client.messages).toHaveLength(52);
  expect(writes.mock.calls.length).toBeLessThan(25);
});

test("at shutdown a socket closes with 1001, without completing its subscriptions", async () => {
  const { graphqlUrl, close, counts } = await serve();
  const { promise: closed, resolve } = Promise.withResolvers<unknown>();
  const client = connect(graphqlUrl, { on: { closed: resolve } });
  const ended = vi.fn();
  client.subscribe(
    { query: "subscription { ticks }" },
    { next: () => undefined, error: () => undefined, complete: ended },
  );
  await expect.poll(() => counts.open).toBe(1);
  await close();
  expect(await closed).toMatchObject({ code: 1001 });
  expect(ended).not.toHaveBeenCalled();
  await expect.poll(() => counts.open).toBe(0);
});

test("a socket that does not answer is cut at shutdown", async () => {
  const { graphqlUrl, close } = await serve();
  const silent = new WebSocket(graphqlUrl.replace("http", "ws"), "graphql-transport-ws");
  await once(silent, "open");
  silent.pause();
  await close();
  silent.terminate();
});

test("another path is refused", async () => {
  const { url } = await serve();
  const lost = new WebSocket(`${url.replace("http", "ws")}/other`, "graphql-transport-ws");
  const [error] = await once(lost, "error");
  expect(String(error)).toContain("404");
});
