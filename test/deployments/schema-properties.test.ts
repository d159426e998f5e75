import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { buildSchema, coerceInputValue, isInputObjectType, validateSchema } from "graphql";
import { expect, test } from "vitest";

import type { EnumShape, ObjectShape, Shape } from "../../src/engine/deployments/catalogue.ts";
import { readSchema } from "../../src/engine/deployments/read-schema.ts";
import { toObjectShape } from "../../src/engine/deployments/to-shape.ts";
import {
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
} from "../../src/engine/job/json.ts";
import { checkOf, documentOf } from "../support/document-of.ts";
import { writeType } from "./write-type.ts";

const NAMES = ["a", "b_c", "bC", "2d", "__d"] as const;
const NAME = fc.constantFrom(...NAMES);
const SOME_NAMES = fc.uniqueArray(NAME, { maxLength: 2 });
const SCALARS = fc.constantFrom<JsonValue[]>("x", "", 0, 1, 0.5, -1, 3e9, true, null);
const BODIES = fc.letrec<{ value: JsonValue; body: JsonObject }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    { arbitrary: SCALARS, weight: 3 },
    fc.array(tie("value"), { maxLength: 2 }),
    tie("body"),
  ),
  body: fc.dictionary(NAME, tie("value"), { maxKeys: 2, noNullPrototype: true }),
})).body;

type Tied = {
  readonly schema: JsonValue;
  readonly object: JsonObject;
  readonly list: JsonValue[];
};

const SCHEMAS = fc.letrec<Tied>((tie) => {
  const composing = { allOf: tie("list"), anyOf: tie("list") };
  const choosing = {
    oneOf: tie("list"),
    not: tie("schema"),
    if: tie("schema"),
    // oxlint-disable-next-line unicorn/no-thenable
    then: tie("schema"),
    else: tie("schema"),
  };
  return {
    list: fc.array(tie("schema"), { minLength: 1, maxLength: 2 }),
    // What has properties always says that it is an object, as other values are not looked for in it.
    object: fc.record(
      {
        type: fc.constant("object"),
        properties: fc.dictionary(NAME, tie("schema"), { maxKeys: 3, noNullPrototype: true }),
        required: SOME_NAMES,
        additionalProperties: fc.oneof(fc.boolean(), tie("schema")),
        ...composing,
      },
      { requiredKeys: ["type"] },
    ),
    schema: fc.oneof(
      { depthSize: "xsmall", withCrossShrink: true },
      {
        weight: 4,
        arbitrary: fc.constantFrom<JsonValue[]>(
          true,
          {},
          { type: "string" },
          { type: "integer" },
          { type: ["integer", "null"], minimum: 0, exclusiveMaximum: 9 },
          { type: "number", default: 1, multipleOf: 0.5 },
          { type: "null" },
          { type: ["boolean", "string"], minLength: 1, pattern: "^x", format: "email" },
          { const: "x" },
        ),
      },
      fc.constantFrom("a", "b").map((name): JsonValue => ({ $ref: `#/$defs/${name}`, default: 1 })),
      fc.record({ enum: fc.uniqueArray(SCALARS, { minLength: 1, maxLength: 4 }) }),
      tie("object"),
      fc.record(
        {
          type: fc.constant("array"),
          items: tie("schema"),
          contains: tie("schema"),
          uniqueItems: fc.boolean(),
        },
        { requiredKeys: ["type"] },
      ),
      fc.record({ required: SOME_NAMES, ...composing, ...choosing }, { requiredKeys: [] }),
      fc.record(
        {
          dependentRequired: fc.dictionary(NAME, SOME_NAMES, { maxKeys: 1, noNullPrototype: true }),
          patternProperties: fc.record({ "^b": tie("schema") }),
          propertyNames: tie("schema"),
          unevaluatedProperties: fc.boolean(),
          ...composing,
        },
        { requiredKeys: [] },
      ),
    ),
  };
});

const DOCUMENTS = fc
  .record({
    root: fc.oneof(SCHEMAS.object, fc.constant<JsonObject>({})),
    // With one for every name, so that bodies are accepted often enough.
    properties: fc.tuple(...NAMES.map((name) => fc.tuple(fc.constant(name), SCHEMAS.schema))),
    $defs: fc.record({ a: SCHEMAS.schema, b: SCHEMAS.schema }),
  })
  .map(({ root, properties, $defs }): JsonObject =>
    Object.assign({}, root, { properties: Object.fromEntries(properties), $defs }),
  )
  .filter((schema) =>
    readSchema(schema).problems.every(({ message }) => !message.includes("leads in a circle")),
  );

