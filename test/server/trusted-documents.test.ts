import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { generate } from "@graphql-codegen/cli";
import { preset } from "@graphql-codegen/client-preset";
import { createClient } from "graphql-ws";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { z } from "zod";

import { loadTrustedDocuments } from "../../src/operations/trusted-documents.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { closing, greet, keepMessages } from "./open-socket.ts";
import { HTTP_ACCESS, serve } from "./serve.ts";

const JSON_TYPE = { "content-type": "application/json" };

function post(url: string, body: string) {
  return fetch(url, { method: "POST", headers: JSON_TYPE, body });
}

const SCHEMA =
  "type Query { node: Node } type Node { name: String } type Subscription { ticks: Int }";
const LISTED = "query Name { node { name } }";
const WATCH = "subscription Watch { ticks }";

/** Writes the list as a frontend's build does; gives its path, and the hash of the query. */
async function writeTrustedDocuments() {
  const folder = await createTemporaryFolder();
  const documents = join(folder, "operations.graphql");
  await writeFile(documents, `${LISTED}\n${WATCH}\n`);
  const gql = `${join(folder, "gql")}/`;
  const presetConfig = { persistedDocuments: { hashAlgorithm: "sha256" } };
  const generates = { [gql]: { preset, presetConfig } };
  await generate({ schema: SCHEMA, documents, silent: true, generates });
  const file = join(gql, "persisted-documents.json");
  const listed: unknown = JSON.parse(await readFile(file, "utf8"));
  const [hash = ""] =
    Object.entries(z.record(z.string(), z.string()).parse(listed)).find(([, text]) =>
      text.startsWith("query"),
    ) ?? [];
  return { file, hash };
}

test("what graphql-codegen listed runs, by its hash or word for word, over HTTP and sockets, and nothing else", async () => {
  const { file, hash } = await writeTrustedDocuments();
  expect(hash).toMatch(/^sha256:[0-9a-f]{64}$/);
  const trustedDocuments = await loadTrustedDocuments(file, []);
  const { graphqlUrl } = await serve({ httpAccess: { ...HTTP_ACCESS, trustedDocuments } });
  const client = createClient({ url: graphqlUrl.replace("http", "ws"), webSocketImpl: WebSocket });
  onTestFinished(() => client.dispose());
  const bare = hash.replace("sha256:", "");
  const unknown = `sha256:${"0".repeat(64)}`;
  const persisted = (sha256Hash: string) => ({ persistedQuery: { version: 1, sha256Hash } });
  const run = (body: object) =>
    new Promise((resolve) => {
      client.subscribe(
        { query: "", ...body },
        { next: resolve, error: (errors) => resolve({ errors }), complete: () => undefined },
      );
    });
  const get = async (parameters: Record<string, string>) =>
    await (await fetch(`${graphqlUrl}?${new URLSearchParams(parameters)}`)).json();

  const answer = { data: { node: { name: "node" } } };
  for (const body of [
    { query: LISTED },
    { documentId: hash },
    { documentId: bare },
    { extensions: persisted(hash) },
    // The hash is what is run.
    { query: "{ fail }", extensions: persisted(bare) },
    { query: "{ fail }", documentId: bare },
  ]) {
    // When it comes again, it was validated before.
    for (const _ of [1, 2])
      expect(await (await post(graphqlUrl, JSON.stringify(body))).json()).toEqual(answer);
    expect(await run(body)).toEqual(answer);
  }
  expect(await get({ extensions: JSON.stringify(persisted(hash)) })).toEqual(answer);
  expect(await get({ documentId: bare, query: "{ fail }" })).toEqual(answer);

  const toError = (code: string) => ({ errors: [{ extensions: { code } }] });
  for (const [body, code] of [
    [{ query: "{ node { name } }" }, "PERSISTED_QUERY_REQUIRED"],
    [{ query: "{ fail }" }, "PERSISTED_QUERY_REQUIRED"],
    [{ query: "{ __schema { types { name } } }" }, "PERSISTED_QUERY_REQUIRED"],
    [{ documentId: unknown }, "PERSISTED_QUERY_NOT_FOUND"],
    [{ documentId: "__proto__" }, "PERSISTED_QUERY_NOT_FOUND"],
    [{ query: LISTED, extensions: persisted(unknown) }, "PERSISTED_QUERY_NOT_FOUND"],
  ] as const) {
    const told: unknown = await (await post(graphqlUrl, JSON.stringify(body))).json();
    expect(told).toMatchObject(toError(code));
    expect(await run(body)).toMatchObject(toError(code));
  }
  expect(await get({ documentId: "def" })).toMatchObject(toError("PERSISTED_QUERY_NOT_FOUND"));
});

test("with trusted documents a socket may name one without a query, and no other message is changed", async () => {
  const file = join(await createTemporaryFolder(), "documents.json");
  await writeFile(file, JSON.stringify({ abc: "query ($text: String!) { echo(text: $text) }" }));
  const trustedDocuments = await loadTrustedDocuments(file, []);
  const { graphqlUrl } = await serve({ httpAccess: { ...HTTP_ACCESS, trustedDocuments } });
  const socket = await greet(graphqlUrl);
  const messages = keepMessages(socket);
  for (const [id, named, answer] of [
    ["1", { documentId: "abc" }, '"data":{"echo":"hello"}'],
    ["2", { extensions: { persistedQuery: { sha256Hash: "abc" } } }, '"data":{"echo":"hello"}'],
    ["3", { documentId: "def" }, "PERSISTED_QUERY_NOT_FOUND"],
  ] as const) {
    const payload = { ...named, variables: { text: "hello" } };
    socket.send(JSON.stringify({ type: "subscribe", id, payload }));
    await expect
      .poll(() => messages.find((text) => text.includes(`"id":"${id}"`)))
      .toContain(answer);
  }
  socket.send('{"type":"subscribe","id":"4","payload":{}}');
  expect(await closing(socket)).toMatchObject({ code: 4400 });
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
