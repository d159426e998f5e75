import { once } from "node:events";

import { expect, test } from "vitest";

import { AMBIGUOUS, BODIES, toRequest, UNUSUAL } from "../attacks/hostile-requests.ts";
import { exchange, toStatuses, whenClosed } from "../support/raw-socket.ts";
import { openConnection } from "./open-socket.ts";
import { createNameAuthenticator, keepLog, LIMITS, serve } from "./serve.ts";

const HOST = "Host: localhost\r\n";
const JSON_TYPE = "content-type: application/json\r\n";
const QUERY = '{"query":"{ node { name } }"}';
const LENGTH = `content-length: ${QUERY.length}\r\n`;
const POST = `POST /graphql HTTP/1.1\r\n${HOST}${JSON_TYPE}`;
const GET = `GET /graphql?query={__typename} HTTP/1.1\r\n${HOST}`;

const UPGRADE =
  "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n";
const SHAKEN = `${GET}${UPGRADE}Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`;

const CLOSE = "connection: close\r\n";

test("a request with two possible ends is refused, and what follows is not read", async () => {
  const { log, lines } = keepLog();
  const { port } = await serve({ log });
  for (const [what, bytes] of AMBIGUOUS) {
    const { text, isClosed } = await exchange(port, bytes);
    expect([what, isClosed, toStatuses(text)]).toEqual([what, true, [400]]);
    expect(text, what).not.toMatch(/"data"|node_modules/);
  }
  expect(lines).toEqual([]);
});

test("what is no request of GraphQL gets its status", async () => {
  const { port } = await serve();
  for (const [what, bytes, status] of UNUSUAL) {
    const { text } = await exchange(port, bytes);
    expect([what, toStatuses(text)]).toEqual([what, [status]]);
    expect(text).not.toContain("Bearer canary");
  }
});

test("a hostile body is answered, and never with a 5xx", async () => {
  const { log, lines } = keepLog();
  const { port } = await serve({ log });
  for (const [what, body] of BODIES) {
    const { text } = await exchange(port, toRequest(body));
    expect(text, what).toMatch(/^HTTP\/1\.1 [24]/);
    expect(text, what).not.toMatch(/node_modules|node:internal|INTERNAL_SERVER_ERROR/);
  }
  expect(lines).toEqual([]);
});

const TYPES = [
  "application/json",
  "APPLICATION/JSON",
  "application/json;charset=utf-8",
  "application/json ; charset=utf-8",
  "application/json\t",
];
const HOSTS = ["x", "a.localhost:80", "127.0.0.1:4000", "192.168.0.7", "[::1]:4000"];

test.each([
  ["HTTP/1.0", [`GET /graphql?query={__typename} HTTP/1.0\r\n\r\n`]],
  ["an upgrade to h2c", [`${GET}connection: upgrade, close\r\nupgrade: h2c\r\n\r\n`]],
  ["a host", HOSTS.map((host) => `${GET.replace("localhost", host)}${CLOSE}\r\n`)],
  [
    "JSON by any spelling",
    TYPES.map((type) => `${POST.replace("application/json", type)}${LENGTH}${CLOSE}\r\n${QUERY}`),
  ],
])("%s is served", async (_what, requests) => {
  const { port } = await serve();
  for (const bytes of requests) expect((await exchange(port, bytes)).text).toContain('{"data":{');
});

test("an upgrade behind a request that is not answered yet cuts the connection", async () => {
  const { port, release } = await serve();
  const bytes = `${GET.replace("__typename", "wait")}\r\n${SHAKEN}`;
  const { text, isClosed } = await exchange(port, bytes, (sofar) => sofar.includes("HTTP/1.1 101"));
  expect({ text, isClosed }).toEqual({ text: "", isClosed: true });
  release();
});

test("100 requests that come at once are answered in their order, whatever the last is", async () => {
  const { port } = await serve();
  const gets = Array.from({ length: 98 }, (_, at) =>
    GET.replace("__typename", `a${at}:__typename`),
  );
  const bytes = `${gets.join("\r\n")}\r\n${POST}${LENGTH}\r\n${QUERY}GET /health HTTP/1.1\r\n${HOST}${CLOSE}\r\n`;
  const { text } = await exchange(port, bytes);
  const bodies = text.split(/HTTP\/1\.1 200[^]*?\r\n\r\n/).slice(1);
  expect(bodies).toEqual([
    ...gets.map((_, at) => `{"data":{"a${at}":"Query"}}`),
    '{"data":{"node":{"name":"node"}}}',
    "The gateway runs.\n",
  ]);
});

