import { join } from "node:path";

import * as fc from "fast-check";
import type { GraphQLSchema } from "graphql";
import { buildClientSchema, getIntrospectionQuery } from "graphql";
import type { Client } from "graphql-ws";
import { createClient } from "graphql-ws";
import { afterAll, expect, test } from "vitest";
import { WebSocket } from "ws";

import { ROOT } from "../support/pages.ts";
import { startAttackedGateway } from "./attacked-gateway.ts";
import type { ExplodingDocument } from "./exploding-documents.ts";
import { EXPLODING_DOCUMENTS } from "./exploding-documents.ts";
import { hostileValues, listArguments, toLiteral } from "./hostile-values.ts";
import { expectOthersServed } from "./others-served.ts";

const HANGS_AFTER_MS = 30_000;
const TIMEOUT = { timeout: 120_000 };

const RUNS = 10;
/** Never in an answer: code's insides, files, SQL. */
const INSIDES =
  /INTERNAL_SERVER_ERROR|node_modules|node:internal|\n\s+at |\.ts:\d|SQLITE|select "|insert into/;

const gateway = await startAttackedGateway({
  DEPLOYMENTS_FILE: join(ROOT, "sandbox/src/deployments.json"),
});
afterAll(() => gateway.end());

test("a document that explodes is refused before it does", TIMEOUT, async () => {
  for (const document of EXPLODING_DOCUMENTS) {
    const { status, text } = await ask(document);
    const { data, errors = [] } = JSON.parse(text);
    const isServed = typeof data === "object" && data !== null && errors.length === 0;
    expect({ name: document.name, isServed, isRefused: status < 500 }).toEqual({
      name: document.name,
      isServed: document.isServed ?? false,
      isRefused: true,
    });
    expect(text.length, document.name).toBeLessThan(300_000);
    expect(text, document.name).not.toMatch(INSIDES);
  }
  await gateway.expectUnharmed();
});

test("others are served meanwhile", TIMEOUT, async () => {
  await expectOthersServed(
    gateway,
    EXPLODING_DOCUMENTS.map((document) => () => ask(document)),
  );
  await gateway.expectUnharmed();
});

test(
  "a hostile value in any argument is answered, and never with an error of the gateway",
  TIMEOUT,
  async () => {
    const places = listArguments(await readSchema());
    expect(places.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        "Query.jobs(filter:)",
        "Query.deployment.jobs(after:)",
        "Mutation.submitJob(input:)",
        "Subscription.jobsUpdated(after:)",
      ]),
    );
    const socket = createClient({
      url: `${gateway.url.replace("http", "ws")}/graphql`,
      webSocketImpl: WebSocket,
      retryAttempts: 0,
      on: { closed: () => undefined },
    });
    for (const place of places) {
      const send = async (document: string, variables: Readonly<Record<string, unknown>>) => {
        const answer = place.isSubscription
          ? await askOverSocket(socket, document, variables)
          : await askOverHttp(document, variables);
        expect(answer, place.name).not.toMatch(INSIDES);
      };
      await fc.assert(
        fc.asyncProperty(hostileValues(place.type), async (value) => {
          await send(place.toDocument(toLiteral(value)), {});
          const document = place
            .toDocument("$value")
            .replace(" ", ` ($value: ${String(place.type)}) `);
          await send(document, { value });
        }),
        { numRuns: RUNS },
      );
    }
    await socket.dispose();
    await gateway.expectUnharmed();
  },
);

async function readSchema(): Promise<GraphQLSchema> {
  const { text } = await ask({ name: "introspection", query: getIntrospectionQuery() });
  return buildClientSchema(JSON.parse(text).data);
}

async function askOverHttp(query: string, variables: Readonly<Record<string, unknown>>) {
  const { status, text } = await ask({ name: "", query, variables: JSON.stringify(variables) });
  expect(status).toBeLessThan(500);
  expect(JSON.parse(text)).toSatisfy((answer) => "data" in answer || "errors" in answer);
  return text;
}

/** What has come for a subscription when a question that was asked behind it has its answer. */
async function askOverSocket(
  socket: Client,
  query: string,
  variables: Readonly<Record<string, unknown>>,
): Promise<string> {
  const received: unknown[] = [];
  const sink = {
    next: (one: unknown) => received.push(one),
    error: (one: unknown) => received.push(one),
    complete: () => undefined,
  };
  const end = socket.subscribe({ query, variables }, sink);
  await new Promise<void>((resolve, reject) => {
    socket.subscribe(
      { query: "{ __typename }" },
      { next: () => resolve(), error: reject, complete: () => undefined },
    );
  });
  end();
  return JSON.stringify(received);
}

async function ask({ query, variables = "{}" }: ExplodingDocument) {
  const response = await fetch(`${gateway.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: `{"query":${JSON.stringify(query)},"variables":${variables}}`,
    signal: AbortSignal.timeout(HANGS_AFTER_MS),
  });
  return { status: response.status, text: await response.text() };
}
