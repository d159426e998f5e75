import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { text } from "node:stream/consumers";

import { auditServer } from "graphql-http";
import { getIntrospectionQuery } from "graphql";
import { expect, test } from "vitest";

import { keepLog, LIMITS, post, serve } from "./serve.ts";

const JSON_TYPE = { "content-type": "application/json" };
const TICKS = '{"query":"subscription { ticks }"}';

async function ask(...request: Parameters<typeof post>) {
  const response = await post(...request);
  return { status: response.status, body: JSON.parse(await response.text()) };
}

const errorOf = (status: number, code: string, message = "") => ({
  status,
  body: { errors: [{ message: expect.stringContaining(message), extensions: { code } }] },
});

test("every audit of the GraphQL over HTTP specification passes, also with documents that were validated before", async () => {
  const { graphqlUrl } = await serve();
  for (const _ of [1, 2]) {
    const results = await auditServer({ url: graphqlUrl });
    expect(results.length).toBeGreaterThan(50);
    const unhappy = results.filter(({ status }) => status !== "ok");
    expect(unhappy.map((result) => `${result.id} ${result.name}`)).toEqual([]);
  }
});

test("a query may come by GET, a mutation by POST only", async () => {
  const { graphqlUrl } = await serve();
  const get = (query: string) => fetch(`${graphqlUrl}?query=${encodeURIComponent(query)}`);
  expect(await (await get('{ echo(text: "hello") }')).json()).toEqual({ data: { echo: "hello" } });
  const mutation = await get("mutation { change }");
  expect(mutation.status).toBe(405);
  expect(await mutation.text()).toMatch(/Send it by POST.*"code"/);
  expect(await ask(graphqlUrl, { query: "mutation { change }" })).toMatchObject({
    body: { data: { change: "changed" } },
  });
  for (const name of ["variables", "extensions"]) {
    const malformed = await fetch(`${graphqlUrl}?query={__typename}&${name}=%7B`);
    expect(await malformed.text()).toContain(`\`${name}\` is not JSON`);
    expect(malformed.status).toBe(400);
  }
});

test("bad documents have codes of their own, and what fails unexpectedly is logged once and answered without its words", async () => {
  const { log, lines } = keepLog();
  const { graphqlUrl } = await serve({ log });
  const brackets = "([{".repeat(200);
  for (const [query, code] of [
    ["{ echo(", "GRAPHQL_PARSE_FAILED"],
    ["{ unknown }", "GRAPHQL_VALIDATION_FAILED"],
    ["query ($text: String!) { echo(text: $text) }", "BAD_USER_INPUT"],
    ["query A { node { name } } query B { node { name } }", "OPERATION_RESOLUTION_FAILURE"],
    [`{ ${"node { next { ".repeat(300)} name ${"} }".repeat(300)} }`, "DOCUMENT_TOO_LARGE"],
    [`{ node { name ${"@a".repeat(4_900)} } }`, "DOCUMENT_TOO_LARGE"],
    [`{ echo(text: ${"[".repeat(2_400)}${"]".repeat(2_400)}) }`, "DOCUMENT_TOO_LARGE"],
    [`{ echo(text: ${"{a:".repeat(1_200)}1${"}".repeat(1_200)}) }`, "DOCUMENT_TOO_LARGE"],
    // Those are parsed, and validated later.
    [`{ echo(text: ${"[".repeat(65)}${"]".repeat(65)}) }`, "GRAPHQL_VALIDATION_FAILED"],
    [`{ echo(text: [${"[],".repeat(300)}]) }`, "GRAPHQL_VALIDATION_FAILED"],
    // Brackets in texts and comments count for nothing.
    [`# ${brackets}\n{ echo(text: "${brackets}") refuse }`, "NOT_FOUND"],
  ] as const)
    expect((await ask(graphqlUrl, { query })).body.errors[0].extensions).toMatchObject({ code });
  expect(lines).toEqual([]);
  const { status, body } = await ask(graphqlUrl, { query: "{ fail }" });
  expect(status).toBe(200);
  expect(body).toMatchObject({
    data: { fail: null },
    errors: [{ path: ["fail"], message: expect.stringContaining("Try again") }],
  });
  expect(JSON.stringify(body)).not.toContain("hunter2");
  expect(lines).toEqual([expect.stringContaining("hunter2")]);
});

test("a body that is no operation is refused with the next step, and introspection is within the limits", async () => {
  const { graphqlUrl } = await serve();
  for (const [sent, reported] of [
    [{}, /^Must provide query string\. Send .*`query`/],
    ["{ no JSON", /^POST body sent invalid JSON\. Send .*`query`/],
    [{ query: "query A { __typename } query B { __typename }" }, /Set operationName/],
    [[{ query: "{ __typename }" }], /Send one operation in each request/],
  ] as const)
    expect((await ask(graphqlUrl, sent)).body.errors[0].message).toMatch(reported);
  const { body } = await ask(graphqlUrl, { query: getIntrospectionQuery() });
  expect(body.errors).toBeUndefined();
});

