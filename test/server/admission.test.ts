import { once } from "node:events";

import { pino } from "pino";
import { expect, onTestFinished, test, vi } from "vitest";
import { WebSocket } from "ws";

import { AuthenticationError, createSessions } from "../../src/auth/authenticator.ts";
import { createCredentials } from "../../src/api/server/credentials.ts";
import {
  closing,
  connect,
  greet,
  init,
  INIT,
  open,
  openConnection,
  subscribe,
} from "./open-socket.ts";
import { createViewer } from "../support/viewers.ts";
import { createNameAuthenticator, LIMITS, post, serve } from "./serve.ts";

const TICKS = "subscription { ticks }";

test("a request without a good credential is refused, before its body has come, and health checks need none", async () => {
  const { graphqlUrl, url, port, counts } = await serve({
    authenticator: createNameAuthenticator(),
  });
  for (const [headers, status, code, challenge] of [
    [{}, 401, "UNAUTHENTICATED", "Bearer"],
    [{ authorization: "Bearer nobody" }, 401, "UNAUTHENTICATED", 'Bearer error="invalid_token"'],
    [{ authorization: "Bearer nowhere" }, 503, "UNAVAILABLE", null],
  ] as const) {
    const response = await post(graphqlUrl, { query: "{ wait }" }, headers);
    expect(response.status).toBe(status);
    expect(response.headers.get("www-authenticate")).toBe(challenge);
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code } }] });
  }
  const socket = await openConnection(port);
  socket.write(
    "POST /graphql HTTP/1.1\r\nHost: localhost\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n",
  );
  const [answer] = await once(socket, "data");
  expect(String(answer)).toMatch(/^HTTP\/1\.1 401 /);
  expect(counts.waiting).toBe(0);
  for (const path of ["/health", "/ready"]) expect((await fetch(url + path)).status).toBe(200);
});

test("a credential is checked once until it is over, however it is written, and a refused one each time", async () => {
  const names = createNameAuthenticator();
  const authenticate = vi.fn(names.authenticate);
  const { graphqlUrl } = await serve({ authenticator: { authenticate } });
  const ask = async (authorization: string) =>
    (await post(graphqlUrl, { query: "{ node { name } }" }, { authorization })).status;
  for (const spelling of ["Bearer anna", "bearer  anna", "BEARER anna"])
    expect(await ask(spelling)).toBe(200);
  await greet(graphqlUrl, init({ authorization: "Bearer anna" }));
  expect(authenticate).toHaveBeenCalledTimes(1);
  for (const status of [401, 401]) expect(await ask("Bearer nobody")).toBe(status);
  expect(await ask("anna")).toBe(401);
  expect(await ask("Bearer ben")).toBe(200);
  expect(authenticate).toHaveBeenCalledTimes(5);
  names.revoke("anna");
  expect(await ask("Bearer anna")).toBe(401);
});

test("what was admitted as a cookie is not as an authorization, however that is written", async () => {
  const admission = {
    viewer: createViewer(),
    expiresAt: null,
    isRevoked: () => false,
  };
  const refuse = () => Promise.reject(new AuthenticationError("invalid", "Go away."));
  const { admit } = createCredentials({
    authenticator: { authenticate: refuse },
    signIns: { authenticate: () => Promise.resolve(admission) },
    origins: { findOwn: () => null },
    sessions: { findEnd: () => null },
  });
  expect(await admit(undefined, "anna")).toBe(admission);
  for (const authorization of ["Bearer anna", "cookie anna", "anna", "bearer cookie anna"])
    await expect(admit(authorization, "anna"), authorization).rejects.toThrow("Go away.");
});

test("an owner with too many requests a second is refused, and another one is not", async () => {
  const authenticator = createNameAuthenticator({ requestsPerSecond: 2 });
  const { graphqlUrl } = await serve({ authenticator });
  const send = (name: string) =>
    post(graphqlUrl, { query: "{ node { name } }" }, { authorization: `Bearer ${name}` });
  const greedy = await Promise.all([send("anna"), send("anna"), send("anna"), send("anna")]);
  const refused = greedy.find(({ status }) => status === 429);
  expect(refused?.headers.get("retry-after")).toBe("1");
  expect(await refused?.json()).toMatchObject({
    errors: [{ extensions: { code: "RATE_LIMITED", retryAfterSeconds: 1, limit: 2 } }],
  });
  expect((await send("ben")).status).toBe(200);
});

