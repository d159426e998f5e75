import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { generate } from "@graphql-codegen/cli";
import { preset } from "@graphql-codegen/client-preset";
import { createClient } from "graphql-ws";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { z } from "zod";

import { runGateway } from "../support/gateway-process.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const LISTED = "query Deployments { deployments { id } }";
const WATCH = "subscription Watch($id: ID!) { jobUpdated(id: $id) { id } }";
const UNLISTED = "query Deployments { deployments { id name } }";
const SCHEMA = join(import.meta.dirname, "../../schema.graphql");

type Payload = Readonly<Record<string, unknown>>;

/** Writes the list as a frontend's build does; gives its path, and the hash of each document. */
async function writeTrustedDocuments() {
  const folder = await createTemporaryFolder();
  const documents = join(folder, "operations.graphql");
  await writeFile(documents, `${LISTED}\n${WATCH}\n`);
  const gql = `${join(folder, "gql")}/`;
  await generate({
    schema: SCHEMA,
    documents,
    silent: true,
    generates: {
      [gql]: {
        preset,
        presetConfig: { persistedDocuments: { hashAlgorithm: "sha256" } },
      },
    },
  });
  const file = join(gql, "persisted-documents.json");
  const written = JSON.parse(await readFile(file, "utf8"));
  const hashes = new Map(
    Object.entries(z.record(z.string(), z.string()).parse(written)).map(([hash, text]) => [
      /^\w+ (\w+)/.exec(text)?.[1],
      hash,
    ]),
  );
  return { file, hashOf: (operation: string) => hashes.get(operation) ?? "" };
}

async function post(url: string, payload: Payload): Promise<unknown> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(payload),
  });
  return await response.json();
}

/** The first answer on a socket, or its errors. */
async function subscribe(url: string, payload: Payload & { query: string }): Promise<unknown> {
  const client = createClient({
    url: url.replace("http", "ws") + "/graphql",
    webSocketImpl: WebSocket,
  });
  try {
    return await new Promise<unknown>((resolve) => {
      client.subscribe(payload, {
        next: resolve,
        error: (errors) => resolve({ errors }),
        complete: () => undefined,
      });
    });
  } finally {
    await client.dispose();
  }
}

test("a gateway runs what graphql-codegen listed, by its hash, and nothing else", async () => {
  const { file, hashOf } = await writeTrustedDocuments();
  const gateway = runGateway({ TRUSTED_DOCUMENTS: file });
  const url = await gateway.url;
  const hash = hashOf("Deployments");
  expect(hash).toMatch(/^sha256:[0-9a-f]{64}$/);
  const bare = hash.replace("sha256:", "");
  const unknown = `sha256:${"0".repeat(64)}`;
  const toExtensions = (sha256Hash: string) => ({ persistedQuery: { version: 1, sha256Hash } });
  const answer = { data: { deployments: expect.any(Array) } };
  const refusal = (code: string) => ({
    errors: [expect.objectContaining({ extensions: { code } })],
  });

  for (const payload of [
    { documentId: hash },
    { documentId: bare },
    { extensions: toExtensions(hash) },
    { extensions: toExtensions(bare) },
    { query: LISTED },
    // The hash is what is run.
    { query: UNLISTED, documentId: hash },
  ]) {
    expect(await post(url, payload)).toEqual(answer);
    expect(await subscribe(url, { query: "", ...payload })).toEqual(answer);
  }
  for (const payload of [
    { documentId: unknown },
    { query: LISTED, extensions: toExtensions(unknown) },
  ]) {
    expect(await post(url, payload)).toEqual(refusal("PERSISTED_QUERY_NOT_FOUND"));
    expect(await subscribe(url, { query: "", ...payload })).toEqual(
      refusal("PERSISTED_QUERY_NOT_FOUND"),
    );
  }
  for (const payload of [{ query: UNLISTED }, { query: "{ __schema { types { name } } }" }]) {
    expect(await post(url, payload)).toEqual(refusal("PERSISTED_QUERY_REQUIRED"));
    expect(await subscribe(url, payload)).toEqual(refusal("PERSISTED_QUERY_REQUIRED"));
  }
  const watch = { query: "", documentId: hashOf("Watch"), variables: { id: "job_unknown" } };
  expect(await subscribe(url, watch)).toMatchObject({
    errors: [{ extensions: { code: "NOT_FOUND" } }],
  });
});
