import { expect, test } from "vitest";

import { readSchema } from "../../src/engine/deployments/read-schema.ts";
import type { JsonObject } from "../../src/engine/job/json.ts";
import { checkOf, documentOf, toTexts } from "../support/document-of.ts";

function problemsOf(schema: JsonObject): string[] {
  return toTexts(readSchema(schema).problems);
}

test.each([
  [undefined, "2020-12"],
  ["https://json-schema.org/draft/2020-12/schema", "2020-12"],
  ["http://json-schema.org/draft-07/schema#", "draft-07"],
  ["https://json-schema.org/draft-07/schema", "draft-07"],
])("a document whose $schema is %s is read as draft %s", (written, draft) => {
  const $schema = written === undefined ? {} : { $schema: written };
  expect(documentOf({ ...$schema, type: "object" }).draft).toBe(draft);
});

test("a document of another draft is refused", () => {
  const older = [
    "http://json-schema.org/draft-04/schema#",
    "https://json-schema.org/draft/2019-09/schema",
  ];
  for (const $schema of [...older, "", 7])
    expect(problemsOf({ $schema })).toEqual([
      "$schema: names no draft that is read here; use draft-07 or 2020-12",
    ]);
});

test("each draft checks by its own words", () => {
  const tuple = { items: [{ type: "string" }], additionalItems: false };
  const old = { $schema: "http://json-schema.org/draft-07/schema#" };
  const check = checkOf({ ...old, properties: { x: tuple } });
  expect(check({ x: ["a"] }).issues).toEqual([]);
  expect(check({ x: ["a", "b"] }).issues).toHaveLength(1);
  expect(problemsOf({ properties: { x: tuple } })).toEqual([
    "properties.x.items: must be an object or a boolean",
  ]);
  const dependent = { dependentRequired: { a: ["b"] } };
  expect(checkOf({ ...old, ...dependent })({ a: 1 }).issues).toEqual([]);
  expect(checkOf(dependent)({ a: 1 }).issues).toHaveLength(1);
  expect(checkOf({ ...old, dependencies: { a: ["b"] } })({ a: 1 }).issues).toHaveLength(1);
});

test("everything that is wrong is reported at once, with its place", () => {
  const document = {
    type: "objct",
    required: "prompt",
    properties: {
      a: { type: ["string", "boolaen", 3], minimum: {}, minLength: -1, multipleOf: 0 },
      b: { pattern: "(", anyOf: [], allOf: {}, patternProperties: { "[": true } },
      d: 3,
      i: { $ref: "#/definitions/Used" },
      j: { $ref: "#named" },
      k: { $ref: "#/components/schemas/Size" },
      l: { $dynamicRef: "#", nullable: true },
      m: { $id: "other.json", $ref: "#/properties/default" },
      default: { $ref: "file:///etc/passwd" },
    },
    components: { schemas: { Size: { type: "int" } } },
  };
  expect(problemsOf(document).toSorted()).toEqual([
    `components.schemas.Size.type: ${TYPES}`,
    "properties.a.minLength: is -1; the least is 0",
    "properties.a.minimum: must be a number",
    "properties.a.multipleOf: must be > 0; try another value",
    `properties.a.type: ${TYPES}`,
    `properties.a.type[1]: ${TYPES}; did you mean "boolean"?`,
    `properties.a.type[2]: ${TYPES}`,
    "properties.b.allOf: must be a list",
    "properties.b.anyOf: must not be empty",
    "properties.b.pattern: is no regular expression of JavaScript (Unterminated group); correct it",
    "properties.b.patternProperties: is no regular expression of JavaScript (Unterminated character class); correct it",
    'properties.b.patternProperties["["]: has a name that is not allowed; choose another',
    "properties.d: must be an object or a boolean",
    "properties.default.$ref: leads out of the document (file:///etc/passwd), and nothing is ever fetched; put it under $defs and write #/$defs/name",
    "properties.i.$ref: leads to nothing in this document (#/definitions/Used); write the way from the top, as in #/$defs/name",
    "properties.j.$ref: leads to nothing in this document (#named); write the way from the top, as in #/$defs/name",
    "properties.l.$dynamicRef: is not read here; leave it out",
    'properties.l.nullable: must be true or false, beside a type; write anyOf with {"type":"null"} instead',
    "properties.m.$id: would move the references below it; leave it out",
    "required: must be a list",
    `type: ${TYPES}; did you mean "object"?`,
  ]);
});

const TYPES = 'must be "array", "boolean", "integer", "null", "number", "object" or "string"';

test("a reference may lead anywhere in the document, and into itself", () => {
  const document = {
    $id: "https://a.test/s.json",
    properties: {
      size: { $ref: "#/components/a~1b%20~0c" },
      next: { $ref: "#/components/next" },
      first: { $ref: "#/allOf/0" },
      // Data, and no reference.
      note: { default: { $ref: "https://a.test/" }, enum: [{ $ref: "nowhere" }] },
    },
    allOf: [true],
    components: {
      "a/b ~c": { type: "integer" },
      next: { properties: { size: { $ref: "#/components/a~1b%20~0c" } } },
    },
  };
  const check = checkOf(document);
  expect(toTexts(check({ next: { size: "x" } }).issues)).toEqual(["next.size: must be an integer"]);
});

test("references that lead in a circle are a problem, over whatever holds them", () => {
  const message = "write true there, which allows any JSON";
  expect(
    problemsOf({
      properties: { x: { $ref: "#/$defs/a" }, size: { $ref: "#/$defs/size" } },
      $defs: {
        a: { $ref: "#/$defs/b" },
        b: { type: "array", items: { $ref: "#/$defs/a" } },
        size: { $ref: "#/$defs/number" },
        number: { type: "integer" },
      },
    }),
  ).toEqual([`$defs.b.items.$ref: leads in a circle (#/$defs/a); ${message}`]);
  expect(problemsOf({ $ref: "#" })).toEqual([`$ref: leads in a circle (#); ${message}`]);
});
