import { once } from "node:events";
import { get, ServerResponse } from "node:http";
import type { IncomingMessage } from "node:http";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";

import { expect, onTestFinished, test, vi } from "vitest";

import { HTTP_ACCESS, post, serve } from "./serve.ts";

async function getPage(url: string, encoding: string): Promise<IncomingMessage> {
  const headers = { accept: "text/html", "accept-encoding": encoding };
  const [response] = await once(get(url, { agent: false, headers }), "response");
  return response;
}

test("GraphiQL's page asks nothing of others, and comes compressed to who accepts that, as the same bytes for all", async () => {
  const { url, graphqlUrl } = await serve();
  const end = vi.spyOn(ServerResponse.prototype, "end");
  onTestFinished(() => end.mockRestore());
  const plain = await getPage(graphqlUrl, "gzip;q=0");
  expect(plain.headers).toMatchObject({ "content-type": "text/html; charset=utf-8" });
  expect(plain.headers["content-encoding"]).toBeUndefined();
  expect(plain.headers["content-security-policy"]).toMatch(
    /^default-src 'none'; script-src 'sha256-.*connect-src 'self';.*frame-ancestors 'none'$/,
  );
  const page = await buffer(plain);
  const text = page.toString();
  for (const name of ["Submit", "Watch", "List", "example-deployment"])
    expect(text).toContain(name);
  expect(text).not.toMatch(/<(script|link)[^>]+(src|href)="https?:/);
  const zipped = await getPage(graphqlUrl, "gzip, deflate, br");
  expect(zipped.headers).toMatchObject({ "content-encoding": "gzip" });
  const bytes = await buffer(zipped);
  expect(bytes.length).toBeLessThan(page.length / 2);
  expect(gunzipSync(bytes).equals(page)).toBe(true);
  for (const encoding of ["identity", "gzip"]) {
    const unread = await getPage(graphqlUrl, encoding);
    onTestFinished(() => void unread.destroy());
  }
  // What waits for a client are the same bytes for all: nine megabytes, and two and a half.
  const given: unknown[] = end.mock.calls.map(([bytes]) => bytes);
  expect(given.every(Buffer.isBuffer)).toBe(true);
  expect([given.length, new Set(given).size]).toEqual([4, 2]);
  const first = await fetch(url, { redirect: "manual" });
  expect([first.status, first.headers.get("location")]).toEqual([302, "/graphql"]);
  const accept = "text/html, application/json";
  const program = await post(graphqlUrl, { query: "{ node { name } }" }, { accept });
  expect(await program.json()).toEqual({ data: { node: { name: "node" } } });
});

test("the page asks for a credential where one is needed, and leads back to pages where there are some", async () => {
  for (const isOpen of [false, true]) {
    const pages = isOpen ? [] : [["Start", "/"] as const];
    const { graphqlUrl } = await serve({ pages, httpAccess: { ...HTTP_ACCESS, isOpen } });
    const page = (await buffer(await getPage(graphqlUrl, "identity"))).toString();
    const has = [page.includes('type="password"'), page.includes('<a href="/">← Start</a>')];
    expect(has).toEqual([!isOpen, !isOpen]);
  }
});
