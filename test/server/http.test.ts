import { request as httpRequest } from "node:http";

import { auditServer } from "graphql-http";
import { getIntrospectionQuery } from "graphql";
import { describe, expect, test } from "vitest";

import { keepLog, serve } from "./serve.ts";

async function post(url: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return { status: response.status, body: JSON.parse(await response.text()) };
}

/** Sends a body in chunks, without saying its length. */
function postChunked(
  url: string,
  chunks: readonly string[],
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      url,
      { method: "POST", headers: { "content-type": "application/json" } },
      (response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (text: string) => (body += text));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      },
    );
    request.on("error", reject);
    for (const chunk of chunks) request.write(chunk);
    request.end();
  });
}

describe("HTTP", () => {
  test("every audit of the GraphQL over HTTP specification passes", async () => {
    const { graphqlUrl } = await serve();
    const results = await auditServer({ url: graphqlUrl });
    expect(results.length).toBeGreaterThan(50);
    const unhappy = results.filter(({ status }) => status !== "ok");
    expect(unhappy.map((result) => `${result.id} ${result.name}`)).toEqual([]);
  });

  test("a query may come by GET, a mutation by POST only", async () => {
    const { graphqlUrl } = await serve();
    const query = await fetch(
      `${graphqlUrl}?query=${encodeURIComponent('{ echo(text: "hello") }')}`,
    );
    expect(await query.json()).toEqual({ data: { echo: "hello" } });
    const mutation = await fetch(
      `${graphqlUrl}?query=${encodeURIComponent("mutation { change }")}`,
    );
    expect(mutation.status).toBe(405);
    expect(await mutation.text()).toMatch(/Send it by POST.*"code"/);
    expect(await post(graphqlUrl, { query: "mutation { change }" })).toMatchObject({
      body: { data: { change: "changed" } },
    });
  });

  test.each([
    ["{ echo(", "GRAPHQL_PARSE_FAILED"],
    ["{ unknown }", "GRAPHQL_VALIDATION_FAILED"],
    ["query ($text: String!) { echo(text: $text) }", "BAD_USER_INPUT"],
    ["query A { node { name } } query B { node { name } }", "OPERATION_RESOLUTION_FAILURE"],
    [`{ ${"node { next { ".repeat(300)} name ${"} }".repeat(300)} }`, "DOCUMENT_TOO_LARGE"],
    [`{ node { name ${"@a".repeat(4_900)} } }`, "DOCUMENT_TOO_LARGE"],
    ["{ refuse }", "NOT_FOUND"],
    ["{ fail }", "INTERNAL_SERVER_ERROR"],
  ])("bad document %$ gets a code of its own", async (query, code) => {
    const { graphqlUrl } = await serve();
    const { body } = await post(graphqlUrl, { query });
    expect(body.errors[0].extensions).toMatchObject({ code });
    expect(body.errors[0].message).not.toContain("hunter2");
  });

  test.each([
    [{}, /^Must provide query string\. Send .*`query`/],
    ["{ no JSON", /^POST body sent invalid JSON\. Send .*`query`/],
    [{ query: "query A { __typename } query B { __typename }" }, /Set operationName/],
  ])("the body %j is refused with the next step", async (sent, told) => {
    const { graphqlUrl } = await serve();
    const { errors } = (await post(graphqlUrl, sent)).body;
    expect(errors[0].message).toMatch(told);
  });

  test("introspection is within the limits", async () => {
    const { graphqlUrl } = await serve();
    const { body } = await post(graphqlUrl, { query: getIntrospectionQuery() });
    expect(body.errors).toBeUndefined();
  });

  test("what fails unexpectedly is logged once, and told without its words", async () => {
    const { log, lines } = keepLog();
    const { graphqlUrl } = await serve({ log });
    const { status, body } = await post(graphqlUrl, { query: "{ fail }" });
    expect(status).toBe(200);
    expect(body).toMatchObject({ data: { fail: null }, errors: [{ path: ["fail"] }] });
    expect(body.errors[0].message).toContain("Try again");
    expect(lines.filter((line) => line.includes("hunter2"))).toHaveLength(1);
  });

  test("a body over 256 KiB is refused with a 413, whether its length is said or not", async () => {
    const { graphqlUrl } = await serve();
    const query = `{ echo(text: "${"x".repeat(300_000)}") }`;
    const body = JSON.stringify({ query });
    const said = await post(graphqlUrl, body);
    expect(said.status).toBe(413);
    expect(said.body.errors[0]).toMatchObject({ extensions: { code: "PAYLOAD_TOO_LARGE" } });
    const unsaid = await postChunked(graphqlUrl, [body.slice(0, 1_000), body.slice(1_000)]);
    expect(unsaid.status).toBe(413);
    expect(await post(graphqlUrl, { query: "{ node { name } }" })).toMatchObject({ status: 200 });
  });

  test("a smaller body is read, also in chunks", async () => {
    const { graphqlUrl } = await serve();
    const text = "ä".repeat(60_000);
    const said = await post(graphqlUrl, {
      query: "query ($text: String!) { echo(text: $text) }",
      variables: { text },
    });
    expect(said.body.data.echo).toBe(text);
    const unsaid = await postChunked(graphqlUrl, ['{"query":"{ echo(text:', ' \\"ä\\") }"}']);
    expect(JSON.parse(unsaid.body)).toEqual({ data: { echo: "ä" } });
  });

  test("a browser gets GraphiQL with five tabs and nothing from elsewhere, and is led there from /", async () => {
    const { url } = await serve();
    const response = await fetch(url, { headers: { accept: "text/html" } });
    expect(response.url).toBe(`${url}/graphql`);
    const page = await response.text();
    expect(page).toContain("renderYogaGraphiQL");
    expect(page).toContain("example-deployment");
    for (const name of ["Deployments", "Submit", "Watch", "Jobs", "Cancel"])
      expect(page).toContain(` ${name}`);
    expect(page).not.toMatch(/<(script|link)[^>]+(src|href)="https?:/);
  });

  test("another path is a 404 that tells where GraphQL is", async () => {
    const { url } = await serve();
    const response = await fetch(`${url}/api`);
    expect(response.status).toBe(404);
    expect(await response.text()).toContain("/graphql");
  });

  test("/health tells of the process, /ready of the database", async () => {
    const { url } = await serve();
    expect((await fetch(`${url}/health`)).status).toBe(200);
    expect((await fetch(`${url}/ready`)).status).toBe(200);
    const { log, lines } = keepLog();
    const failing = () => Promise.reject(new Error("hunter2 in /var/gateway.db"));
    const broken = await serve({ checkDatabase: failing, log });
    expect((await fetch(`${broken.url}/health`)).status).toBe(200);
    for (const _probe of [1, 2]) {
      const response = await fetch(`${broken.url}/ready`);
      expect(response.status).toBe(503);
      expect(await response.text()).toMatch(/^The database does not answer\.[^/]*$/);
    }
    expect(lines).toHaveLength(1);
  });

  test("a port in use is one sentence that names the next step", async () => {
    const { port } = await serve();
    const second = serve({ port });
    await expect(second).rejects.toThrow(
      `Port ${port} of 127.0.0.1 is in use. Stop the program that has it, or set PORT`,
    );
  });
});

describe("server-sent events", () => {
  test("a stream gives its first event at once, is cut without completing at shutdown, and frees its source", async () => {
    const { graphqlUrl, close, counts } = await serve();
    const response = await fetch(graphqlUrl, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "text/event-stream" },
      body: JSON.stringify({ query: "subscription { ticks }" }),
    });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes('{"data":{"ticks":1}}')) text += (await reader?.read())?.value ?? "";
    expect(counts.open).toBe(1);
    const end = expect(
      (async () => {
        for (;;) {
          const chunk = await reader?.read();
          text += chunk?.value ?? "";
          if (chunk?.done !== false) return;
        }
      })(),
    ).rejects.toThrow();
    await close();
    await end;
    expect(text).not.toContain("complete");
    await expect.poll(() => counts.open).toBe(0);
  });

  test("a client that leaves frees its source", async () => {
    const { graphqlUrl, counts } = await serve();
    const leaving = new AbortController();
    await fetch(graphqlUrl, {
      method: "POST",
      signal: leaving.signal,
      headers: { "content-type": "application/json", accept: "text/event-stream" },
      body: JSON.stringify({ query: "subscription { ticks }" }),
    });
    expect(counts.open).toBe(1);
    leaving.abort();
    await expect.poll(() => counts.open).toBe(0);
  });
});

test("a body that is a list is refused, and told so", async () => {
  const { graphqlUrl } = await serve();
  const response = await fetch(graphqlUrl, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify([{ query: "{ __typename }" }]),
  });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({
    errors: [
      {
        message: expect.stringContaining("Send one operation in each request"),
        extensions: { code: "BAD_REQUEST" },
      },
    ],
  });
});