test("JSON of more than 80 levels is refused before it is parsed, whatever way it comes, and 80 are taken", async () => {
  const { graphqlUrl } = await serve();
  const nest = (levels: number) => `{"a":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}}`;
  const toBody = (variables: string) => `{"query":"{ __typename }","variables":${variables}}`;
  const get = async (name: string, value: string) => {
    const search = `query={__typename}&${name}=${encodeURIComponent(value)}`;
    const response = await fetch(`${graphqlUrl}?${search}`);
    return { status: response.status, body: JSON.parse(await response.text()) };
  };
  // The second time its document is known, and it goes another way.
  for (const _ of [1, 2])
    for (const accept of ["application/json", "text/event-stream"]) {
      const sent = [toBody(nest(80)), toBody("[".repeat(161))];
      for (const body of sent)
        expect(await ask(graphqlUrl, body, { accept })).toMatchObject(
          errorOf(400, "BAD_REQUEST", "nested deeper than 80 levels. Flatten"),
        );
      expect((await ask(graphqlUrl, toBody(nest(79)))).body).toEqual(ANSWERED);
    }
  for (const name of ["variables", "extensions"]) {
    for (const value of [nest(81), "[".repeat(161)])
      expect(await get(name, value)).toMatchObject(
        errorOf(400, "BAD_REQUEST", `\`${name}\` is nested deeper than 80 levels. Flatten`),
      );
    expect((await get(name, nest(80))).body).toEqual(ANSWERED);
  }
});

const ANSWERED = { data: { __typename: "Query" } };

test.each([
  "application/x-www-form-urlencoded",
  "text/plain; a=,application/json",
  "multipart/form-data; boundary=x",
  "application/json, text/plain",
  "text/plain, application/json",
  "application/json text/plain",
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
    expect(response.status).toBe(415);
    expect(await response.text()).toContain('"UNSUPPORTED_MEDIA_TYPE"');
  }
  expect(counts.waiting).toBe(0);
});

test("an answer in a form that there is none of is refused, and its source freed", async () => {
  const { graphqlUrl, counts } = await serve();
  const reported = "A subscription is answered as text/event-stream. Send that in accept.";
  expect(await ask(graphqlUrl, TICKS, { accept: "application/json" })).toMatchObject(
    errorOf(406, "NOT_ACCEPTABLE", reported),
  );
  await expect.poll(() => counts.open).toBe(0);
  const picture = await ask(graphqlUrl, { query: "{ fail }" }, { accept: "image/png" });
  expect(picture).toMatchObject(errorOf(406, "NOT_ACCEPTABLE"));
});

test("a body over 256 KiB is refused, whether its length is said or not, and before it is read where it is", async () => {
  const { graphqlUrl } = await serve();
  const toBody = (length: number) =>
    JSON.stringify({
      query: "query ($text: String!) { echo(text: $text) }",
      variables: { text: "ä".repeat(length) },
    });
  /** In chunks, without saying its length. */
  const postChunked = async (body: string) => {
    const sent = httpRequest(graphqlUrl, { method: "POST", headers: JSON_TYPE });
    sent.write(body.slice(0, 1_000));
    sent.end(body.slice(1_000));
    const [response] = await once(sent, "response");
    return { status: response.statusCode, body: JSON.parse(await text(response)) };
  };
  for (const send of [(body: string) => ask(graphqlUrl, body), postChunked]) {
    expect(await send(toBody(150_000))).toMatchObject(errorOf(413, "PAYLOAD_TOO_LARGE"));
    expect((await send(toBody(60_000))).body.data.echo).toBe("ä".repeat(60_000));
  }
  const headers = { ...JSON_TYPE, "content-length": String(LIMITS.http.bodyBytes + 1) };
  const unsent = httpRequest(graphqlUrl, { method: "POST", headers });
  unsent.on("error", () => undefined); // The rest is never sent.
  unsent.flushHeaders();
  expect((await once(unsent, "response"))[0].statusCode).toBe(413);
  unsent.destroy();
});

test("/health reports on the process, /ready on the database, and other paths where GraphQL is", async () => {
  const { url } = await serve();
  const { log, lines } = keepLog();
  const failing = () => Promise.reject(new Error("hunter2 in /var/gateway.db"));
  const broken = await serve({ database: { ping: failing }, log });
  for (const path of ["/health", "/ready", "/health?x=1", "/ready?x=1"])
    expect((await fetch(url + path)).status).toBe(200);
  expect((await fetch(`${broken.url}/health`)).status).toBe(200);
  for (const _probe of [1, 2]) {
    const response = await fetch(`${broken.url}/ready`);
    expect(response.status).toBe(503);
    expect(await response.text()).toMatch(/^The database does not answer\.[^/]*$/);
  }
  expect(lines).toHaveLength(1);
  const lost = await fetch(`${url}/api`);
  expect([lost.status, await lost.text()]).toEqual([404, expect.stringContaining("/graphql")]);
  // Yoga looks at the end of a URL for its own health check.
  const like = await fetch(`${url}/graphql?query={__typename}&operationName=/health`);
  expect(await like.text()).toContain("OPERATION_RESOLUTION_FAILURE");
});

test("a port in use is one sentence that names the next step", async () => {
  const { port } = await serve();
  await expect(serve({ port })).rejects.toThrow(
    `Port ${port} of 127.0.0.1 is in use. Stop the program that has it, or set PORT`,
  );
});

test("an event stream gives its first event at once, is cut without completing at shutdown, and frees its source", async () => {
  const { graphqlUrl, close, counts } = await serve();
  const response = await post(graphqlUrl, TICKS, { accept: "text/event-stream" });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let reported = "";
  const read = async () => {
    const { value, done } = (await reader?.read()) ?? { done: true };
    reported += value ?? "";
    return !done;
  };
  while (!reported.includes('{"data":{"ticks":1}}')) await read();
  expect(counts.open).toBe(1);
  const end = expect(
    (async () => {
      while (await read());
    })(),
  ).rejects.toThrow();
  await close();
  await end;
  expect(reported).not.toContain("complete");
  await expect.poll(() => counts.open).toBe(0);
});
