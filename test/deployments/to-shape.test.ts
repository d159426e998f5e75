import { expect, test } from "vitest";

import type { FieldShape, ObjectShape } from "../../src/engine/deployments/catalogue.ts";
import { toObjectShape } from "../../src/engine/deployments/to-shape.ts";
import type { JsonObject, JsonValue } from "../../src/engine/job/json.ts";
import { documentOf } from "../support/document-of.ts";
import { writeType } from "./write-type.ts";

const STRING = { type: "string" };
const NULL = { type: "null" };
const OPTIONS = { typeName: "GlowInput", otherwise: "Glow." };

function toInput(schema: JsonObject): ObjectShape {
  const shape = toObjectShape(documentOf(schema), OPTIONS);
  if (shape === null) throw new Error("The schema gave no type.");
  return shape;
}

function toFieldOf(schema: JsonValue, root: JsonObject = {}): FieldShape {
  const [field] = toInput({ ...root, properties: { it: schema } }).fields;
  if (field === undefined) throw new Error("The schema gave no field.");
  return field;
}

function writeFields(object: ObjectShape): Record<string, string> {
  return Object.fromEntries(
    object.fields.map(({ name, shape, isRequired }) => [name, writeType(shape, isRequired)]),
  );
}

test.each<[JsonValue, string]>([
  [STRING, "String!"],
  [{ type: ["string", "null"] }, "String"],
  [{ type: "boolean" }, "Boolean!"],
  [{ type: "number" }, "Float!"],
  [{ allOf: [{ type: "number" }, { type: ["integer", "string"] }] }, "SafeInt!"],
  [{ type: "integer", minimum: 0, maximum: 2 ** 31 }, "SafeInt!"],
  [{ type: "integer", minimum: -(2 ** 31), maximum: 2 ** 31 - 1 }, "Int!"],
  [{ type: "integer", minimum: 0, allOf: [{ maximum: 9 }] }, "Int!"],
  [NULL, "JSON"],
  [{}, "JSON"],
  [true, "JSON"],
  [false, "JSON!"],
  [{ not: STRING }, "JSON"],
  [{ type: "object" }, "JSON!"],
  [{ anyOf: [STRING, { type: "boolean" }] }, "JSON!"],
  [{ oneOf: [STRING, NULL] }, "String"],
  [{ anyOf: [{ const: null }, { type: "integer", minimum: 1, maximum: 2 }] }, "Int"],
  [{ anyOf: [STRING, { enum: [null] }, false] }, "String"],
  [{ if: STRING, else: NULL }, "JSON"],
])("a field of %j is %s", (schema, type) => {
  expect(writeType(toFieldOf(schema).shape)).toBe(type);
});

test.each<[JsonValue, string]>([
  [{ type: "array" }, "[JSON]!"],
  [{ type: "array", items: STRING }, "[String!]!"],
  [{ type: "array", items: { type: "array", items: STRING } }, "[[String!]!]!"],
  [{ allOf: [{ type: "array", items: STRING }, { items: { maxLength: 3 } }] }, "[String!]!"],
  [{ type: "array", prefixItems: [STRING], items: STRING }, "JSON!"],
  [{ items: STRING }, "JSON"],
])("a list of %j is %s", (schema, type) => {
  expect(writeType(toFieldOf(schema).shape)).toBe(type);
});

test("lists in lists are typed as deep as introspection sees them", () => {
  let schema: JsonValue = STRING;
  for (let depth = 0; depth < 9; depth += 1) schema = { type: "array", items: schema };
  expect(writeType(toFieldOf(schema).shape)).toBe("[[[JSON!]!]!]!");
});

test.each<[JsonValue, string, object]>([
  [{ enum: ["flowMatch", "b", "b"] }, "GlowInput_It!", { FLOW_MATCH: "flowMatch", B: "b" }],
  [{ type: "integer", enum: [512, 1024] }, "GlowInput_It!", { _512: 512, _1024: 1024 }],
  [{ type: "string", enum: ["b", 1] }, "GlowInput_It!", { B: "b", _1: 1 }],
  [{ enum: ["a", null] }, "GlowInput_It", { A: "a" }],
  [{ type: "string", enum: ["a", null] }, "GlowInput_It!", { A: "a" }],
  [{ anyOf: [{ const: "a" }, NULL] }, "GlowInput_It", { A: "a" }],
])("the values of %j become those of an enum", (schema, type, expected) => {
  const { shape } = toFieldOf(schema);
  expect(writeType(shape)).toBe(type);
  const values = shape.kind === "enum" ? shape.enumeration.values : [];
  expect(Object.fromEntries(values.map((one) => [one.graphqlName, one.value]))).toEqual(expected);
});

