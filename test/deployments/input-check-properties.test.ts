import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { expect, test } from "vitest";

import type { JsonObject, JsonValue } from "../../src/job/json.ts";
import { readSchema } from "../../src/deployments/read-schema.ts";
import { checkOf } from "../support/document-of.ts";

const NAMES = fc.constantFrom("a", "b", "c_d", "e");
const SCALARS = fc.constantFrom<JsonValue>(-1, 0, 1, 2, 3, 0.5, "", "a", "ab", true, null);
const { value: VALUES } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 2 },
    { arbitrary: SCALARS, weight: 3 },
    { arbitrary: fc.array(tie("value"), { maxLength: 3 }), weight: 1 },
    {
      arbitrary: fc.dictionary(NAMES, tie("value"), { maxKeys: 4, noNullPrototype: true }),
      weight: 2,
    },
  ),
}));
const COUNT = fc.integer({ min: 0, max: 2 });
const SOME_NAMES = fc.uniqueArray(NAMES, { minLength: 1, maxLength: 2 });
const TYPE = fc.constantFrom("string", "integer", "number", "boolean", "object", "array", "null");

function ofOne(keywords: Record<string, fc.Arbitrary<JsonValue>>): fc.Arbitrary<JsonObject> {
  const each = Object.entries(keywords);
  return fc.oneof(...each.map(([name, value]) => value.map((drawn) => ({ [name]: drawn }))));
}

/** Schemas that say a few things each; only what is inside a value refers to others, so that every check ends. */
const { object: SCHEMAS } = fc.letrec<{ schema: JsonValue; member: JsonValue; object: JsonObject }>(
  (tie) => {
    const some = fc.array(tie("schema"), { minLength: 1, maxLength: 3 });
    const optional = { requiredKeys: [] };
    const members = {
      properties: fc.dictionary(NAMES, tie("member"), { minKeys: 1, maxKeys: 3 }),
      additionalProperties: tie("member"),
      patternProperties: fc.dictionary(fc.constantFrom("^a", "_"), tie("member"), { maxKeys: 1 }),
      required: SOME_NAMES,
      dependentRequired: fc.dictionary(NAMES, SOME_NAMES, { maxKeys: 1 }),
      items: tie("member"),
    };
    const branches = {
      allOf: some,
      anyOf: some,
      oneOf: some,
      not: tie("schema"),
      if: tie("schema"),
      // oxlint-disable-next-line unicorn/no-thenable
      then: tie("schema"),
      contains: tie("schema"),
      propertyNames: tie("schema"),
      unevaluatedProperties: fc.boolean(),
    };
    const value = fc.oneof(
      fc.record({ type: fc.uniqueArray(TYPE, { minLength: 1, maxLength: 3 }) }),
      fc.record({ enum: fc.array(VALUES, { minLength: 1, maxLength: 3 }) }),
      fc.record({ format: fc.constant("email"), pattern: fc.constantFrom("^a", "b$") }),
      fc.record({ minLength: COUNT, maximum: COUNT, multipleOf: fc.constantFrom(1, 2) }, optional),
      fc.record({ minItems: COUNT, maxItems: COUNT, uniqueItems: fc.boolean() }, optional),
    );
    return {
      member: fc.oneof(
        { maxDepth: 2 },
        fc.constantFrom("one", "two").map((name): JsonValue => ({ $ref: `#/$defs/${name}` })),
        tie("schema"),
      ),
      schema: fc.oneof(
        { maxDepth: 2 },
        fc.constantFrom<JsonValue>(true, false, { type: "string" }, { type: ["object", "null"] }),
        tie("object"),
      ),
      object: fc
        .tuple(value, ofOne(members), ofOne(branches))
        .map((parts): JsonObject => Object.assign({}, ...parts)),
    };
  },
);

test("an input has issues exactly where Ajv has errors, whatever the schema", () => {
  const ajv = new Ajv2020({
    strict: false,
    validateFormats: false,
    ownProperties: true,
    code: { optimize: false },
  });
  let accepted = 0;
  let refused = 0;
  fc.assert(
    fc.property(
      SCHEMAS,
      fc.record({ one: SCHEMAS, two: SCHEMAS }),
      SCHEMAS,
      fc.array(fc.dictionary(NAMES, VALUES, { maxKeys: 4, noNullPrototype: true }), {
        minLength: 5,
        maxLength: 5,
      }),
      (root, $defs, a, inputs) => {
        const schema = { ...root, type: "object", properties: { b: true, a }, $defs };
        fc.pre(readSchema(schema).problems.length === 0);
        const check = checkOf(schema);
        for (const input of inputs) {
          const isValid = orNull(() => ajv.validate(schema, input));
          const { issues } = check(input);
          // Where Ajv makes a mistake, nothing passes.
          expect(issues.length === 0).toBe(isValid === true);
          for (const { message } of issues) expect(message).not.toContain("undefined");
          if (isValid === true) accepted += 1;
          else refused += 1;
        }
      },
    ),
    { numRuns: 60 },
  );
  expect(Math.min(accepted, refused)).toBeGreaterThan(20);
});

function orNull<Value>(decide: () => Value): Value | null {
  try {
    return decide();
  } catch {
    return null;
  }
}
