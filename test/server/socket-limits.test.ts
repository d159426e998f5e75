import { once } from "node:events";

import { expect, test, vi } from "vitest";

import { closing, greet, init, keepMessages, nextMessage, open, subscribe } from "./open-socket.ts";
import { keepStream } from "../support/keep-stream.ts";
import { createNameAuthenticator, LIMITS, serve } from "./serve.ts";

const TICKS = "subscription { ticks }";
const ANNA = init({ authorization: "Bearer anna" });

test("a closed socket's places are free again, and each owner has its own", async () => {
  const authenticator = createNameAuthenticator({ sockets: 1 });
  const { graphqlUrl } = await serve({ authenticator });
  const socket = await greet(graphqlUrl, ANNA);
  const second = await open(graphqlUrl, ANNA);
  expect(await closing(second)).toMatchObject({
    code: 1013,
    reason: "You have 1 socket open, the most allowed. Close one and try again.",
  });
  await greet(graphqlUrl, init({ authorization: "Bearer ben" }));
  socket.close();
  await once(socket, "close");
  await vi.waitFor(async () => {
    const third = await open(graphqlUrl, ANNA);
    expect(await nextMessage(third)).toBe('{"type":"connection_ack"}');
  }, 10_000);
});

test("subscriptions are counted over sockets and event streams together, and freed", async () => {
  const authenticator = createNameAuthenticator({ subscriptions: 2 });
  const { graphqlUrl, counts } = await serve({ authenticator });
  const socket = await greet(graphqlUrl, ANNA);
  socket.send(subscribe("1", TICKS));
  await nextMessage(socket);
  const leaving = new AbortController();
  const headers = { accept: "text/event-stream", authorization: "Bearer anna" };
  keepStream(await fetch(`${graphqlUrl}?query=${TICKS}`, { signal: leaving.signal, headers }));
  await expect.poll(() => counts.open).toBe(2);
  socket.send(subscribe("2", TICKS));
  expect(JSON.parse(await nextMessage(socket))).toMatchObject({
    type: "next",
    payload: { errors: [{ extensions: { code: "QUOTA_EXCEEDED", limit: 2 } }] },
  });
  leaving.abort();
  await expect.poll(() => counts.open).toBe(1);
  const messages = keepMessages(socket);
  socket.send(subscribe("3", TICKS));
  const answer = '"id":"3","type":"next","payload":{"data"';
  await expect.poll(() => messages.join()).toContain(answer);
});

test("an id that comes again while its operation starts closes the socket, and nothing is left of either", async () => {
  const { graphqlUrl, counts, release } = await serve();
  const socket = await greet(graphqlUrl);
  for (let tries = 0; tries < 5; tries++) {
    socket.send(subscribe("1", "subscription { slowTicks }"));
    socket.send('{"id":"1","type":"complete"}');
  }
  expect(await closing(socket)).toEqual({
    code: 1013,
    reason: "The operation 1 still ends. Give each its own id.",
  });
  release();
  await expect.poll(() => counts.open).toBe(0);
});

test("a client that leaves while its event stream starts keeps no place", async () => {
  const webSocket = { ...LIMITS.webSocket, subscriptions: 1 };
  let hasLeft = false;
  const { graphqlUrl, counts, release } = await serve({
    limits: { ...LIMITS, webSocket },
    createContext(operation) {
      operation.whenOver(() => (hasLeft = true));
      return operation;
    },
  });
  const leaving = new AbortController();
  const accept = { accept: "text/event-stream" };
  const { signal } = leaving;
  const answer = fetch(`${graphqlUrl}?query=subscription{slowTicks}`, { signal, headers: accept });
  await expect.poll(() => counts.waiting).toBe(1);
  leaving.abort();
  await expect(answer).rejects.toThrow("aborted");
  await expect.poll(() => hasLeft).toBe(true);
  release();
  await vi.waitFor(async () => {
    const socket = await greet(graphqlUrl);
    socket.send(subscribe("1", TICKS));
    expect(await nextMessage(socket)).toContain('"data":{"ticks":1}');
    socket.terminate();
  }, 10_000);
  await expect.poll(() => counts.open).toBe(0);
});

