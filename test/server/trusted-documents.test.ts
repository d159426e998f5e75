import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test } from "vitest";

import { loadTrustedDocuments } from "../../src/api/operations/trusted-documents.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { closing, connect, greet, keepMessages, run } from "./open-socket.ts";
import { HTTP_ACCESS, post, serve } from "./serve.ts";

const LISTED = "query Name { node { name } }";
const HASH = "0a".repeat(32);

/** Those that a file lists, as graphql-codegen writes it. */
async function load(text: string | null) {
  const file = join(await createTemporaryFolder(), "documents.json");
  if (text !== null) await writeFile(file, text);
  return await loadTrustedDocuments(file, []);
}

test("what is listed runs, by its hash or word for word, over HTTP and sockets, and nothing else", async () => {
  const hash = `sha256:${HASH}`;
  const trustedDocuments = await load(JSON.stringify({ [hash]: LISTED }));
  const { graphqlUrl } = await serve({ httpAccess: { ...HTTP_ACCESS, trustedDocuments } });
  const client = connect(graphqlUrl);
  const unknown = `sha256:${"0".repeat(64)}`;
  const persisted = (sha256Hash: string) => ({ persistedQuery: { version: 1, sha256Hash } });
  const get = async (parameters: Record<string, string>) =>
    await (await fetch(`${graphqlUrl}?${new URLSearchParams(parameters)}`)).json();

  const answer = { data: { node: { name: "node" } } };
  for (const body of [
    { query: LISTED },
    { documentId: hash },
    { documentId: HASH },
    { extensions: persisted(hash) },
    // The hash is what is run.
    { query: "{ fail }", extensions: persisted(HASH) },
    { query: "{ fail }", documentId: HASH },
  ]) {
    // When it comes again, it was validated before.
    for (const _ of [1, 2]) expect(await (await post(graphqlUrl, body)).json()).toEqual(answer);
    expect(await run(client, { query: "", ...body })).toEqual(answer);
  }
  expect(await get({ extensions: JSON.stringify(persisted(hash)) })).toEqual(answer);
  expect(await get({ documentId: HASH, query: "{ fail }" })).toEqual(answer);

  const toErrors = (code: string) => [{ extensions: { code } }];
  for (const [body, code] of [
    [{ query: "{ node { name } }" }, "PERSISTED_QUERY_REQUIRED"],
    [{ query: "{ fail }" }, "PERSISTED_QUERY_REQUIRED"],
    [{ query: "{ __schema { types { name } } }" }, "PERSISTED_QUERY_REQUIRED"],
    [{ documentId: unknown }, "PERSISTED_QUERY_NOT_FOUND"],
    [{ documentId: "__proto__" }, "PERSISTED_QUERY_NOT_FOUND"],
    [{ query: LISTED, extensions: persisted(unknown) }, "PERSISTED_QUERY_NOT_FOUND"],
  ] as const) {
    const reported: unknown = await (await post(graphqlUrl, body)).json();
    expect(reported).toMatchObject({ errors: toErrors(code) });
    expect(await run(client, { query: "", ...body })).toMatchObject(toErrors(code));
  }
  const errors = toErrors("PERSISTED_QUERY_NOT_FOUND");
  expect(await get({ documentId: "def" })).toMatchObject({ errors });
});

test("with trusted documents a socket may name one without a query, and no other message is changed", async () => {
  const listed = { abc: "query ($text: String!) { echo(text: $text) }" };
  const trustedDocuments = await load(JSON.stringify(listed));
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
])(
  "a file of trusted documents that %s is reported at the start",
  async (_what, text, expected) => {
    await expect(load(text)).rejects.toThrow(expected);
  },
);
