import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { execute, parse, validateSchema } from "graphql";
import { expect, test } from "vitest";

import type { ObjectShape, Shape } from "../../src/deployments/catalogue.ts";
import { createChannels } from "../../src/diagnostics/channels.ts";
import { createJob } from "../../src/job/job.ts";
import type { JsonObject, JsonValue } from "../../src/job/json.ts";
import { isJsonArray, isJsonObject } from "../../src/job/json.ts";
import type { GatewayContext } from "../../src/schema/context.ts";
import { createSchema } from "../../src/schema/create-schema.ts";
import { toSubmission } from "../../src/tracking/submission.ts";
import { catalogueOf } from "../support/catalogue-of.ts";
import { LOCAL_VIEWER } from "../support/viewers.ts";

/** A schema, and bodies of which many fit it. */
type Case = { readonly schema: JsonObject; readonly body: fc.Arbitrary<JsonValue> };

const NAMES = [
  "prompt",
  "ctrl_img_1",
  "ctrlImg1",
  "MAX_SIZE",
  "_x",
  "type",
  "constructor",
  "then",
  "2nd-image",
  "a b",
  "日本",
];
const WORDS = ["Default", "high", "16:9", "", "true", "日本", "euler_a"];

const toCase = (schema: JsonObject, body: fc.Arbitrary<JsonValue>) => fc.constant({ schema, body });
const DOUBLES = {
  noNaN: true,
  min: -(2 ** 53),
  max: 2 ** 53,
  minExcluded: true,
  maxExcluded: true,
};

const SCALARS: fc.Arbitrary<Case> = fc.oneof(
  toCase({ type: "string", maxLength: 5 }, fc.string({ maxLength: 7 })),
  toCase({ type: ["string", "null"] }, fc.option(fc.string())),
  toCase({ type: "integer" }, fc.maxSafeInteger()),
  toCase({ type: "integer", minimum: -1, maximum: 4_096 }, fc.integer({ min: -3, max: 5_000 })),
  toCase({ type: "number", exclusiveMinimum: 0 }, fc.double(DOUBLES)),
  toCase({ type: "boolean" }, fc.boolean()),
  toCase({ enum: [512, 0.5, -1] }, fc.constantFrom(512, 0.5, -1, 2)),
  toCase(
    { oneOf: [{ type: "string" }, { type: "integer" }] },
    fc.oneof(fc.string(), fc.integer(), fc.boolean()),
  ),
  toCase(
    { type: "object", additionalProperties: { type: "integer" } },
    fc.dictionary(fc.constantFrom(...NAMES), fc.integer()),
  ),
  fc
    .uniqueArray(fc.constantFrom(...WORDS), { minLength: 1 })
    .map((words) => ({ schema: { type: "string", enum: words }, body: fc.constantFrom(...WORDS) })),
);

/** Not null: in the generated mutation that counts as left out. */
const WRONG: fc.Arbitrary<JsonValue> = fc.constantFrom(true, "text", 1.5, [], {});

/** GraphQL makes a list of a bare value, which the upstream does not. */
function inLists(schema: JsonObject, value: JsonValue): JsonValue {
  return schema["type"] === "array" ? [inLists(toObject(schema["items"] ?? {}), value)] : value;
}

