import { once } from "node:events";

import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";

import { exchange } from "../support/raw-socket.ts";
import { connect, run } from "./open-socket.ts";
import { createNameAuthenticator, HTTP_ACCESS, keepLog, post, serve } from "./serve.ts";

const PAGE = "https://app.example.com";
const LISTED = { ...HTTP_ACCESS, origins: [PAGE] };
const QUERY = '{"query":"{ __typename }"}';

async function errorOf(response: Response): Promise<{ code: string; message: string }> {
  const { errors } = JSON.parse(await response.text());
  return { code: errors[0].extensions.code, message: errors[0].message };
}

test("a listed page may ask before it sends, without a credential, and read the answer", async () => {
  const authenticator = createNameAuthenticator();
  const { graphqlUrl } = await serve({ httpAccess: LISTED, authenticator });
  const asked = await fetch(graphqlUrl, {
    method: "OPTIONS",
    headers: { origin: PAGE, "access-control-request-method": "POST" },
  });
  expect(asked.status).toBe(204);
  expect(Object.fromEntries(asked.headers)).toMatchObject({
    "access-control-allow-origin": PAGE,
    "access-control-allow-methods": "GET, POST",
    "access-control-allow-headers": "authorization, content-type, accept, traceparent, tracestate",
  });
  const answer = await post(graphqlUrl, QUERY, { origin: PAGE, authorization: "Bearer anna" });
  expect(answer.headers.get("access-control-allow-origin")).toBe(PAGE);
  expect(answer.headers.get("vary")).toContain("origin");
  expect(answer.headers.has("access-control-allow-credentials")).toBe(false);
  const refused = await post(graphqlUrl, QUERY, { origin: PAGE });
  expect(refused.status).toBe(401);
  expect(refused.headers.get("access-control-allow-origin")).toBe(PAGE);
});

/** What becomes of a socket that a page of this origin opens: a status, or that it is open. */
async function openFrom(graphqlUrl: string, origin?: string): Promise<unknown> {
  const options = origin === undefined ? {} : { origin };
  const socket = new WebSocket(graphqlUrl.replace("http", "ws"), "graphql-transport-ws", options);
  onTestFinished(() => socket.terminate());
  socket.on("error", () => undefined);
  return await Promise.race([
    once(socket, "open").then(() => "open"),
    once(socket, "unexpected-response").then(([, { statusCode }]) => statusCode),
  ]);
}

async function expectForeign(graphqlUrl: string, origin: string): Promise<void> {
  for (const { headers } of [
    await fetch(graphqlUrl, { method: "OPTIONS", headers: { origin } }),
    await post(graphqlUrl, QUERY, { origin }),
  ])
    expect(headers.has("access-control-allow-origin"), origin).toBe(false);
  expect(await openFrom(graphqlUrl, origin), origin).toBe(403);
}

test("a page that is neither listed nor the gateway's own may read nothing and open no socket", async () => {
  const { graphqlUrl, url } = await serve({ httpAccess: LISTED });
  const { host } = new URL(url);
  // The gateway's own host among them, but no page's.
  const foreign = `https://evil.example ${PAGE}.evil.example http://app.example.com null *
    foo://${host} http://${host}/path http://user@${host} ${host}`;
  for (const origin of foreign.split(/\s+/)) await expectForeign(graphqlUrl, origin);
  for (const origin of [url, PAGE, undefined])
    expect(await openFrom(graphqlUrl, origin)).toBe("open");
});

const LOOPBACK =
  "http://localhost:5173 http://localhost http://127.0.0.1:3000 http://[::1]:8080 https://localhost:5173";
const LIKE_LOOPBACK = `http://evil.example:5173 http://localhost.evil.example http://127.0.0.1.evil.example:5173
  http://evil.example/http://localhost http://localhost@evil.example http://user@localhost:5173
  http://localhost:5173/ http://127.0.0.2:5173 http://[::2]:5173 http://a.localhost:5173 foo://localhost:5173 null`;

test("pages on this machine are admitted where those are, and nowhere else", async () => {
  const open = await serve({ httpAccess: { ...HTTP_ACCESS, admitsLoopback: true } });
  const closed = await serve();
  for (const origin of LOOPBACK.split(" ")) {
    const answer = await post(open.graphqlUrl, QUERY, { origin });
    expect(answer.headers.get("access-control-allow-origin")).toBe(origin);
    expect(await openFrom(open.graphqlUrl, origin)).toBe("open");
    await expectForeign(closed.graphqlUrl, origin);
  }
  const two = "http://localhost:5173, http://evil.example";
  for (const origin of [...LIKE_LOOPBACK.split(/\s+/), two])
    await expectForeign(open.graphqlUrl, origin);
});

test("the log says once of each foreign page that is refused what to set, and of twenty at most", async () => {
  const { log, lines } = keepLog();
  const { graphqlUrl } = await serve({ log });
  const warned = () => lines.filter((line) => line.includes("CORS_ORIGINS"));
  // As a browser asks before it sends JSON to another origin.
  await fetch(graphqlUrl, { method: "OPTIONS", headers: { origin: "http://localhost:5173" } });
  expect(warned()).toEqual([expect.stringContaining('"origin":"http://localhost:5173"')]);
  await openFrom(graphqlUrl, "http://localhost:5173");
  await post(graphqlUrl, QUERY, { origin: "http://localhost:5173" });
  expect(warned()).toHaveLength(1);
  for (let index = 0; index < 15; index += 1) {
    await openFrom(graphqlUrl, `http://localhost:${6_000 + index}`);
    await post(graphqlUrl, QUERY, { origin: `http://localhost:${7_000 + index}` });
  }
  expect(warned()).toHaveLength(20);
  expect(warned().every((line) => line.includes('"level":40'))).toBe(true);
});

