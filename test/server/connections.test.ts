import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";

import type { Admission } from "../../src/auth/authenticator.ts";
import { AuthenticationError, createSessions, readBearer } from "../../src/auth/authenticator.ts";
import { createMemoryBudget } from "../../src/runtime/memory-budget.ts";
import { Connections } from "../../src/api/server/connections.ts";
import { createCredentials } from "../../src/api/server/credentials.ts";
import { createFindClient } from "../../src/api/server/find-client.ts";
import { exchange, toStatuses, whenClosed } from "../support/raw-socket.ts";
import { createViewer } from "../support/viewers.ts";
import { greet, openConnection } from "./open-socket.ts";
import { LIMITS, serve } from "./serve.ts";

const STALL_MS = 200;
const MOST_OWN_IN_A_TURN = 32;
const REQUEST = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/** The port of a server that answers like this, behind a proxy on this machine. */
async function listen(
  answer: (request: IncomingMessage, response: ServerResponse) => unknown,
  { mostBytes = 536_870_912, stallMs = STALL_MS, credentials = openCredentials().credentials } = {},
) {
  const server = createServer();
  const connections = new Connections(server, {
    stallMs,
    memory: createMemoryBudget({ mostBytes }),
    limits: LIMITS.http,
    credentials,
    findClient: createFindClient(["127.0.0.1"], ["/graphql"]),
  });
  server.on("request", (request, response) => {
    connections.take(response, () => void answer(request, response));
  });
  onTestFinished(() => void server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Lets in whose credential, or cookie of a sign-in, is `owner~text`, but no `nobody` and nothing that was revoked. */
function openCredentials() {
  const sessions = createSessions({ log: pino({ level: "silent" }) });
  onTestFinished(() => sessions.close());
  const revoked = new Set<string>();
  const admit = async (credential: string): Promise<Admission> => {
    const [ownerId = ""] = credential.split("~");
    const isRevoked = () => revoked.has(credential);
    if (ownerId === "nobody" || isRevoked()) throw new AuthenticationError("invalid", "Go away.");
    return { viewer: createViewer({ ownerId }), expiresAt: null, isRevoked };
  };
  const credentials = createCredentials({
    authenticator: { authenticate: (authorization) => admit(readBearer(authorization)) },
    signIns: { authenticate: admit },
    origins: { findOwn: () => "http://localhost" },
    sessions,
  });
  return { credentials, revoke: (credential: string) => void revoked.add(credential) };
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
  await expectOwnTurns(
    () => ["Authorization: Bearer greedy~1"],
    ["Authorization: Bearer other~1"],
    ["greedy~1", "other~1"],
  );
});

type ToHeaders = (at: number) => readonly string[];

const from = (address: string): string => `X-Forwarded-For: ${address}`;
const bearer = (credential: string): string => `Authorization: Bearer ${credential}`;
const signedIn = (credential: string): string => `Cookie: runcomfy-session-80=${credential}`;
const toMadeUp: ToHeaders = (at) => [bearer(`nobody~${at}`), from("192.0.2.1")];
const toKeys = (owner: string): string[] =>
  Array.from({ length: 200 }, (_, at) => `${owner}~${at}`);

test.each<[string, ToHeaders, readonly string[], readonly string[]]>([
  [
    "one key, spelled in many ways,",
    (at) => [`Authorization: ${at % 2 ? "bearer" : "BEARER"}${" ".repeat(1 + at)}greedy~1`],
    [bearer("other~1")],
    ["greedy~1", "other~1"],
  ],
  [
    "the many keys of one owner",
    (at) => [bearer(`greedy~${at}`)],
    [bearer("other~1")],
    [...toKeys("greedy"), "other~1"],
  ],
  [
    "a sign-in beside other cookies",
    (at) => [`${signedIn("greedy~1")}; other=${at}`],
    [signedIn("other~1")],
    ["cookie greedy~1", "cookie other~1"],
  ],
  ["made-up keys", toMadeUp, [bearer("other~1"), from("192.0.2.1")], ["other~1"]],
  ["made-up keys of an address", toMadeUp, [bearer("new~1"), from("192.0.2.2")], []],
  [
    "made-up keys of many addresses",
    (at) => [bearer(`nobody~${at}`), from(`192.0.2.${at}`)],
    [bearer("other~1"), from("192.0.2.1")],
    ["other~1"],
  ],
  [
    "made-up cookies of an address",
    (at) => [`Cookie: runcomfy-session-80=nobody~${at}; other=${at}`, from("192.0.2.1")],
    [signedIn("new~1"), from("192.0.2.2")],
    [],
  ],
  [
    "the addresses of a /64 of IPv6",
    (at) => [bearer(`nobody~${at}`), from(`2001:db8:0:1::${at}`)],
    [bearer("new~1"), from("2001:db8:0:2::1")],
    [],
  ],
  [
    "addresses that a client makes up",
    (at) => [bearer(`nobody~${at}`), from(`192.0.3.${at}, 192.0.2.1`)],
    [bearer("new~1"), from("192.0.2.2")],
    [],
  ],
  [
    "what asks to be admitted",
    toMadeUp,
    // As a balancer's health check does, from the same address.
    ["GET /health HTTP/1.1", from("192.0.2.1")],
    [],
  ],
])(
  "%s on many connections takes turns of its own, and is answered",
  async (_what, toGreedy, other, admitted) => await expectOwnTurns(toGreedy, other, admitted),
);

test("a key that was revoked takes no turns of its former owner's", async () => {
  const opened = openCredentials();
  await opened.credentials.admit("Bearer owner~lost");
  opened.revoke("owner~lost");
  await expectOwnTurns(
    () => [bearer("owner~lost")],
    [bearer("owner~new")],
    ["owner~new"],
    opened.credentials,
  );
});

/** Sends 200 greedy requests, and then one of another client, at once. */
async function expectOwnTurns(
  toGreedy: ToHeaders,
  other: readonly string[],
  admitted: readonly string[],
  credentials = openCredentials().credentials,
): Promise<void> {
  const { turns, count } = countInTurns();
  let othersPlace = 0;
  let begunCount = 0;
  for (const one of admitted)
    await (one.startsWith("cookie ")
      ? credentials.admit(undefined, one.replace("cookie ", ""))
      : credentials.admit(`Bearer ${one}`));
  const port = await listen(
    async (request, response) => {
      const { authorization, ...headers } = request.headers;
      if (authorization === "first") return void response.end();
      count();
      begunCount += 1;
      if (headers["x-is"] === "other") othersPlace = begunCount;
      const admission = credentials.admit(authorization, credentials.findCookie(request));
      response.statusCode = await admission.then(
        () => 200,
        () => 401,
      );
      response.end();
    },
    // Nobody is cut while the others connect.
    { stallMs: 60_000, credentials },
  );
  const sockets = await openConnections(port, 201);
  const answers = sockets.map(async (socket) => String(await once(socket, "data")));
  for (const [at, socket] of sockets.entries()) {
    const headers = at < 200 ? toGreedy(at) : [...other, "X-Is: other"];
    const isWhole = headers[0]?.endsWith(" HTTP/1.1");
    const lines = [...(isWhole ? [] : ["POST /graphql HTTP/1.1"]), ...headers, "Host: localhost"];
    socket.write(`${lines.join("\r\n")}\r\nContent-Length: 0\r\n\r\n`);
  }
  const statuses = (await Promise.all(answers)).flatMap(toStatuses);
  expect(statuses.filter((status) => [200, 401].includes(status))).toHaveLength(201);
  // What begins before the turn's first is over counts with the turn before.
  expect(Math.max(...turns)).toBeLessThan(2 * MOST_OWN_IN_A_TURN);
  expect(othersPlace).toBeLessThan(2 * MOST_OWN_IN_A_TURN);
}

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
  // Nobody is cut while the others connect.
  const options = { mostBytes: 4_194_304, stallMs: 60_000 };
  const port = await listen((_request, response) => response.end(), options);
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

test("connections beyond the most, sockets among them, are closed at once, and those before stay", async () => {
  const limits = { ...LIMITS, http: { ...LIMITS.http, connections: 2 } };
  const { port, graphqlUrl } = await serve({ limits });
  const kept = await openConnection(port);
  const socket = await greet(graphqlUrl);
  await whenClosed(await openConnection(port));
  expect([kept.closed, socket.readyState]).toEqual([false, WebSocket.OPEN]);
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