test.each<[JsonValue, string]>([
  [{ enum: [true, false] }, "Boolean!"],
  [{ enum: ["a", true] }, "JSON!"],
  [{ const: null }, "JSON"],
  [{ enum: [] }, "JSON!"],
])("what no enum can say is not one: %j is %s", (schema, type) => {
  expect(writeType(toFieldOf(schema).shape)).toBe(type);
});

test("fields keep their order, and what is required may be left out only as null", () => {
  const input = toInput({
    type: "object",
    properties: {
      prompt: { type: "string", description: "What to paint." },
      seed: { type: "integer", default: 42, minimum: -1 },
      note: { type: ["string", "null"] },
      neg: STRING,
    },
    required: ["seed", "prompt", "note"],
  });
  expect(writeFields(input)).toEqual({
    prompt: "String!",
    seed: "SafeInt!",
    note: "String",
    neg: "String",
  });
  expect(input.fields.map(({ name }) => name)).toEqual(["prompt", "seed", "note", "neg"]);
  expect(input.fields[0]).toMatchObject({ description: "What to paint.", default: undefined });
  expect(input.fields[1]).toMatchObject({ default: 42, minimum: -1, maximum: null });
});

test("a reference is what it leads to, with its own words first", () => {
  const size: JsonValue = {
    type: "integer",
    minimum: 64,
    maximum: 4096,
    description: "Pixels.",
    multipleOf: 8,
  };
  const referring = toFieldOf({ $ref: "#/$defs/size", default: 1024 }, { $defs: { size } });
  expect(referring).toMatchObject({
    shape: { scalar: "Int" },
    default: 1024,
    minimum: 64,
    maximum: 4096,
    description: "Pixels.",
    rules: ["`minimum` 64, `maximum` 4096, `multipleOf` 8."],
  });
  const nullable = toFieldOf(
    { anyOf: [{ $ref: "#/$defs/size" }, NULL], description: "Width.", maximum: 100 },
    { $defs: { size } },
  );
  expect(nullable).toMatchObject({
    shape: { scalar: "Int", isNullable: true },
    minimum: 64,
    maximum: 100,
    description: "Width.",
  });
});

test("members of allOf are typed, those of branches are JSON", () => {
  const input = toInput({
    $defs: {
      base: { properties: { mode: STRING, width: { type: "number" } }, required: ["mode"] },
      control: { properties: { image: STRING }, required: ["image", "strength"] },
    },
    properties: { prompt: STRING },
    allOf: [{ $ref: "#/$defs/base" }, { properties: { width: { type: "integer" } } }],
    anyOf: [{ $ref: "#/$defs/control" }, { properties: { prompt: {}, steps: STRING } }],
    if: { properties: { ratio: STRING } },
    // oxlint-disable-next-line unicorn/no-thenable
    then: { allOf: [{ oneOf: [{ properties: { deep: STRING } }, { required: ["late"] }] }] },
    not: { properties: { banned: STRING }, required: ["unheard"] },
    dependentSchemas: { mask: { properties: { feather: STRING } } },
    dependentRequired: { a: ["b"] },
  });
  expect(writeFields(input)).toEqual({
    prompt: "String",
    mode: "String!",
    width: "SafeInt",
    image: "JSON",
    steps: "JSON",
    ratio: "JSON",
    feather: "JSON",
    deep: "JSON",
    banned: "JSON",
    unheard: "JSON",
    mask: "JSON",
    a: "JSON",
    b: "JSON",
    strength: "JSON",
    late: "JSON",
  });
});