test("the log says nothing of the gateway's own page, a listed one or a program, and cuts what it prints", async () => {
  const { log, lines } = keepLog();
  const { graphqlUrl, url } = await serve({ log, httpAccess: LISTED });
  for (const origin of [url, PAGE]) await post(graphqlUrl, QUERY, { origin });
  await post(graphqlUrl, QUERY);
  expect(lines.filter((line) => line.includes("CORS_ORIGINS"))).toEqual([]);
  await post(graphqlUrl, QUERY, { origin: `https://${"x".repeat(5_000)}` });
  const line = lines.find((one) => one.includes("CORS_ORIGINS")) ?? "";
  expect(line).toContain("https://xxx");
  expect(line.length).toBeLessThan(500);
});

/** What comes back when the gateway is asked by this name. */
async function askBy(host: string, port: number, more = "Connection: close\r\n"): Promise<string> {
  const head = `GET /graphql?query={__typename} HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`;
  return (await exchange(port, head)).text;
}

const UPGRADE =
  "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

test("without authentication only names that no stranger can point here are served, and the others told what admits them", async () => {
  const { port } = await serve();
  const local = "localhost. 127.0.0.1. host.docker.internal:4000 gateway a.localhost.";
  for (const host of local.split(" ")) expect(await askBy(host, port), host).toContain('"data"');
  const strangers =
    "evil.example evil.example. printer.local internal.evil.example 127.0.0.1.evil.example localhost.evil.example:80";
  for (const host of strangers.split(" ")) {
    expect(await askBy(host, port), host).toMatch(/^HTTP\/1\.1 421 .*MISDIRECTED_REQUEST/s);
    expect(await askBy(host, port, UPGRADE), host).toMatch(/^HTTP\/1\.1 421 /);
  }
  const refusal = await askBy("My.Printer.local:4000", port);
  const setting = /CORS_ORIGINS=(\S+?)[,;"]? /.exec(refusal)?.[1] ?? "";
  expect(setting).toBe("http://my.printer.local:4000");
  const listed = await serve({ httpAccess: { ...HTTP_ACCESS, origins: [setting] } });
  expect(await askBy("My.Printer.local:4000", listed.port)).toContain('"data"');
  const closed = await serve({ httpAccess: { ...HTTP_ACCESS, isOpen: false } });
  expect(await askBy("any.example", closed.port)).toContain('"data"');
});

test("every answer is nobody's frame, script or cached copy, and names no software", async () => {
  const { url, graphqlUrl, port } = await serve();
  const answers = await Promise.all([
    post(graphqlUrl, QUERY),
    post(graphqlUrl, "{"),
    fetch(graphqlUrl, { method: "OPTIONS" }),
    fetch(`${url}/health`),
    fetch(`${url}/nothing`),
    fetch(`${graphqlUrl}?query=${encodeURIComponent("subscription { brokenTicks }")}`, {
      headers: { accept: "text/event-stream" },
    }),
  ]);
  for (const { headers } of answers) {
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("content-security-policy")).toMatch(
      /^default-src 'none'.*frame-ancestors 'none'/,
    );
    expect(headers.get("cache-control")).toMatch(/^no-(store|cache)$/);
    expect(headers.has("x-powered-by") || headers.has("server")).toBe(false);
  }
  expect((await exchange(port, "nonsense\r\n\r\n")).text).toContain(
    "x-content-type-options: nosniff",
  );
});

test("without GraphiQL a browser gets a sentence, and programs their answers", async () => {
  const { graphqlUrl, url } = await serve({ httpAccess: { ...HTTP_ACCESS, hasGraphiql: false } });
  const page = await fetch(graphqlUrl, { headers: { accept: "text/html" } });
  expect(page.status).toBe(404);
  expect((await errorOf(page)).message).toContain("GRAPHIQL=true");
  expect((await fetch(url)).status).toBe(404);
  expect((await post(graphqlUrl, QUERY)).status).toBe(200);
});

test("without introspection neither the schema nor a guess at a name is revealed, over HTTP and sockets", async () => {
  const { graphqlUrl } = await serve({ httpAccess: { ...HTTP_ACCESS, hasIntrospection: false } });
  const client = connect(graphqlUrl);
  for (const query of ["{ __schema { types { name } } }", "{ nod { name } }", "{ echo(tex: 1) }"]) {
    const { code, message } = await errorOf(await post(graphqlUrl, { query }));
    expect(code).toBe("GRAPHQL_VALIDATION_FAILED");
    expect(message).not.toMatch(/did you mean/i);
    if (query.includes("__schema"))
      expect(message).toMatch(
        /introspection has been disabled.*\. .*npm run --silent schema.*INTROSPECTION=true/,
      );
    expect(JSON.stringify(await run(client, { query }))).not.toMatch(/did you mean|"data"/i);
  }
  const { graphqlUrl: helpful } = await serve();
  const helped = await errorOf(await post(helpful, { query: "{ nod { name } }" }));
  expect(helped.message).toContain("Did you mean");
});
