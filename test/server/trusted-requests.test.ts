import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { createClient } from "graphql-ws";
import { expect, onTestFinished, test, vi } from "vitest";
import { WebSocket } from "ws";

import { loadTrustedDocuments } from "../../src/operations/trusted-documents.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { HTTP_ACCESS, serve } from "./serve.ts";

const JSON_TYPE = { "content-type": "application/json" };

function post(url: string, body: string) {
  return fetch(url, { method: "POST", headers: JSON_TYPE, body });
}

async function errorOf(response: Response): Promise<{ code: string; message: string }> {
  const { errors } = JSON.parse(await response.text());
  return { code: errors[0].extensions.code, message: errors[0].message };
}

test("with trusted documents only those run, by their hash or word for word, over HTTP and sockets", async () => {
  const file = join(await createTemporaryFolder(), "documents.json");
  const listed = "query Name { node { name } }";
  await writeFile(file, JSON.stringify({ abc123: listed }));
  const trustedDocuments = await loadTrustedDocuments(file, []);
  const { graphqlUrl } = await serve({ httpAccess: { ...HTTP_ACCESS, trustedDocuments } });
  const client = createClient({ url: graphqlUrl.replace("http", "ws"), webSocketImpl: WebSocket });
  onTestFinished(() => client.dispose());
  const persisted = (sha256Hash: string) => ({ persistedQuery: { version: 1, sha256Hash } });

  for (const body of [
    { query: listed },
    { documentId: "abc123" },
    { documentId: "sha256:abc123" },
    { extensions: persisted("abc123") },
    { query: "{ fail }", extensions: persisted("abc123") },
  ])
    expect(await (await post(graphqlUrl, JSON.stringify(body))).json()).toEqual({
      data: { node: { name: "node" } },
    });
  for (const parameters of [
    { extensions: JSON.stringify(persisted("abc123")) },
    { documentId: "abc123" },
    { documentId: "sha256:abc123", query: "{ fail }" },
  ]) {
    const byGet = new URLSearchParams(parameters);
    expect(await (await fetch(`${graphqlUrl}?${byGet}`)).json()).toHaveProperty("data");
  }
  expect(await errorOf(await fetch(`${graphqlUrl}?documentId=def`))).toMatchObject({
    code: "PERSISTED_QUERY_NOT_FOUND",
  });

  for (const [body, expected] of [
    [{ query: "{ node { name } }" }, "PERSISTED_QUERY_REQUIRED"],
    [{ documentId: "def" }, "PERSISTED_QUERY_NOT_FOUND"],
    [{ documentId: "__proto__" }, "PERSISTED_QUERY_NOT_FOUND"],
    [{ query: listed, extensions: persisted("def") }, "PERSISTED_QUERY_NOT_FOUND"],
  ] as const) {
    const response = await post(graphqlUrl, JSON.stringify(body));
    expect(await errorOf(response)).toMatchObject({ code: expected });
  }
  const run = (query: string, extensions?: Record<string, unknown>) =>
    new Promise((resolve) => {
      client.subscribe(
        { query, ...(extensions && { extensions }) },
        { next: resolve, error: resolve, complete: () => undefined },
      );
    });
  expect(await run("", persisted("abc123"))).toEqual({ data: { node: { name: "node" } } });
  expect(await run("{ node { name } }")).toMatchObject([
    { extensions: { code: "PERSISTED_QUERY_REQUIRED" } },
  ]);
});

test("with trusted documents a socket may name one without a query, and no other message is changed", async () => {
  const file = join(await createTemporaryFolder(), "documents.json");
  await writeFile(
    file,
    JSON.stringify({ abc123: "query Echo($text: String!) { echo(text: $text) }" }),
  );
  const trustedDocuments = await loadTrustedDocuments(file, []);
  const { graphqlUrl } = await serve({ httpAccess: { ...HTTP_ACCESS, trustedDocuments } });
  const socket = new WebSocket(graphqlUrl.replace("http", "ws"), "graphql-transport-ws");
  onTestFinished(() => socket.terminate());
  await once(socket, "open");
  const messages: unknown[] = [];
  socket.on("message", (message: Buffer) => messages.push(JSON.parse(message.toString())));
  const say = (message: object) => socket.send(JSON.stringify(message));
  say({ type: "connection_init" });
  await expect.poll(() => messages).toHaveLength(1);
  const variables = { text: "hello" };
  const extensions = { persistedQuery: { sha256Hash: "abc123" } };
  say({ type: "subscribe", id: "1", payload: { documentId: "abc123", variables } });
  say({ type: "subscribe", id: "2", payload: { extensions, variables } });
  say({ type: "subscribe", id: "3", payload: { documentId: "def" } });
  const answer = { type: "next", payload: { data: { echo: "hello" } } };
  await vi.waitFor(
    () =>
      expect(messages).toEqual(
        expect.arrayContaining([
          { ...answer, id: "1" },
          { ...answer, id: "2" },
          {
            type: "error",
            id: "3",
            payload: [
              expect.objectContaining({ extensions: { code: "PERSISTED_QUERY_NOT_FOUND" } }),
            ],
          },
        ]),
      ),
    10_000,
  );
  socket.send('{"type":"subscribe","id":"4","payload":{}}');
  expect((await once(socket, "close"))[0]).toBe(4400);
});

test.each([
  ["is missing", null, "ENOENT"],
  ["is no JSON", "{", "not a JSON object"],
  ["is a list", "[]", "not a JSON object"],
])("a file of trusted documents that %s is told at the start", async (_what, text, expected) => {
  const file = join(await createTemporaryFolder(), "documents.json");
  if (text !== null) await writeFile(file, text);
  await expect(loadTrustedDocuments(file, [])).rejects.toThrow(expected);
});
