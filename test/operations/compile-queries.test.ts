import { setImmediate as nextTurn } from "node:timers/promises";

import fc from "fast-check";
import type { GraphQLSchema } from "graphql";
import {
  assertObjectType,
  buildSchema,
  NoUnusedVariablesRule,
  parse,
  specifiedRules,
  validate,
} from "graphql";
import { createYoga } from "graphql-yoga";
import { pino } from "pino";
import { expect, test } from "vitest";

import { createQueryCompiler } from "../../src/api/operations/compile-queries.ts";
import { openInProcessGateway } from "../schema/in-process-gateway.ts";
import { catalogueOf } from "../support/catalogue-of.ts";
import { queriesOf } from "./generate-query.ts";
import { createHostileSchema } from "./hostile-schema.ts";

const RULES = specifiedRules.filter((rule) => rule !== NoUnusedVariablesRule);
const ERRORS_AFTER_DATA =
  "{ failingDogs { neededNumbers numbers wrongNeeded } wrongNeededLater noneNeeded }";
const log = pino({ level: "silent" });

/** Runs a document by Yoga's executor alone, and three times with the compiler, whose first answer is the executor's. */
function createRunners(schema: GraphQLSchema) {
  const bare = { schema, logging: false, maskedErrors: false } as const;
  const plain = createYoga(bare).getEnveloped();
  const compiling = createYoga({
    ...bare,
    plugins: [createQueryCompiler({ schema, log })],
  }).getEnveloped();
  return async (
    text: string,
    variableValues: object,
    createContext: () => object,
  ): Promise<{ readonly expected: string; readonly answers: readonly string[] }> => {
    const args = { schema, document: parse(text), variableValues };
    const run = async ({ execute }: typeof plain): Promise<string> => {
      const result = await execute({ ...args, contextValue: createContext() });
      // The executor answers as soon as `data` is null, and adds the errors of slower fields to the same array.
      await nextTurn();
      return JSON.stringify(result);
    };
    const expected = await run(plain);
    return {
      expected,
      answers: [await run(compiling), await run(compiling), await run(compiling)],
    };
  };
}

test("a compiled query answers as the executor does, whatever its fields do", async () => {
  const schema = createHostileSchema();
  const run = createRunners(schema);
  const counts = { good: 0, failed: 0 };
  await fc.assert(
    fc.asyncProperty(queriesOf(schema), fc.boolean(), async (text, yes) => {
      if (validate(schema, parse(text), RULES).length > 0) return;
      const { expected, answers } = await run(text, { yes, no: !yes }, () => ({}));
      for (const answer of answers) expect(answer, text).toBe(expected);
      counts[expected.startsWith('{"errors"') ? "failed" : "good"] += 1;
    }),
    { seed: 1, numRuns: 80, examples: [[ERRORS_AFTER_DATA, true]] },
  );
  expect(Math.min(counts.good, counts.failed)).toBeGreaterThan(8);
}, 60_000);

test("a compiled query reports what is wrong with variables as the executor does", async () => {
  const schema = buildSchema("type Query { a(n: [N]): Int } scalar N");
  let validated = 0;
  Object.assign(schema.getType("N") ?? {}, {
    parseValue() {
      validated += 1;
      throw new Error("no");
    },
  });
  const n = Array.from({ length: 10_000 }, () => 1);
  const { expected, answers } = await createRunners(schema)(
    "query ($n: [N]) { a(n: $n) }",
    { n },
    () => ({}),
  );
  for (const answer of answers) expect(answer).toBe(expected);
  expect(validated).toBeLessThan(500);
});

test("so does one of the gateway's own schema", async () => {
  const properties = { images: { type: "array", items: { type: "string" } } };
  const outputSchema = { type: "object", required: ["images"], properties };
  const catalogue = catalogueOf({ id: "wg", name: "Warm Glow", outputSchema });
  const gateway = await openInProcessGateway({ catalogue });
  const [first, second] = [await gateway.addJob({ deploymentId: "wg" }), await gateway.addJob()];
  const error = { code: "INFERENCE_FAILED", message: "Out of memory.", retryable: true } as const;
  const output = { images: ["https://files.example/a.png"] };
  await gateway.observe(first, { kind: "succeeded", output, finishedAt: null });
  await gateway.observe(second, { kind: "failed", error, finishedAt: null });
  const ids = [first.id, second.id, (await gateway.addJob()).id, "wg"];
  const { schema, openContext } = gateway;
  const run = createRunners(schema);
  let good = 0;
  await fc.assert(
    fc.asyncProperty(queriesOf(schema, ids), fc.boolean(), async (text, yes) => {
      if (validate(schema, parse(text), RULES).length > 0) return;
      const { expected, answers } = await run(text, { yes, no: !yes }, openContext);
      for (const answer of answers) expect(answer, text).toBe(expected);
      if (!expected.startsWith('{"errors"')) good += 1;
    }),
    { numRuns: 60 },
  );
  expect(good).toBeGreaterThan(10);
}, 60_000);

test("what a page has of each job without reading more needs no resolver, so that compiled code reads it in place", async () => {
  const { schema } = await openInProcessGateway();
  for (const [type = "", ...fields] of [
    ["Job", "id", "status", "version"],
    ["Deployment", "id", "name"],
    ["JobEdge", "node", "cursor"],
    ["JobConnection", "edges", "pageInfo"],
  ]) {
    const all = assertObjectType(schema.getType(type)).getFields();
    for (const field of fields) expect(all[field], field).toHaveProperty("resolve", undefined);
  }
});

test("what a compiled query has answered before it fails is not counted twice", async () => {
  const { addJob, observe, openContext, schema } = await openInProcessGateway({
    mostAnswerBytes: 60_000,
  });
  const output = "x".repeat(40_000);
  for (const createdAt of [new Date(0), new Date(1)])
    await observe(await addJob({ createdAt }), { kind: "succeeded", output, finishedAt: null });
  const { expected, answers } = await createRunners(schema)(
    "{ jobs { edges { node { output } } } }",
    {},
    openContext,
  );
  expect(expected).toContain(`{"node":{"output":"${output}"}},{"node":{"output":null}}`);
  for (const answer of answers) expect(answer).toBe(expected);
});