const VALUES = fc.letrec<{ value: Case; object: Case; list: Case }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    { arbitrary: SCALARS, weight: 4 },
    { arbitrary: tie("object"), weight: 1 },
    { arbitrary: tie("list"), weight: 1 },
  ),
  list: tie("value").map(({ schema, body }) => ({
    schema: { type: "array", items: schema, maxItems: 3 },
    body: fc.array(body, { maxLength: 4 }),
  })),
  object: fc
    .record({
      members: fc.dictionary(fc.constantFrom(...NAMES), tie("value"), { minKeys: 1, maxKeys: 5 }),
      required: fc.subarray(NAMES),
      isClosed: fc.boolean(),
    })
    .map(({ members, required, isClosed }) => {
      const names = Object.keys(members);
      return {
        schema: {
          type: "object",
          properties: Object.fromEntries(
            Object.entries(members).map(([name, { schema }]) => [name, schema]),
          ),
          required: required.filter((name) => names.includes(name)),
          ...(isClosed && { additionalProperties: false }),
        },
        body: fc.record(
          Object.fromEntries(
            Object.entries(members).map(([name, { schema, body }]) => [
              name,
              fc.oneof(
                { arbitrary: body, weight: 9 },
                WRONG.map((value) => inLists(schema, value)),
              ),
            ]),
          ),
          { requiredKeys: required.filter((name) => names.includes(name)).slice(1) },
        ),
      };
    }),
}));

test("a body through the generated mutation ends as the same body through submitJob, and as Ajv has it", async () => {
  const withBody = VALUES.object.chain(({ schema, body }) =>
    fc.record({ schema: fc.constant(schema), body: body.map(toObject) }),
  );
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(withBody, async ({ schema, body }) => {
      const catalogue = catalogueOf({ id: "a", name: "A", inputSchema: schema });
      const graphql = createSchema(catalogue);
      expect(validateSchema(graphql)).toEqual([]);

      const request = {
        viewer: LOCAL_VIEWER,
        deploymentId: "a",
        input: body,
        idempotencyKey: null,
      };
      const { input, refusal } = toSubmission(request, catalogue);
      const ajv = new Ajv2020({ strict: false, ownProperties: true });
      expect({ body, isAccepted: refusal === null }).toEqual({
        body,
        isAccepted: ajv.validate(schema, body),
      });

      const shape = catalogue.find("a")?.input?.shape;
      if (!shape) throw new Error("The schema has fields.");
      const sent: JsonObject[] = [];
      const tracking: Partial<GatewayContext["tracking"]> = {
        submitJob: async (request) => {
          const submission = toSubmission(request, catalogue);
          if (submission.refusal !== null) throw submission.refusal;
          sent.push(submission.input);
          const job = createJob({
            ownerId: "local",
            deploymentId: "a",
            upstream: "sandbox",
            apiVersion: "v1",
            now: new Date(0),
          });
          return { job, warnings: [] };
        },
      };
      const variables = { input: toTyped(shape, body) };
      await execute({
        schema: graphql,
        document: parse("mutation ($input: AInput!) { submitA(input: $input) { __typename } }"),
        variableValues: variables,
        contextValue: {
          viewer: LOCAL_VIEWER,
          tracking,
          channels: createChannels(),
          reads: { clear: () => undefined, finish: () => undefined },
        },
      });
      expect(sent).toEqual(refusal === null ? [input] : []);
      accepted += sent.length;
    }),
    { numRuns: 40 },
  );
  // Or it would say nothing.
  expect(accepted).toBeGreaterThan(3);
}, 120_000);

/** The same body in the spelling of the generated input; what it has no words for stays as it is, to be refused. */
function toTyped(object: ObjectShape, body: JsonObject): JsonObject {
  return Object.fromEntries(
    object.fields
      .filter(({ name }) => Object.hasOwn(body, name))
      .map(({ name, graphqlName, shape }) => [
        graphqlName,
        toTypedValue(shape, body[name] ?? null),
      ]),
  );
}

function toTypedValue(shape: Shape, value: JsonValue): JsonValue {
  if (shape.kind === "object" && isJsonObject(value)) return toTyped(shape.object, value);
  if (shape.kind === "list" && isJsonArray(value)) {
    return value.map((item) => toTypedValue(shape.item, item));
  }
  if (shape.kind !== "enum") return value;
  return shape.enumeration.values.find((one) => one.value === value)?.graphqlName ?? value;
}

function toObject(value: JsonValue): JsonObject {
  return isJsonObject(value) ? value : {};
}