test("a client that asks before it sends its body may go on only when it will be read", async () => {
  const { port } = await serve({ authenticator: createNameAuthenticator() });
  const asking = `${POST}${LENGTH}expect: 100-continue\r\n`;
  const refused = (await exchange(port, `${asking}\r\n`)).text;
  expect(refused).toMatch(/^HTTP\/1\.1 401 /);
  const socket = await openConnection(port);
  socket.write(`${asking}authorization: Bearer anna\r\nconnection: close\r\n\r\n`);
  const [first] = await once(socket, "data");
  expect(String(first)).toBe("HTTP/1.1 100 Continue\r\n\r\n");
  socket.write(QUERY);
  const [second] = await once(socket, "data");
  expect(String(second)).toContain('{"data":{"node":{"name":"node"}}}');
});

const NOWHERE = `POST /nowhere HTTP/1.1\r\n${HOST}`;
const CHUNKS = `${POST}transfer-encoding: chunked\r\n\r\n`;

/** What a client sends, and what it sends after that now and then; and how an answer that it gets begins. */
const TARDY: readonly (readonly [string, string, string, string])[] = [
  ["says nothing", "", "", "408"],
  ["stops in the first line", "POST /graphql HT", "", "408"],
  ["stops in the headers", "GET /graphql HTTP/1.1\r\nHost: loc", "", "408"],
  ["sends a header now and then", GET, "X: y\r\n", "408"],
  ["sends a byte of a header now and then", GET, "x", "408"],
  ["sends empty lines now and then", "", "\r\n", "408"],
  ["stops in the body", `${POST}content-length: 100\r\n\r\n{`, "", "408"],
  ["waits for 100", `${POST}expect: 100-continue\r\ncontent-length: 24\r\n\r\n`, "", "100"],
  ["sends a byte of the body now and then", `${POST}content-length: 10000\r\n\r\n`, " ", "408"],
  ["sends a chunk now and then", CHUNKS, "1\r\n \r\n", "408"],
  ["sends a chunk's extension now and then", `${CHUNKS}1;`, "a", "408"],
  ["sends too large a body slowly", `${POST}content-length: 100000000\r\n\r\n`, "x", "413"],
  ["stops in a body nobody wants", `${NOWHERE}content-length: 9\r\n\r\n`, "", "404"],
  ["says nothing after its answer", `${GET}\r\n`, "", "200"],
  ["stops in a second request", `${GET}\r\nGET /gra`, "", "200"],
  ["dawdles in the handshake", `${GET}${UPGRADE}`, "X: y\r\n", "408"],
  ["sends no connection_init", SHAKEN, "", "101"],
  ["begins a frame", `${SHAKEN}\x81`, "", "101"],
  // A masked text of 65,535 bytes.
  ["sends a byte of connection_init now and then", `${SHAKEN}\x81\xfe\xff\xff\0\0\0\0`, "{", "101"],
  ["sends pings instead of connection_init", SHAKEN, "\x89\x80\0\0\0\0", "101"],
];

test("a connection that dawdles is closed, with an answer if its request has begun", async () => {
  const http = { ...LIMITS.http, requestSeconds: 0.5, idleSeconds: 0.5 };
  const webSocket = { ...LIMITS.webSocket, initSeconds: 0.5 };
  const { port } = await serve({ limits: { ...LIMITS, http, webSocket } });
  const dawdling = TARDY.map(async ([what, bytes, more, status]) => {
    const socket = await openConnection(port);
    let text = "";
    socket.on("data", (chunk) => (text += String(chunk)));
    socket.write(bytes, "latin1");
    const trickle = setInterval(() => {
      if (more !== "" && socket.writable) socket.write(more, "latin1");
    }, 50);
    await whenClosed(socket);
    clearInterval(trickle);
    const answer = status === "408" ? "408 .*0\\.5 s.*REQUEST_TIMEOUT" : status;
    // Who still sends may lose the answer.
    if (more === "" || text !== "")
      expect(text, what).toMatch(new RegExp(`^HTTP/1\\.1 ${answer}`, "s"));
  });
  await Promise.all(dawdling);
});
