import { once } from "node:events";
import { get, ServerResponse } from "node:http";
import type { IncomingMessage } from "node:http";
import { buffer, text } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";

import { expect, onTestFinished, test, vi } from "vitest";

import { adaptPage } from "../../src/server/graphiql-page.ts";
import { HTTP_ACCESS, serve } from "./serve.ts";

async function getPage(url: string, headers: Record<string, string>): Promise<IncomingMessage> {
  const [response] = await once(get(url, { agent: false, headers }), "response");
  return response;
}

/** Not compressed, which takes longer than all else. */
async function readPage(url: string): Promise<string> {
  return await text(await getPage(url, { accept: "text/html" }));
}

test("GraphiQL's page comes compressed to who accepts that, and is the same page", async () => {
  const { graphqlUrl } = await serve();
  const plain = await getPage(graphqlUrl, { accept: "text/html" });
  expect(plain.headers).toMatchObject({ "content-type": "text/html; charset=utf-8" });
  expect(plain.headers["content-encoding"]).toBeUndefined();
  const page = await buffer(plain);
  const zipped = await getPage(graphqlUrl, {
    accept: "text/html",
    "accept-encoding": "gzip, deflate, br",
  });
  expect(zipped.headers).toMatchObject({ "content-encoding": "gzip" });
  const bytes = await buffer(zipped);
  expect(bytes.length).toBeLessThan(page.length / 2);
  expect(gunzipSync(bytes).equals(page)).toBe(true);
  const unwanted = await getPage(graphqlUrl, {
    accept: "text/html",
    "accept-encoding": "gzip;q=0",
  });
  expect(unwanted.headers["content-encoding"]).toBeUndefined();
  unwanted.destroy();
});

test("pages that nobody reads take no memory of their own", async () => {
  const { graphqlUrl } = await serve();
  const end = vi.spyOn(ServerResponse.prototype, "end");
  onTestFinished(() => end.mockRestore());
  for (const encoding of ["identity", "identity", "gzip", "gzip"]) {
    const headers = { accept: "text/html", "accept-encoding": encoding };
    const response = await getPage(graphqlUrl, headers);
    onTestFinished(() => void response.destroy());
  }
  // What waits for a client are the same bytes for all: nine megabytes, and two and a half.
  const given: unknown[] = end.mock.calls.map(([bytes]) => bytes);
  expect(given.every(Buffer.isBuffer)).toBe(true);
  expect([given.length, new Set(given).size]).toEqual([4, 2]);
});

test("what asks for no page gets GraphQL's answer", async () => {
  const { graphqlUrl } = await serve();
  const response = await fetch(graphqlUrl, {
    method: "POST",
    headers: { accept: "text/html, application/json", "content-type": "application/json" },
    body: '{"query":"{ node { name } }"}',
  });
  expect(await response.json()).toEqual({ data: { node: { name: "node" } } });
});

test("only the sandbox is asked to be slow", async () => {
  for (const isSandbox of [true, false]) {
    const { graphqlUrl } = await serve({ isSandbox });
    expect((await readPage(graphqlUrl)).includes("[slow]")).toBe(isSandbox);
  }
});

test("the page asks for a credential where one is needed", async () => {
  for (const isOpen of [true, false]) {
    const { graphqlUrl } = await serve({ httpAccess: { ...HTTP_ACCESS, isOpen } });
    const page = await readPage(graphqlUrl);
    expect(page.includes('<input type="password"')).toBe(!isOpen);
  }
});

const PAGE = `<head></head><noscript></noscript><div id="root"></div>
<script>function(b,y){return f({document:w,operationName:b.operationName??void 0,variables:b.variables,extensions:{headers:y?.headers}})}
YogaGraphiQL.renderYogaGraphiQL()</script>`;

test.each([
  ["the head", "</head>"],
  ["the root", '<div id="root">'],
  ["where the headers of a tab are handed on", "extensions:{headers:y?.headers}"],
  ["the start of GraphiQL", "YogaGraphiQL.renderYogaGraphiQL("],
])("a page without %s is an error with a next step, and not served as it is", (_part, text) => {
  expect(adaptPage(PAGE, { asksCredential: true })).toContain(
    "return withNewestJob(b.variables,withCredential(y?.headers),(variables,extensions)=>f({document:w,operationName:b.operationName??void 0,variables,extensions}))}",
  );
  const other = PAGE.replace(text, "<!-- GraphiQL's next version -->");
  expect(() => adaptPage(other, { asksCredential: true })).toThrow(
    /GraphiQL's page .* Install the version of @graphql-yoga\/render-graphiql/,
  );
});