test("no member of a nested object is lost: where several schemas speak of it, it is JSON", () => {
  const lora = { type: "object", properties: { path: STRING } };
  const more = { properties: { lora: { properties: { scale: STRING } } } };
  for (const others of [{ allOf: [more] }, { anyOf: [more, true] }]) {
    const [field] = toInput({ properties: { lora }, ...others }).fields;
    expect(field?.shape).toMatchObject({ kind: "scalar", scalar: "JSON" });
  }
  const [field] = toInput({
    properties: { lora: { ...lora, anyOf: [{ required: ["key"] }, true] } },
  }).fields;
  expect(field?.shape.kind === "object" && writeFields(field.shape.object)).toEqual({
    path: "String",
    key: "JSON",
  });
});

test.each<[JsonValue, string[]]>([
  [{ type: "integer", default: 1 }, []],
  [
    { minLength: 0, maxLength: 200, pattern: "^a$" },
    ["`minLength` 0, `maxLength` 200, `pattern` ^a$."],
  ],
  [
    { format: "image_uri" },
    ["A public https URL of a file, or `upload:` and the `id` of an upload."],
  ],
  [
    { type: "array", maxItems: 2, items: { type: "string", format: "date" } },
    ["`maxItems` 2.", "Each item: `format` date."],
  ],
])("the rules of %j are described", (schema, rules) => {
  expect(toFieldOf(schema).rules).toEqual(rules);
});

test("a name that is only required is a JSON field, unless the object takes no other names", () => {
  const schema: JsonObject = { properties: { a: STRING }, required: ["b"] };
  expect(writeFields(toInput(schema))).toEqual({ a: "String", b: "JSON" });
  expect(writeFields(toInput({ ...schema, additionalProperties: false }))).toEqual({ a: "String" });
});

test("a name that GraphQL can't write is a JSON field that gives its real name", () => {
  const input = toInput({
    properties: { "2nd-image": STRING, ctrl_img: STRING, ["__proto__"]: STRING },
    required: ["2nd-image"],
  });
  expect(input.fields).toMatchObject([
    {
      name: "2nd-image",
      graphqlName: "_2ndImage",
      shape: { scalar: "JSON" },
      isRequired: true,
      rules: ["Its real name is `2nd-image`."],
    },
    { name: "ctrl_img", graphqlName: "ctrlImg", shape: { scalar: "String" }, rules: [] },
    { name: "__proto__", graphqlName: "proto", shape: { scalar: "JSON" } },
  ]);
});

test.each<[JsonObject, boolean]>([
  [{ additionalProperties: false }, true],
  [{ additionalProperties: true }, false],
  [{ patternProperties: { "^x": STRING } }, false],
  [{ allOf: [{ unevaluatedProperties: true }] }, false],
])("a nested object with %j is typed: %s", (more, isTyped) => {
  const schema: JsonObject = { type: "object", properties: { a: STRING }, ...more };
  expect(toFieldOf(schema).shape.kind).toBe(isTyped ? "object" : "scalar");
  expect(writeFields(toInput(schema))).toEqual({ a: "String" });
});

test.each<JsonObject>([
  {},
  STRING,
  { type: "object", allOf: [{ ...STRING, properties: { a: STRING } }] },
])("there is no type of %j", (schema) => {
  expect(toObjectShape(documentOf(schema), OPTIONS)).toBeNull();
});

test("one target is one type, whatever stands beside the references", () => {
  const lora: JsonValue = { type: "object", properties: { path: STRING }, description: "One." };
  const { fields } = toInput({
    $defs: { lora, mode: { enum: ["a"] } },
    properties: {
      first: { $ref: "#/$defs/lora", description: "The first." },
      second: { anyOf: [{ $ref: "#/$defs/lora" }, NULL] },
      all: { type: "array", items: { allOf: [{ $ref: "#/$defs/lora" }] } },
      mode: { $ref: "#/$defs/mode" },
      otherMode: { $ref: "#/$defs/mode", default: "a" },
      Mode: { enum: ["b"] },
    },
  });
  expect(fields.map(({ shape }) => writeType(shape))).toEqual([
    "GlowInput_First!",
    "GlowInput_First",
    "[GlowInput_First!]!",
    "GlowInput_Mode!",
    "GlowInput_Mode!",
    // Types that would be named alike are numbered.
    "GlowInput_Mode2!",
  ]);
  expect(fields[0]).toMatchObject({
    description: "The first.",
    shape: { object: { description: "One." } },
  });
});