test("whatever the schema, an input has issues exactly where Ajv has errors, and GraphQL refuses none without", () => {
  let accepted = 0;
  let refused = 0;
  const bodiesOfOne = fc.array(BODIES, { minLength: 40, maxLength: 40 });
  fc.assert(
    fc.property(DOCUMENTS, bodiesOfOne, (schema, bodies) => {
      const input = toShape(schema, "GlowInput");
      const output = toShape(schema, "GlowOutput");
      const types = [input && writeTypes(input, "input"), output && writeTypes(output, "type")];
      const graphql = buildSchema([BASE, ...types].join("\n"));
      // It refuses types, fields and values that are there twice.
      expect(validateSchema(graphql)).toEqual([]);
      const type = graphql.getType("GlowInput");
      const isValid = createReference(schema);
      const check = checkOf(schema);
      for (const body of bodies) {
        const { issues } = check(body);
        expect(issues.length === 0, JSON.stringify(body)).toBe(isValid(body));
        for (const { message } of issues) expect(message).not.toContain("undefined");
        if (issues.length > 0) refused += 1;
        if (input === null || issues.length > 0 || !isInputObjectType(type)) continue;
        const spelled = spellMembers(body, input);
        accepted += Object.keys(spelled).length > 0 ? 1 : 0;
        coerceInputValue(spelled, type, (path, _value, error) => {
          throw new Error(`${JSON.stringify(body)} at ${path.join(".")}: ${error.message}`);
        });
      }
    }),
    { numRuns: 18 },
  );
  expect(Math.min(accepted, refused)).toBeGreaterThan(5);
});

/** Takes nothing at which Ajv fails. */
function createReference(schema: JsonObject): (body: JsonObject) => boolean {
  const options = {
    strict: false,
    validateSchema: false,
    validateFormats: false,
    ownProperties: true,
  };
  const ajv = new Ajv2020({ ...options, code: { optimize: false } });
  return (body) => {
    try {
      return ajv.validate(schema, body);
    } catch {
      return false;
    }
  };
}

const BASE = "scalar JSON scalar SafeInt type Query { ok: Boolean }";

function toShape(schema: JsonObject, typeName: string): ObjectShape | null {
  return toObjectShape(documentOf(schema), { typeName, otherwise: "Glow." });
}

/** All types below a shape, each once. */
function listTypes(root: ObjectShape): readonly (ObjectShape | EnumShape)[] {
  const types = new Set<ObjectShape | EnumShape>([root]);
  const visit = (shape: Shape): void => {
    if (shape.kind === "list") visit(shape.item);
    if (shape.kind === "object") types.add(shape.object);
    if (shape.kind === "enum") types.add(shape.enumeration);
  };
  for (const type of types) {
    if ("fields" in type) for (const { shape } of type.fields) visit(shape);
  }
  return [...types];
}

function writeTypes(root: ObjectShape, keyword: "input" | "type"): string {
  const types = listTypes(root).map((type) => {
    if ("values" in type) {
      return `enum ${type.typeName} { ${type.values.map((value) => value.graphqlName).join(" ")} }`;
    }
    const fields = type.fields.map(
      ({ graphqlName, shape, isRequired }) => `${graphqlName}: ${writeType(shape, isRequired)}`,
    );
    return `${keyword} ${type.typeName} { ${fields.join("\n")} }`;
  });
  return types.join("\n");
}

/** A body as a caller of the typed mutation writes it, without what an open object's type does not name. */
function spellMembers(value: JsonObject, object: ObjectShape): JsonObject {
  return Object.fromEntries(
    object.fields
      .filter(({ name }) => Object.hasOwn(value, name))
      .map(({ name, graphqlName, shape }) => [graphqlName, spell(value[name] ?? null, shape)]),
  );
}

function spell(value: JsonValue, shape: Shape): JsonValue {
  if (value === null) return null;
  switch (shape.kind) {
    case "scalar":
      if (shape.scalar === "SafeInt") expect(value).toSatisfy(Number.isSafeInteger);
      return value;
    case "enum": {
      const listed = shape.enumeration.values.find((one) => one.value === value);
      expect(listed).toBeDefined();
      return listed?.graphqlName ?? null;
    }
    case "list":
      expect(value).toBeInstanceOf(Array);
      return isJsonArray(value) ? value.map((item) => spell(item, shape.item)) : null;
    case "object":
      return isJsonObject(value) ? spellMembers(value, shape.object) : value;
  }
}

test("references that part and meet again give few types, and quickly", () => {
  const level = (next: string): JsonValue => ({
    type: "object",
    properties: { left: { $ref: next }, right: { $ref: next } },
    allOf: [{ $ref: next }, { anyOf: [{ $ref: next }, { $ref: next }] }, { $ref: next }],
  });
  const $defs = Object.fromEntries(
    Array.from({ length: 60 }, (_, index) => [`d${index}`, level(`#/$defs/d${index + 1}`)]),
  );
  const end: JsonValue = { type: "object", properties: { end: { enum: ["a"] } } };
  const schema: JsonObject = {
    $defs: { ...$defs, d60: end },
    properties: { first: { $ref: "#/$defs/d0" } },
  };
  const shape = toShape(schema, "GlowInput");
  expect(shape && listTypes(shape).length).toBeLessThan(300);
});

test("objects in objects are typed as deep as documents go", () => {
  let schema: JsonObject = { type: "object", properties: { end: { type: "string" } } };
  for (let depth = 0; depth < 40; depth += 1)
    schema = { type: "object", properties: { a: schema } };
  const shape = toShape(schema, "GlowInput");
  expect(shape && listTypes(shape)).toHaveLength(12);
});
