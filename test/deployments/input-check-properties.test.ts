import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createChecks } from "../../src/deployments/check/create-checks.ts";
import type { JsonSchema, JsonSchemaObject } from "../../src/deployments/json-schema.ts";
import { JSON_TYPES } from "../../src/deployments/json-schema.ts";
import type { JsonValue } from "../../src/job/json.ts";

describe("the check of any input by any schema", () => {
  const plain = new Ajv2020({
    strict: false,
    useDefaults: true,
    validateFormats: false,
    code: { optimize: false },
  });
  const names = fc.constantFrom("a", "b", "c_d", "e");
  const scalar = fc.constantFrom<JsonValue>(-1, 0, 1, 2, 3, 0.5, "", "a", "ab", true, null);
  const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 2 },
      { arbitrary: scalar, weight: 3 },
      { arbitrary: fc.array(tie("value"), { maxLength: 3 }), weight: 1 },
      { arbitrary: fc.dictionary(names, tie("value"), { maxKeys: 4 }), weight: 2 },
    ),
  }));
  const count = fc.integer({ min: 0, max: 2 });
  const someNames = fc.uniqueArray(names, { minLength: 1, maxLength: 2 });
  const keywords = (inside: fc.Arbitrary<JsonSchema>): fc.Arbitrary<JsonSchemaObject> =>
    fc.oneof(
      fc.record({
        type: fc.uniqueArray(fc.constantFrom(...JSON_TYPES), { minLength: 1, maxLength: 4 }),
      }),
      fc.record({ enum: fc.array(value, { minLength: 1, maxLength: 3 }) }),
      fc.record({ const: value }),
      fc.record({ format: fc.constant("email"), pattern: fc.constantFrom("^a", "b$") }),
      fc.record({ minLength: count, maxLength: count }, { requiredKeys: [] }),
      fc.record(
        { minimum: count, exclusiveMaximum: count, multipleOf: fc.constantFrom(1, 2) },
        { requiredKeys: [] },
      ),
      fc.record(
        { minItems: count, maxItems: count, uniqueItems: fc.boolean() },
        { requiredKeys: [] },
      ),
      fc.record(
        {
          minProperties: count,
          maxProperties: count,
          required: someNames,
          dependentRequired: fc.dictionary(names, someNames, { maxKeys: 2 }),
        },
        { requiredKeys: [] },
      ),
      fc.record(
        {
          properties: fc.dictionary(names, inside, { minKeys: 1, maxKeys: 3 }),
          patternProperties: fc.dictionary(fc.constantFrom("^a", "_"), inside, { maxKeys: 2 }),
          additionalProperties: inside,
          required: someNames,
        },
        { requiredKeys: ["properties"] },
      ),
      fc.record(
        {
          prefixItems: fc.array(inside, { minLength: 1, maxLength: 2 }),
          items: inside,
          unevaluatedItems: inside,
        },
        { requiredKeys: [] },
      ),
    );
  const applicators = (
    same: fc.Arbitrary<JsonSchema>,
    branch: fc.Arbitrary<JsonSchema>,
  ): fc.Arbitrary<JsonSchemaObject> =>
    fc.record(
      {
        allOf: fc.array(same, { minLength: 1, maxLength: 2 }),
        dependentSchemas: fc.dictionary(names, same, { maxKeys: 1 }),
        // oxlint-disable-next-line unicorn/no-thenable
        then: same,
        else: same,
        if: branch,
        anyOf: fc.array(branch, { minLength: 1, maxLength: 3 }),
        oneOf: fc.array(branch, { minLength: 1, maxLength: 3 }),
        not: branch,
        contains: branch,
        propertyNames: branch,
        unevaluatedProperties: fc.boolean(),
      },
      { requiredKeys: [] },
    );
  const some = (...parts: fc.Arbitrary<JsonSchemaObject>[]): fc.Arbitrary<JsonSchema> =>
    fc.tuple(...parts).map((chosen): JsonSchemaObject => Object.assign({}, ...chosen));
  const { inPlace } = fc.letrec<{ inPlace: JsonSchema; member: JsonSchema; branch: JsonSchema }>(
    (tie) => ({
      inPlace: fc.oneof(
        { maxDepth: 2 },
        some(keywords(tie("member"))),
        some(keywords(tie("member")), keywords(tie("member"))),
        some(keywords(tie("member")), applicators(tie("inPlace"), tie("branch"))),
      ),
      member: fc.oneof(
        { maxDepth: 2 },
        fc.boolean(),
        fc.record(
          { $ref: fc.constantFrom("#", "#/$defs/one", "#/$defs/two"), default: scalar },
          { requiredKeys: ["$ref"] },
        ),
        fc
          .tuple(tie("inPlace"), scalar)
          .map(([schema, scalar]) =>
            typeof schema === "boolean" ? schema : Object.assign({}, schema, { default: scalar }),
          ),
        tie("inPlace"),
      ),
      // Without references: there Ajv fills in the defaults even of branches that do not hold.
      branch: fc.oneof(
        { maxDepth: 2 },
        fc.boolean(),
        some(keywords(tie("branch"))),
        some(keywords(tie("branch")), applicators(tie("branch"), tie("branch"))),
      ),
    }),
  );
  const document = fc
    .tuple(inPlace, inPlace, inPlace)
    .map(([root, one, two]): JsonSchemaObject => Object.assign({}, root, { $defs: { one, two } }));

  it("finds issues exactly where Ajv finds errors, and fills in what Ajv fills in", () => {
    let accepted = 0;
    let refused = 0;
    fc.assert(
      fc.property(
        document,
        fc.array(fc.dictionary(names, value, { maxKeys: 4 }), { minLength: 4, maxLength: 4 }),
        (drawn, inputs) => {
          const schema = withValidDefaults(drawn);
          const validate = plain.compile(schema);
          const inputCheck = createChecks().inputCheck(schema, { divisor: null });
          for (const input of inputs) {
            const expected = structuredClone(input);
            const isFirstValid = validate(expected);
            // What is filled in may be what was missing, and may be what spoils the whole.
            const isFilledValid = validate(expected);
            const isValid = isFirstValid || isFilledValid;
            const checked = inputCheck(input, (path) => path);
            expect(checked.issues.length === 0).toBe(isValid);
            if (isValid) expect(checked.input).toEqual(isFilledValid ? expected : input);
            for (const { message } of checked.issues) expect(message).not.toContain("undefined");
            if (isValid) accepted += 1;
            else refused += 1;
          }
        },
      ),
      { numRuns: 40 },
    );
    expect(Math.min(accepted, refused)).toBeGreaterThan(10);
  });

  /** The document without the defaults that it refuses itself, which Ajv would fill in all the same. */
  function withValidDefaults(document: JsonSchemaObject): JsonSchemaObject {
    const { $defs, ...root } = JSON.parse(
      JSON.stringify(document).replaceAll('"$ref":"#"', '"$ref":"#/$defs/root"'),
    );
    const definitions = { ...$defs, root };
    const text = JSON.stringify({ ...root, $defs }, (_key, node) => {
      if (node?.default === undefined) return node;
      if (plain.validate({ ...node, $defs: definitions }, node.default)) return node;
      return { ...node, default: undefined };
    });
    return JSON.parse(text.replaceAll('"$ref":"#/$defs/root"', '"$ref":"#"'));
  }
});
