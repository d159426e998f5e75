import { expect, test } from "vitest";

import { exchange } from "../support/raw-socket.ts";
import { serve } from "./serve.ts";

const ACCEPTS = [
  null,
  "*/*",
  "application/*",
  "APPLICATION/JSON",
  "application/json; charset=latin1, application/graphql-response+json",
  "application/json, application/graphql-response+json",
  "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed",
  "text/event-stream, */*",
  "text/event-stream",
  "text/plain",
];

const ECHO = "query Echo($text: String!) { echo(text: $text) }";
const NODE = "{ node { name } }";
const TWO = "query A { fail } query B { node { name } }";
const BODIES = {
  "a query": { query: NODE },
  "a query with variables": { query: ECHO, variables: { text: "Grüße ✨" } },
  "a variable too many": { query: ECHO, variables: { text: "a", more: 1 } },
  "a variable of another type": { query: ECHO, variables: { text: 1 } },
  "a variable that is missing": { query: ECHO },
  "null for all that may be null": {
    query: NODE,
    variables: null,
    operationName: null,
    extensions: null,
  },
  "one of two operations": { query: TWO, operationName: "B" },
  "none of two operations": { query: TWO },
  "an operation that is not there": { query: "query A { node { name } }", operationName: "B" },
  "a mutation": { query: "mutation { change }" },
  "a field that fails": { query: "{ fail node { name } }" },
  "a field that refuses": { query: "{ refuse }" },
  "a field that is missing": { query: "{ gone }" },
  "what can't be parsed": { query: "{" },
  "a parameter too many": { query: NODE, more: 1 },
  "an id where no documents are listed": { query: NODE, documentId: "abc" },
  "extensions that are no object": { query: NODE, extensions: 1 },
  "variables that are a list": { query: NODE, variables: [] },
  "an operation name that is a number": { query: NODE, operationName: 1 },
  "no query": { variables: {} },
  "a list": [{ query: NODE }],
  null: null,
};

async function ask(port: number, body: unknown, accept: string | null): Promise<string> {
  const text = JSON.stringify(body);
  const header = accept === null ? "" : `accept: ${accept}\r\n`;
  const head = `POST /graphql HTTP/1.1\r\nHost: localhost\r\ncontent-type: application/json\r\n${header}content-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n`;
  // A stream does not close its connection.
  const isStreamed = (answer: string): boolean => answer.endsWith("\r\n0\r\n\r\n");
  const { text: answer } = await exchange(port, Buffer.from(head + text), isStreamed);
  return answer.replace(/^Date: .*$/m, "");
}

/** Each with all that a client may accept, the others with what the answers differ by. */
const FULLY = new Set(["a query", "a field that fails", "what can't be parsed"]);
const DIFFERENT = [null, "application/graphql-response+json", "text/event-stream", "text/plain"];

test.each(Object.entries(BODIES))(
  "%s gets the same bytes at first, when its document is validated, as later on",
  async (name, body) => {
    const { port } = await serve();
    for (const accept of FULLY.has(name) ? ACCEPTS : DIFFERENT) {
      // A document of its own, which was not validated yet.
      const query = body && "query" in body && `${body.query} # ${accept}`;
      const own = query ? { ...body, query } : body;
      const first = await ask(port, own, accept);
      expect(first).toMatch(/^HTTP\/1\.1 [245]/);
      // What else a request holds may have kept the document from being validated.
      if (query) await ask(port, { query }, null);
      expect(await ask(port, own, accept)).toBe(first);
    }
  },
);