test.each([
  [INIT, 4401, 'Send connectionParams { authorization: "Bearer …" }.'],
  [init({ authorization: null }), 4401, 'Send connectionParams { authorization: "Bearer …" }.'],
  [init({ authorization: "Bearer nobody" }), 4403, ""],
  [init({ authorization: 7 }), 4403, ""],
  [init({ authorization: "Bearer nowhere" }), 1013, ""],
  [subscribe("1", TICKS), 4401, ""],
])(
  "a socket whose first words are %s closes with %d before any operation, and says what to do",
  async (first, code, nextStep) => {
    const { graphqlUrl, counts } = await serve({ authenticator: createNameAuthenticator() });
    const socket = await open(graphqlUrl, first);
    const reason = expect.stringContaining(nextStep);
    expect(await closing(socket)).toMatchObject({ code, reason });
    expect(counts.open).toBe(0);
  },
);

test("a socket that never begins is closed with 4408", async () => {
  const webSocket = { ...LIMITS.webSocket, initSeconds: 0.2 };
  const { graphqlUrl } = await serve({ limits: { ...LIMITS, webSocket } });
  const socket = await open(graphqlUrl, '{"type":"ping"}');
  expect(await closing(socket)).toMatchObject({ code: 4408 });
});

test("when a credential is over its sockets and event streams end, and others stay", async () => {
  const authenticator = createNameAuthenticator();
  const { graphqlUrl, counts } = await serve({ authenticator });
  const socket = await greet(graphqlUrl, init({ authorization: "Bearer anna" }));
  // Spelled as headers often are.
  const other = await greet(graphqlUrl, init({ Authorization: "Bearer ben" }));
  socket.send(subscribe("1", TICKS));
  other.send(subscribe("1", TICKS));
  const headers = { accept: "text/event-stream", authorization: "Bearer anna" };
  const stream = await post(graphqlUrl, { query: TICKS }, headers);
  const cut = expect(stream.text()).rejects.toThrow();
  await expect.poll(() => counts.open).toBe(3);
  authenticator.revoke("anna");
  expect(await closing(socket)).toMatchObject({ code: 4403 });
  await cut;
  await expect.poll(() => counts.open).toBe(1);
  expect(other.readyState).toBe(WebSocket.OPEN);
});

test.each([
  ["was revoked", { isRevoked: () => true }],
  ["has expired", { expiresAt: 1_000 }],
])("nothing is done any more for a credential that %s a moment ago", async (_case, over) => {
  const sessions = createSessions({ log: pino({ level: "silent" }), pollMs: 60_000 });
  onTestFinished(() => sessions.close());
  const admission = {
    viewer: createViewer(),
    expiresAt: null,
    isRevoked: () => false,
  };
  const authenticate = () => Promise.resolve(admission);
  const { graphqlUrl, counts } = await serve({ authenticator: { authenticate }, sessions });
  const socket = await greet(graphqlUrl);
  Object.assign(admission, over);
  socket.send(subscribe("1", TICKS));
  expect(await closing(socket)).toMatchObject({ code: 4403 });
  expect(counts.open).toBe(0);
});

test("the stock client comes back with another credential when its own is over", async () => {
  const authenticator = createNameAuthenticator();
  const { graphqlUrl, counts } = await serve({ authenticator });
  const names = ["anna", "ben"];
  const client = connect(graphqlUrl, {
    retryAttempts: 1,
    retryWait: () => Promise.resolve(),
    connectionParams: () => ({ authorization: `Bearer ${names.shift()}` }),
  });
  const ticks: unknown[] = [];
  const failed = vi.fn();
  client.subscribe(
    { query: TICKS },
    { next: ({ data }) => ticks.push(data), error: failed, complete: () => undefined },
  );
  await expect.poll(() => counts.open).toBe(1);
  authenticator.revoke("anna");
  await expect.poll(() => ticks).toEqual([{ ticks: 1 }, { ticks: 1 }]);
  expect(failed).not.toHaveBeenCalled();
});
