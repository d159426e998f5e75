import { once } from "node:events";
import { request } from "node:http";

import { expect, test } from "vitest";

import { exchange } from "../support/raw-socket.ts";
import { keepLog, serve } from "./serve.ts";

const JSON_TYPE = { "content-type": "application/json" };

async function expectCode(response: Response, status: number, code: string): Promise<string> {
  expect(response.headers.get("content-type")).toMatch(/^application\/(graphql-response\+)?json/);
  const body = JSON.parse(await response.text());
  expect({ status: response.status, code: body.errors?.[0].extensions.code }).toEqual({
    status,
    code,
  });
  return body.errors[0].message;
}

test.each(["a b", "[::", "x/y", "x:99999", "user@x"])(
  "the host %s is refused, without a word of the gateway's insides",
  async (host) => {
    const { port } = await serve();
    const answer = (
      await exchange(
        port,
        `GET /graphql?query={__typename} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
      )
    ).text;
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('"code":"BAD_REQUEST"');
    expect(answer).not.toContain("node_modules");
  },
);

test.each(["x", "a.localhost:80", "127.0.0.1:4000", "192.168.0.7", "[::1]:4000"])(
  "the host %s is served",
  async (host) => {
    const { port } = await serve();
    const answer = (
      await exchange(
        port,
        `GET /graphql?query={__typename} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
      )
    ).text;
    expect(answer).toContain('{"data":{"__typename":"Query"}}');
  },
);

test.each(["variables", "extensions"])(
  "malformed %s of a GET are the client's mistake, and named",
  async (name) => {
    const { log, lines } = keepLog();
    const { graphqlUrl } = await serve({ log });
    const response = await fetch(`${graphqlUrl}?query={__typename}&${name}=%7B`);
    expect(await expectCode(response, 400, "BAD_REQUEST")).toContain(`\`${name}\``);
    expect(lines).toEqual([]);
    const good = await fetch(`${graphqlUrl}?query={__typename}&${name}=%7B%7D`);
    expect(await good.json()).toEqual({ data: { __typename: "Query" } });
  },
);

test.each([
  "application/x-www-form-urlencoded",
  "application/graphql",
  "text/plain",
  "text/plain; a=,application/json",
  "multipart/form-data; boundary=x",
  "application/jsonx",
  "",
])("a POST of type '%s', which a page could send unasked, runs nothing", async (type) => {
  const { graphqlUrl, counts } = await serve();
  for (const body of ["query=%7Bwait%7D", "{wait}", '{"query":"{wait}"}']) {
    const response = await fetch(graphqlUrl, {
      method: "POST",
      headers: type === "" ? {} : { "content-type": type },
      body: Buffer.from(body),
    });
    await expectCode(response, 415, "UNSUPPORTED_MEDIA_TYPE");
  }
  expect(counts.waiting).toBe(0);
});

test("an answer in a form that there is none of is refused, and its source freed", async () => {
  const { graphqlUrl, counts } = await serve();
  const query = '{"query":"subscription { ticks }"}';
  const stream = await fetch(graphqlUrl, {
    method: "POST",
    headers: { ...JSON_TYPE, accept: "application/json" },
    body: query,
  });
  expect(await expectCode(stream, 406, "NOT_ACCEPTABLE")).toBe(
    "A subscription is answered as text/event-stream. Send that in accept.",
  );
  await expect.poll(() => counts.open).toBe(0);
  const picture = await fetch(graphqlUrl, {
    method: "POST",
    headers: { ...JSON_TYPE, accept: "image/png" },
    body: '{"query":"{ node { name } }"}',
  });
  await expectCode(picture, 406, "NOT_ACCEPTABLE");
});

test("a health check may carry parameters, and GraphQL's may end like one", async () => {
  const { url } = await serve();
  expect((await fetch(`${url}/health?x=1`)).status).toBe(200);
  expect((await fetch(`${url}/ready?x=1`)).status).toBe(200);
  const response = await fetch(`${url}/graphql?query={__typename}&operationName=/health`);
  await expectCode(response, 400, "OPERATION_RESOLUTION_FAILURE");
});

test("a body that says it is too large is refused before it is read", async () => {
  const { port } = await serve();
  const sent = request({
    port,
    method: "POST",
    path: "/graphql",
    headers: { ...JSON_TYPE, "content-length": "300000" },
  });
  sent.on("error", () => undefined); // The rest is never sent.
  sent.flushHeaders();
  const [response] = await once(sent, "response");
  expect(response.statusCode).toBe(413);
  sent.destroy();
});

test.each([
  ["fields", `${"{ a ".repeat(1_600)}${"}".repeat(1_600)}`],
  ["lists", `{ echo(text: ${"[".repeat(2_400)}${"]".repeat(2_400)}) }`],
  ["objects", `{ echo(text: ${"{a:".repeat(1_200)}1${"}".repeat(1_200)}) }`],
])("a document of thousands of %s in each other is refused", async (_what, query) => {
  const { log, lines } = keepLog();
  const { graphqlUrl } = await serve({ log });
  const response = await fetch(graphqlUrl, {
    method: "POST",
    headers: { ...JSON_TYPE, accept: "application/graphql-response+json" },
    body: JSON.stringify({ query }),
  });
  expect(await expectCode(response, 400, "DOCUMENT_TOO_LARGE")).toContain("variables");
  expect(lines).toEqual([]);
});

test.each([
  ["an input 65 levels deep", `{ echo(text: ${"[".repeat(65)}${"]".repeat(65)}) }`],
  ["many brackets one after the other", `{ echo(text: [${"[],".repeat(300)}]) }`],
])("%s is parsed, and validated later", async (_what, query) => {
  const { graphqlUrl } = await serve();
  const response = await fetch(graphqlUrl, {
    method: "POST",
    headers: JSON_TYPE,
    body: JSON.stringify({ query }),
  });
  await expectCode(response, 200, "GRAPHQL_VALIDATION_FAILED");
});

test("brackets in texts and comments count for nothing", async () => {
  const { graphqlUrl } = await serve();
  const brackets = "([{".repeat(200);
  const response = await fetch(graphqlUrl, {
    method: "POST",
    headers: JSON_TYPE,
    body: JSON.stringify({ query: `# ${brackets}\n{ echo(text: "${brackets}") }` }),
  });
  expect(await response.json()).toEqual({ data: { echo: brackets } });
});
