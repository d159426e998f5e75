import { once } from "node:events";
import { get } from "node:http";
import type { IncomingMessage } from "node:http";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";

import { expect, test } from "vitest";

import { DOORS, serve } from "./serve.ts";

async function getPage(url: string, headers: Record<string, string>): Promise<IncomingMessage> {
  const [response] = await once(get(url, { agent: false, headers }), "response");
  return response;
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
  const responses = [await getPage(graphqlUrl, { accept: "text/html" })];
  const before = process.memoryUsage.rss();
  for (let count = 0; count < 30; count += 1)
    responses.push(await getPage(graphqlUrl, { accept: "text/html" }));
  // Each page is nine megabytes, of which a client takes a little before it waits.
  expect(process.memoryUsage.rss() - before).toBeLessThan(130_000_000);
  for (const response of responses) response.destroy();
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

test("a page that needs no credential tells no deployment where everything else needs one", async () => {
  for (const isOpen of [true, false]) {
    const { graphqlUrl } = await serve({ doors: { ...DOORS, isOpen } });
    const page = await (await fetch(graphqlUrl, { headers: { accept: "text/html" } })).text();
    expect(page.includes("example-deployment")).toBe(isOpen);
  }
});
