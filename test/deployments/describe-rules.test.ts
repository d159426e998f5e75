import { expect, test } from "vitest";

import { describeRules } from "../../src/deployments/shape/describe-rules.ts";
import type { JsonSchemaObject } from "../../src/deployments/json-schema.ts";
import { toInputShape } from "../../src/deployments/shape/to-shape.ts";

test.each<[JsonSchemaObject, string[]]>([
  [{ type: ["integer"], default: 1 }, []],
  [{ minimum: 64, maximum: 4096, multipleOf: 8 }, ["From 64 to 4096.", "A multiple of 8."]],
  [{ minimum: 0 }, ["At least 0."]],
  [{ maximum: 1.5 }, ["At most 1.5."]],
  [{ minimum: 3, maximum: 3 }, ["Exactly 3."]],
  [{ exclusiveMinimum: 0, exclusiveMaximum: 1 }, ["More than 0.", "Less than 1."]],
  [{ minLength: 0, maxLength: 200, pattern: "^a$" }, ["At most 200 characters.", "Matches `^a$`."]],
  [{ minLength: 1 }, ["At least 1 character."]],
  [{ minItems: 1, maxItems: 4, uniqueItems: true }, ["From 1 to 4 items.", "No duplicates."]],
  [{ contains: { type: ["string"] } }, ["At least 1 item of a certain kind."]],
  [{ contains: true, minContains: 0, maxContains: 2 }, ["At most 2 items of a certain kind."]],
  [{ contains: true, minContains: 0 }, []],
  [{ minProperties: 2 }, ["At least 2 members."]],
  [{ format: "image_uri" }, ["A public https URL of a file."]],
  [{ format: "date-time" }, ["Format: date-time."]],
])("the rules of %j are told in sentences", (schema, rules) => {
  expect(describeRules(schema)).toEqual(rules);
});

test("a list tells the rules of its items", () => {
  const shape = toInputShape(
    {
      properties: {
        images: { type: ["array"], maxItems: 2, items: { type: ["string"], format: "image_uri" } },
      },
    },
    "GlowInput",
  );
  expect(shape?.fields[0]?.rules).toEqual([
    "At most 2 items.",
    "Each item: a public https URL of a file.",
  ]);
});