test("subscriptions of all owners together are bounded", async () => {
  const webSocket = { ...LIMITS.webSocket, subscriptions: 1 };
  const authenticator = createNameAuthenticator();
  const { graphqlUrl } = await serve({ authenticator, limits: { ...LIMITS, webSocket } });
  const socket = await greet(graphqlUrl, ANNA);
  socket.send(subscribe("1", TICKS));
  await nextMessage(socket);
  const headers = { accept: "text/event-stream", authorization: "Bearer ben" };
  const response = await fetch(`${graphqlUrl}?query=${TICKS}`, { headers });
  const answer = await response.text();
  expect(answer).toContain("All 1 subscriptions are taken. Try again later");
  expect(answer).toContain('"QUOTA_EXCEEDED","retryAfterSeconds":5,"limit":1');
});

test("operations on a socket count against the owner's requests a second", async () => {
  const authenticator = createNameAuthenticator({ requestsPerSecond: 1 });
  const { graphqlUrl } = await serve({ authenticator });
  const socket = await greet(graphqlUrl, ANNA);
  const messages = keepMessages(socket);
  for (const id of ["1", "2", "3"]) socket.send(subscribe(id, "{ node { name } }"));
  await expect.poll(() => messages.join()).toContain("RATE_LIMITED");
});

test("a socket runs so many operations at once, and what a client says is complete counts until it has ended", async () => {
  const webSocket = { ...LIMITS.webSocket, operationsPerSocket: 3 };
  const { graphqlUrl, counts, release } = await serve({ limits: { ...LIMITS, webSocket } });
  const [open4, complete] = [await greet(graphqlUrl), await greet(graphqlUrl)];
  for (let id = 1; id <= 4; id += 1) open4.send(subscribe(String(id), "{ wait }"));
  const reported = await nextMessage(open4);
  expect(reported).toMatch(/"id":"4","type":"error".*TOO_MANY_OPERATIONS/);
  for (let id = 0; id < 20; id += 1) {
    complete.send(subscribe(String(id), "{ wait }"));
    complete.send(JSON.stringify({ id: String(id), type: "complete" }));
  }
  complete.send(subscribe("last", "{ wait }"));
  const refused = keepMessages(complete);
  await expect.poll(() => refused.join()).toMatch(/"id":"last".*TOO_MANY_OPERATIONS/);
  expect(counts.waiting).toBe(3 + 3);
  release();
});

const ECHOES = Array.from({ length: 50 }, (_, index) => `e${index}: echo(text: $text)`);
const toEchoes = (text: string) => ({
  query: `query ($text: String!) { ${ECHOES.join(" ")} }`,
  variables: { text },
});

test("a socket that has yet to read more than 4 MiB is closed with 1013, which says to read", async () => {
  const { graphqlUrl } = await serve();
  const socket = await greet(graphqlUrl);
  socket.pause();
  // Of 200 KB each, so that neither side's kernel can keep them all.
  for (let id = 0; id < 120; id += 1)
    socket.send(
      JSON.stringify({ id: String(id), type: "subscribe", payload: toEchoes("x".repeat(4_000)) }),
    );
  await fetch(`${graphqlUrl}?query={__typename}`);
  socket.resume();
  const { code, reason } = await closing(socket);
  expect([1006, 1013]).toContain(code);
  if (code === 1013)
    expect(reason).toBe("You have yet to read 4 MiB, or 4,096 messages. Connect again, and read.");
});

test("an answer of more than that arrives, and so does what comes meanwhile", async () => {
  const { graphqlUrl } = await serve();
  const socket = await greet(graphqlUrl);
  const messages = keepMessages(socket);
  socket.pause();
  socket.send(
    JSON.stringify({ id: "large", type: "subscribe", payload: toEchoes("x".repeat(200_000)) }),
  );
  for (let id = 0; id < 10; id += 1) {
    socket.send(subscribe(String(id), TICKS));
    await fetch(`${graphqlUrl}?query={__typename}`);
  }
  socket.resume();
  await expect.poll(() => messages.filter((text) => text.includes('"ticks":1')).length).toBe(10);
  expect(messages.some((text) => text.length > 10_000_000)).toBe(true);
});
