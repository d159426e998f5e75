import fc from "fast-check";
import { expect, test } from "vitest";

import type { ObjectShape, Shape } from "../../src/engine/deployments/catalogue.ts";
import type { JsonObject, JsonValue } from "../../src/engine/job/json.ts";
import { isJsonArray, isJsonObject } from "../../src/engine/job/json.ts";
import { toSubmission } from "../../src/engine/tracking/submission.ts";
import { catalogueOf } from "../support/catalogue-of.ts";
import { openInProcessGateway } from "./in-process-gateway.ts";

const WORDS = ["Default", "high", "16:9", "", "true", "日本", "euler_a"];
const DOUBLES = { noNaN: true, min: 0, minExcluded: true, max: 2 ** 53 };
/** Not null: in the generated mutation that counts as left out. */
const WRONG: fc.Arbitrary<JsonValue> = fc.constantFrom(true, "text", 1.5, [], {});

/** A member of each kind, under names of each kind: its schema, and values that fit it. */
const SCALARS: Readonly<Record<string, readonly [JsonObject, fc.Arbitrary<JsonValue>]>> = {
  prompt: [{ type: "string", maxLength: 5 }, fc.string({ maxLength: 5 })],
  constructor: [{ type: ["string", "null"] }, fc.option(fc.string())] as const,
  ctrl_img_1: [{ type: "integer" }, fc.maxSafeInteger()],
  ctrlImg1: [{ type: "integer", minimum: -1, maximum: 4_096 }, fc.integer({ min: -1, max: 4_096 })],
  MAX_SIZE: [{ type: "number", exclusiveMinimum: 0 }, fc.double(DOUBLES)],
  _x: [{ type: "boolean" }, fc.boolean()],
  type: [{ enum: [512, 0.5, -1] }, fc.constantFrom(512, 0.5, -1)],
  "2nd-image": [{ type: "string", enum: WORDS }, fc.constantFrom(...WORDS)],
  // oxlint-disable-next-line unicorn/no-thenable -- An input that has it is no promise.
  then: [{ oneOf: [{ type: "string" }, { type: "integer" }] }, fc.oneof(fc.string(), fc.integer())],
  日本: [
    { type: "object", additionalProperties: { type: "integer" } },
    fc.dictionary(fc.constantFrom("a b", "then", "x"), fc.integer()),
  ],
};

function toCase(members: typeof SCALARS, required: readonly string[]) {
  const entries = Object.entries(members);
  const optional: string[] = [];
  return [
    {
      type: "object",
      properties: Object.fromEntries(entries.map(([name, [schema]]) => [name, schema])),
      required,
    },
    fc.record(Object.fromEntries(entries.map(([name, [, value]]) => [name, value])), {
      requiredKeys: optional,
    }),
  ] as const;
}

const toList = ([schema, value]: (typeof SCALARS)[string]) =>
  [{ type: "array", items: schema, maxItems: 3 }, fc.array(value, { maxLength: 3 })] as const;

const INNER = toCase(SCALARS, []);
const [SCHEMA, BODIES] = toCase(
  {
    ...SCALARS,
    "a b": INNER,
    list: toList(INNER),
    lists: toList(toList([{ enum: WORDS }, fc.constantFrom(...WORDS)])),
  },
  ["constructor"],
);
/** Some lack what is required, and in every other one a member is of another kind. */
const MIXED = fc
  .record({
    body: BODIES,
    name: fc.option(fc.constantFrom(...Object.keys(SCHEMA.properties)), { nil: "", freq: 2 }),
    wrong: WRONG,
  })
  .map(toMixed);

function toMixed(given: { body: JsonObject; name: string; wrong: JsonValue }): JsonObject {
  const { body, name, wrong } = given;
  // GraphQL makes a list of a bare value, which the upstream does not.
  const other = name.startsWith("list") ? [wrong].flat() : wrong;
  const isWhole = Object.keys(body).length % 4 > 0;
  const mixed = isWhole ? { constructor: null, ...body } : body;
  return name === "" ? mixed : { ...mixed, [name]: other };
}

test("a body through the generated mutation ends as the same body through submitJob, field for field", async () => {
  const catalogue = catalogueOf({ id: "a", name: "A", inputSchema: SCHEMA });
  const shape = catalogue.find("a")?.input?.shape;
  if (!shape) throw new Error("The schema has fields.");
  const sent: JsonObject[] = [];
  const gateway = await openInProcessGateway({
    catalogue,
    tracking: {
      async submitJob(request) {
        const { refusal, input } = toSubmission(request, { catalogue });
        if (refusal !== null) throw refusal;
        sent.push(input);
        return { job, warnings: [] };
      },
    },
  });
  const job = await gateway.addJob();
  const typed = "mutation ($input: AInput!) { submitA(input: $input) { __typename } }";
  const untyped = `mutation ($input: JSON!) { submitJob(deploymentId: "a", input: $input) { __typename } }`;
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(MIXED, async (body) => {
      sent.length = 0;
      await gateway.answer(untyped, { input: body });
      expect(sent).toEqual(sent.map(() => body));
      const { length } = sent;
      await gateway.answer(typed, { input: toTyped(shape, body) });
      expect(sent).toEqual(Array.from({ length: 2 * length }, () => body));
      accepted += length;
    }),
    { numRuns: 100 },
  );
  // Or it would say nothing.
  expect(accepted).toBeGreaterThan(10);
  expect(accepted).toBeLessThan(90);
});

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
