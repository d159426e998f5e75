import { once } from "node:events";

import { expect, test } from "vitest";

import { exchange, whenClosed } from "../support/raw-socket.ts";
import { openConnection } from "./raw.ts";
import { createNameAuthenticator, keepLog, LIMITS, serve } from "./serve.ts";

const HOST = "Host: localhost\r\n";
const JSON_TYPE = "content-type: application/json\r\n";
const QUERY = '{"query":"{ node { name } }"}';
const LENGTH = `content-length: ${QUERY.length}\r\n`;
const POST = `POST /graphql HTTP/1.1\r\n${HOST}${JSON_TYPE}`;
const GET = `GET /graphql?query={__typename} HTTP/1.1\r\n${HOST}`;

const CLOSE = "connection: close\r\n";

/** What nobody may guess the end of, or speaks in another way. */
const MALFORMED: readonly (readonly [string, string])[] = [
  ["both lengths", `${POST}${LENGTH}transfer-encoding: chunked\r\n\r\n0\r\n\r\n`],
  ["both lengths, the other way", `${POST}transfer-encoding: chunked\r\n${LENGTH}\r\n0\r\n\r\n`],
  ["two lengths", `${POST}${LENGTH}content-length: 3\r\n\r\n${QUERY}`],
  ["a list of lengths", `${POST}content-length: 3, 3\r\n\r\n${QUERY}`],
  ["a negative length", `${POST}content-length: -1\r\n\r\n${QUERY}`],
  ["a signed length", `${POST}content-length: +29\r\n\r\n${QUERY}`],
  ["a length in hexadecimal", `${POST}content-length: 0x1d\r\n\r\n${QUERY}`],
  ["a length beyond all numbers", `${POST}content-length: 99999999999999999999\r\n\r\n${QUERY}`],
  [
    "a coding that does not end chunked",
    `${POST}transfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n`,
  ],
  ["an unknown coding", `${POST}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n`],
  ["a space before the colon", `${POST}transfer-encoding : chunked\r\n\r\n0\r\n\r\n`],
  ["a folded header", `${POST}x: a\r\n b\r\n\r\n`],
  ["a bare CR in a header", `${POST}x: a\rb\r\n\r\n`],
  ["bare LFs", `${POST.replaceAll("\r\n", "\n")}\n`],
  ["NUL in a header", `${POST}x: a\0b\r\n\r\n`],
  ["a chunk size that is none", `${POST}transfer-encoding: chunked\r\n\r\nZ\r\n\r\n`],
  ["a chunk longer than it says", `${POST}transfer-encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n`],
  [
    "a chunk size beyond all numbers",
    `${POST}transfer-encoding: chunked\r\n\r\n${"F".repeat(20)}\r\n`,
  ],
  ["no host", "GET /health HTTP/1.1\r\n\r\n"],
  ["two hosts", `${GET}${HOST}connection: close\r\n\r\n`],
  [
    "two credentials",
    `${GET}authorization: Bearer a\r\nauthorization: Bearer b\r\nconnection: close\r\n\r\n`,
  ],
  ["no version", "GET /health\r\n\r\n"],
  ["an unknown version", `GET /health HTTP/9.9\r\n${HOST}\r\n`],
  ["HTTP/2 at once", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
  ...["a b", "[::", "x/y", "x:99999", "user@x"].map(
    (host) =>
      [`the host ${host}`, `${GET.replace("localhost", host)}connection: close\r\n\r\n`] as const,
  ),
  ["an unknown method", `HACK /graphql HTTP/1.1\r\n${HOST}\r\n`],
];

const STATUSES: readonly (readonly [string, string, number])[] = [
  ["CONNECT", `CONNECT example.com:443 HTTP/1.1\r\n${HOST}\r\n`, 405],
  ["TRACE", `TRACE /graphql HTTP/1.1\r\n${HOST}connection: close\r\n\r\n`, 405],
  ["PUT", `PUT /graphql HTTP/1.1\r\n${HOST}connection: close\r\n\r\n`, 405],
  ["HEAD", `HEAD /graphql?query={__typename} HTTP/1.1\r\n${HOST}connection: close\r\n\r\n`, 405],
  ["a whole URL", `GET http://elsewhere/graphql HTTP/1.1\r\n${HOST}connection: close\r\n\r\n`, 404],
  ["an asterisk", `OPTIONS * HTTP/1.1\r\n${HOST}connection: close\r\n\r\n`, 404],
  ["a path with dots", `GET /../../etc/passwd HTTP/1.1\r\n${HOST}connection: close\r\n\r\n`, 404],
  ["an expectation of its own", `${POST}expect: miracles\r\nconnection: close\r\n\r\n`, 417],
  [
    "a packed body",
    `${POST}content-encoding: gzip\r\n${LENGTH}connection: close\r\n\r\n${QUERY}`,
    415,
  ],
  ...[
    "application/json, text/plain",
    "text/plain, application/json",
    "application/jsonp",
    "application/json text/plain",
    "text/plain; application/json",
  ].map(
    (type) =>
      [
        type,
        `${POST.replace("application/json", type)}${LENGTH}connection: close\r\n\r\n${QUERY}`,
        415,
      ] as const,
  ),
  ["long headers", `${GET}x: ${"a".repeat(17_000)}\r\n\r\n`, 431],
  ["a long URL", `GET /graphql?query=${"a".repeat(17_000)} HTTP/1.1\r\n${HOST}\r\n`, 431],
  [
    "chunks with long extensions",
    `${POST}transfer-encoding: chunked\r\n\r\n1;${"a".repeat(20_000)}\r\n`,
    400,
  ],
];

test("what is malformed is refused with a 400 and a closed connection, and runs nothing", async () => {
  const { log, lines } = keepLog();
  const { port } = await serve({ log });
  for (const [what, bytes] of MALFORMED) {
    const answer = (await exchange(port, bytes)).text;
    expect(answer, what).toMatch(
      /^HTTP\/1\.1 400 (?!.*HTTP\/1\.1)(?!.*"data").*connection: close/is,
    );
    expect(answer, what).not.toContain("node_modules");
  }
  expect(lines).toEqual([]);
});

test("what is unusual gets its status", async () => {
  const { port } = await serve();
  for (const [what, bytes, status] of STATUSES)
    expect((await exchange(port, bytes)).text, what).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
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
  [
    "an unknown protocol to change to",
    [`${GET}connection: upgrade, close\r\nupgrade: h2c\r\n\r\n`],
  ],
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
  const bytes =
    `GET /graphql?query={wait} HTTP/1.1\r\n${HOST}\r\n` +
    `GET /graphql HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n`;
  const { text, isClosed } = await exchange(port, bytes, (sofar) => sofar.includes("HTTP/1.1 101"));
  expect({ text, isClosed }).toEqual({ text: "", isClosed: true });
  release();
});

test("requests that follow each other at once are answered in their order, whatever the last is", async () => {
  const { port } = await serve();
  const answer = (
    await exchange(
      port,
      `${GET}\r\n${POST}${LENGTH}\r\n${QUERY}GET /health HTTP/1.1\r\n${HOST}connection: close\r\n\r\n`,
    )
  ).text;
  const bodies = [...answer.matchAll(/\r\n\r\n(\S.*?)(?=HTTP\/1\.1|$)/gs)].map(([, body = ""]) =>
    body.trim(),
  );
  expect(bodies).toEqual([
    '{"data":{"__typename":"Query"}}',
    '{"data":{"node":{"name":"node"}}}',
    "The gateway runs.",
  ]);
});

test("a client that asks before it sends its body is told to go on only when it will be read", async () => {
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

test("a connection that dawdles is closed, and told so where its request has begun", async () => {
  const http = { ...LIMITS.http, requestSeconds: 0.5, idleSeconds: 0.5 };
  const { port } = await serve({ limits: { ...LIMITS, http } });
  const told = [
    "",
    "POST /graphql HT",
    `${POST}content-length: 100\r\n\r\n{`,
    `${POST}transfer-encoding: chunked\r\n\r\n1\r\n{\r\n`,
  ].map(async (bytes) => {
    const { text } = await exchange(port, bytes);
    expect(text).toMatch(/^HTTP\/1\.1 408 .*0\.5 s.*REQUEST_TIMEOUT/s);
  });
  const idle = exchange(port, `GET /health HTTP/1.1\r\n${HOST}\r\n`);
  const dribbling = await openConnection(port);
  dribbling.write(`GET /health HTTP/1.1\r\n${HOST}`);
  const dribble = setInterval(() => dribbling.write("x: y\r\n"), 50);
  await Promise.all([...told, idle, whenClosed(dribbling)]);
  clearInterval(dribble);
});
