import { join } from "node:path";

import * as fc from "fast-check";
import { buildClientSchema, getIntrospectionQuery } from "graphql";
import type { Client, SubscribePayload } from "graphql-ws";
import { afterAll, expect, test, vi } from "vitest";

import { ROOT } from "../support/pages.ts";
import { connect, run } from "../server/open-socket.ts";
import { startAttackedGateway } from "./attacked-gateway.ts";
import { REFUSED_DOCUMENTS, SERVED_DOCUMENTS } from "./exploding-documents.ts";
import { hostileValues, listArguments, toLiteral } from "./hostile-values.ts";

vi.setConfig({ testTimeout: 120_000 });

const RUNS = 2;
/** Never in an answer: code's insides, files, SQL. */
const INSIDES =
  /INTERNAL_SERVER_ERROR|node_modules|node:internal|\n\s+at |\.ts:\d|SQLITE|select "|insert into/;

const gateway = await startAttackedGateway({
  DEPLOYMENTS_FILE: join(ROOT, "sandbox/src/deployments.json"),
});
afterAll(() => gateway.end());

test.each([
  ["explodes is refused before it does", false, REFUSED_DOCUMENTS],
  ["only seems to explode is served", true, SERVED_DOCUMENTS],
])("a document that %s", async (_what, isServed, documents) => {
  for (const [name, query, variables = "{}"] of documents) {
    const body = `{"query":${JSON.stringify(query)},"variables":${variables}}`;
    const answer = await gateway.post(body);
    const { data, errors } = JSON.parse(answer);
    const hasServed = typeof data === "object" && data !== null && errors === undefined;
    expect({ name, isServed: hasServed }).toEqual({ name, isServed });
    expect(answer.length, name).toBeLessThan(300_000);
    expect(answer, name).not.toMatch(INSIDES);
  }
  await gateway.expectUnharmed();
});

test("a hostile value in any argument is answered, and never with an error of the gateway", async () => {
  const schema = buildClientSchema(JSON.parse(await gateway.ask(getIntrospectionQuery())).data);
  const all = listArguments(schema);
  expect(all.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      "Query.jobs(filter:)",
      "Query.deployment.jobs(after:)",
      "Mutation.submitJob(input:)",
      "Subscription.jobsUpdated(after:)",
    ]),
  );
  const socket = connect(`${gateway.url}/graphql`);
  for (const { name, type, isSubscription, toDocument } of all) {
    const send = async (query: string, variables: Record<string, unknown>) => {
      const answer = isSubscription
        ? await askOverSocket(socket, { query, variables })
        : await gateway.ask({ query, variables });
      expect(JSON.parse(answer), name).toBeTypeOf("object");
      expect(answer, name).not.toMatch(INSIDES);
    };
    await fc.assert(
      fc.asyncProperty(hostileValues(type), async (value) => {
        await send(toDocument(toLiteral(value)), {});
        await send(toDocument("$value").replace(" ", ` ($value: ${String(type)}) `), { value });
      }),
      { numRuns: RUNS },
    );
  }
  await gateway.expectUnharmed();
});

/** What has come for a subscription when a question that was asked behind it has its answer. */
async function askOverSocket(socket: Client, operation: SubscribePayload): Promise<string> {
  const received: unknown[] = [];
  const add = (one: unknown): void => void received.push(one);
  const end = socket.subscribe(operation, { next: add, error: add, complete: () => undefined });
  expect(await run(socket, { query: "{ __typename }" })).toHaveProperty("data");
  end();
  return JSON.stringify(received);
}
