import { describe, expect, it } from "vitest";

import { createChecks } from "../../src/deployments/check/create-checks.ts";
import type { JsonSchema, JsonSchemaObject } from "../../src/deployments/json-schema.ts";
import type { InputIssue, Spelling } from "../../src/job/input-issue.ts";
import { toPathText } from "../../src/job/input-issue.ts";
import type { JsonObject, JsonValue } from "../../src/job/json.ts";

const asItIs: Spelling = (path) => path;
const camelCase: Spelling = (path) =>
  path.map((segment) =>
    typeof segment === "string"
      ? segment.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
      : segment,
  );

function check(schema: JsonSchemaObject, input: JsonObject, spell = asItIs) {
  return createChecks().inputCheck(schema, { divisor: 16 })(input, spell);
}

function toTexts(issues: readonly InputIssue[]): string[] {
  return issues.map(({ path, message }) => `${toPathText(path)}: ${message}`);
}

/** The issues of one value under one schema, which is the member `x` of a closed object. */
function issuesOf(schema: JsonSchema, value: JsonValue, $defs: Record<string, JsonSchema> = {}) {
  const { issues } = check(
    { $defs, type: ["object"], properties: { x: schema }, additionalProperties: false },
    { x: value },
  );
  return toTexts(issues);
}

const profile: JsonSchemaObject = {
  type: ["object"],
  properties: {
    prompt: { type: ["string"], minLength: 1 },
    width: { type: ["integer"], minimum: 64, maximum: 4_096, default: 1_024 },
    height: { type: ["integer"], minimum: 64, maximum: 4_096, default: 1_024 },
    resolution: { enum: ["Default", "High"] },
    ctrl_img: { type: ["string"], format: "image_uri" },
    ctrl_img_1: { type: ["string"], format: "image_uri" },
  },
  required: ["prompt", "width"],
  anyOf: [{ required: ["ctrl_img"] }, { required: ["ctrl_img_1"] }],
  additionalProperties: false,
};

describe("an input's issues", () => {
  it("are told all at once, in the words and the spelling of the call", () => {
    const input = { width: 5_000, height: "tall", resolution: "high", ctrl_imgg: "x", steps: 1 };
    expect(toTexts(check(profile, input, camelCase).issues)).toEqual([
      ": needs at least one of ctrlImg or ctrlImg1",
      "prompt: is missing; it is required",
      "ctrlImgg: is not known here; did you mean ctrlImg or ctrlImg1?",
      "steps: is not known here; leave it out, or use prompt, width, height, resolution, ctrlImg or ctrlImg1",
      "width: is 5000; the most is 4096",
      "height: is a string, but must be an integer",
      'resolution: must be "Default" or "High"',
    ]);
  });

  it("name what is wrong with a URL", () => {
    const { issues } = check(profile, { prompt: "x", ctrl_img: "http://example.com/a.png" });
    expect(toTexts(issues)).toEqual([
      "ctrl_img: must start with https://; put the file on a public host and give its full URL",
    ]);
  });

  it.each<[string, JsonSchema, JsonValue, string[]]>([
    ["type", { type: ["string"] }, 1, ["x: is a number, but must be a string"]],
    ["type", { type: ["integer"] }, 1.5, ["x: is 1.5, but must be an integer"]],
    ["type", { type: ["array", "null"] }, {}, ["x: is an object, but must be a list or null"]],
    ["type beside enum", { type: ["string"], enum: ["a"] }, 5, ['x: must be "a"']],
    [
      "type against enum",
      { type: ["string"], enum: [1] },
      1,
      ["x: is a number, but must be a string"],
    ],
    ["const", { const: { a: 1 } }, 1, ['x: must be {"a":1}']],
    [
      "enum",
      { enum: ["Default", "High", "Low"] },
      "high",
      ['x: must be "Default", "High" or "Low"; did you mean "High"?'],
    ],
    [
      "a long enum",
      { enum: Array.from({ length: 40 }, (_, index) => index) },
      -1,
      ["x: must be 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 or 30 others"],
    ],
    ["minimum", { minimum: 1 }, 0, ["x: is 0; the least is 1"]],
    ["exclusiveMinimum", { exclusiveMinimum: 0 }, 0, ["x: is 0; it must be more than 0"]],
    ["exclusiveMaximum", { exclusiveMaximum: 0 }, 0, ["x: is 0; it must be less than 0"]],
    ["multipleOf", { multipleOf: 3 }, 4, ["x: is 4; it must be a multiple of 3"]],
    ["multipleOf of fractions", { multipleOf: 0.1 }, 0.3, []],
    ["minLength", { minLength: 1 }, "", ["x: has 0 characters; the least is 1"]],
    ["maxLength", { maxLength: 1 }, "😀😀", ["x: has 2 characters; the most is 1"]],
    ["pattern", { pattern: "^a\\-$" }, "b", ['x: must match the pattern "^a\\\\-$"']],
    ["minItems", { minItems: 2 }, [1], ["x: has 1 item; the least is 2"]],
    ["maxItems", { maxItems: 1 }, [1, 2], ["x: has 2 items; the most is 1"]],
    ["items", { prefixItems: [true], items: false }, [1, 2], ["x: has 2 items; the most is 1"]],
    [
      "unevaluatedItems",
      { prefixItems: [true], unevaluatedItems: false },
      [1, 2],
      ["x: has more items than are known here; leave the last ones out"],
    ],
    [
      "uniqueItems",
      { uniqueItems: true },
      [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ],
      ["x: has an item more than once; keep one of each"],
    ],
    [
      "contains",
      { contains: { type: ["null"] } },
      [1, 2],
      ["x: needs at least 1 item of a certain kind; change its items"],
    ],
    [
      "maxContains",
      { contains: true, minContains: 1, maxContains: 2 },
      [1, 2, 3],
      ["x: needs 1 to 2 items of a certain kind; change its items"],
    ],
    [
      "items of a list",
      { items: { type: ["string"] } },
      ["a", 1, null],
      ["x[1]: is a number, but must be a string", "x[2]: is null, but must be a string"],
    ],
    ["minProperties", { minProperties: 1 }, {}, ["x: has 0 members; the least is 1"]],
    ["maxProperties", { maxProperties: 0 }, { a: 1 }, ["x: has 1 member; the most is 0"]],
    [
      "dependentRequired",
      { dependentRequired: { a: ["b"] } },
      { a: 1 },
      ["x.b: is missing; it is required beside a"],
    ],
    [
      "propertyNames",
      { propertyNames: { maxLength: 1 } },
      { ab: 1 },
      ["x.ab: has a name that is refused; the name has 2 characters; the most is 1"],
    ],
    [
      "propertyNames: false",
      { propertyNames: false },
      { ab: 1 },
      ["x.ab: has a name that is refused; the name is not allowed here; leave it out"],
    ],
    [
      "a property that is false",
      { properties: { a: false } },
      { a: 1 },
      ["x.a: is not allowed here; leave it out"],
    ],
    [
      "additionalProperties",
      { additionalProperties: false },
      { a: 1 },
      ["x.a: is not known here; leave it out"],
    ],
    [
      "unevaluatedProperties",
      { allOf: [{ properties: { width: true } }], unevaluatedProperties: false },
      { widht: 1 },
      ["x.widht: is not known here; did you mean width?"],
    ],
    [
      "unevaluatedProperties of a branch",
      // oxlint-disable-next-line unicorn/no-thenable
      { if: { required: ["a"] }, then: { properties: { b: true } }, unevaluatedProperties: false },
      { b: 1 },
      ["x.b: does not go with the other members; leave it out or correct those"],
    ],
    ["not required", { not: { required: ["a"] } }, { a: 1 }, ["x: must not have a; leave it out"]],
    [
      "not both",
      { not: { required: ["a", "b"] } },
      { a: 1, b: 1 },
      ["x: must not have all of a and b; leave one out"],
    ],
    ["not const", { not: { const: "a" } }, "a", ['x: must not be "a"']],
    ["not", { not: { minimum: 3 } }, 3, ["x: is of a form that is not allowed; try another value"]],
    [
      "a format in not",
      { not: { format: "image_uri" } },
      "https://example.com/a.png",
      ["x: is of a form that is not allowed; try another value"],
    ],
    ["an unknown format", { format: "email" }, "x", []],
    [
      "if and then",
      // oxlint-disable-next-line unicorn/no-thenable
      { if: { type: ["string"] }, then: { minLength: 2 } },
      "a",
      ["x: has 1 character; the least is 2"],
    ],
    [
      "anyOf by type",
      { anyOf: [{ type: ["string"] }, { type: ["null"] }] },
      1,
      ["x: is a number, but must be a string or null"],
    ],
    [
      "anyOf with one that is meant",
      { anyOf: [{ type: ["integer"], maximum: 3 }, { type: ["null"] }] },
      5,
      ["x: is 5; the most is 3"],
    ],
    [
      "anyOf with a format",
      { anyOf: [{ type: ["string"], format: "image_uri" }, { type: ["null"] }] },
      "https://localhost/",
      [
        "x: must be on a public host, not a local, private or reserved one; put the file where anyone can fetch it",
      ],
    ],
    [
      "anyOf of constants",
      { oneOf: [{ const: "a" }, { const: "b" }] },
      "c",
      ['x: must be "a" or "b"'],
    ],
    [
      "anyOf",
      { anyOf: [{ minimum: 3 }, { multipleOf: 2 }] },
      1,
      ["x: fits none of the 2 forms it may have; try another value"],
    ],
    [
      "oneOf by required",
      { oneOf: [{ required: ["a"] }, { required: ["b", "c"] }] },
      {},
      ["x: needs exactly one of a or b and c"],
    ],
    [
      "too many of required",
      { oneOf: [{ required: ["a"] }, { required: ["b"] }] },
      { a: 1, b: 1 },
      ["x: may have only one of a or b; leave the others out"],
    ],
    [
      "too many of oneOf",
      { oneOf: [{ minimum: 3 }, { multipleOf: 2 }] },
      4,
      ["x: fits more than one of the 2 forms it may have; change it so that it fits only one"],
    ],
  ])("read well for %s", (_, schema, value, expected) => {
    expect(issuesOf(schema, value)).toEqual(expected);
  });

  it("are those of the one form that a constant tells", () => {
    const $defs: Record<string, JsonSchema> = {
      circle: {
        properties: { kind: { const: "circle" }, radius: { type: ["number"] } },
        required: ["radius"],
      },
      square: {
        properties: { kind: { const: "square" }, side: { type: ["number"] } },
        required: ["side"],
      },
    };
    const shape = { oneOf: [{ $ref: "#/$defs/circle" }, { $ref: "#/$defs/square" }] };
    expect(
      issuesOf(
        { items: shape },
        [{ kind: "square" }, { kind: "circle", radius: "1" }, { kind: "line" }],
        $defs,
      ),
    ).toEqual([
      "x[0].side: is missing; it is required",
      "x[1].radius: is a string, but must be a number",
      'x[2]: fits none of the 2 forms it may have: its kind must be "circle" or "square"',
    ]);
  });

  it("are told once where several schemas say the same", () => {
    const $defs = { text: { type: ["string"] } } as const;
    const twice = { allOf: [{ $ref: "#/$defs/text" }, { $ref: "#/$defs/text" }] };
    expect(issuesOf(twice, 1, $defs)).toEqual(["x: is a number, but must be a string"]);
  });

  it("hold no more than 60 characters of a value", () => {
    expect(issuesOf({ maximum: 1 }, 1.234_567_890_123_456e300)).toHaveLength(1);
    const [issue = ""] = issuesOf({ const: "y".repeat(100) }, "z".repeat(10_000));
    expect(issue).toBe(`x: must be "${"y".repeat(58)}…`);
  });

  it("are at most 50, and of an input of very many values only the first", () => {
    const list: JsonSchemaObject = {
      properties: { x: { items: { $ref: "#/$defs/text" } } },
      $defs: { text: { type: ["string"] } },
    };
    expect(check(list, { x: Array(1_000).fill(1) }).issues).toHaveLength(50);
    expect(toTexts(check(list, { x: Array(100_000).fill(1) }).issues)).toEqual([
      "x[0]: is a number, but must be a string",
    ]);
  });

  it("take keys that every object inherits for members only where they are", () => {
    const schema: JsonSchemaObject = {
      properties: { a: true },
      required: ["constructor", "valueOf"],
      additionalProperties: false,
    };
    const hostile: JsonObject = JSON.parse('{"__proto__":{"a":1},"then":1}');
    expect(toTexts(check(schema, hostile).issues)).toEqual([
      "constructor: is missing; it is required",
      "valueOf: is missing; it is required",
      "__proto__: is not known here; leave it out, or use a",
      // oxlint-disable-next-line unicorn/no-thenable
      "then: is not known here; leave it out, or use a",
    ]);
    expect(issuesOf({ enum: [{ a: 1 }] }, { valueOf: 1 })).toEqual(['x: must be {"a":1}']);
  });
});

describe("a checked input", () => {
  it("has the defaults, in a copy of its own", () => {
    const schema: JsonSchemaObject = {
      properties: { list: { default: [1] }, deep: { properties: { a: { default: { b: 1 } } } } },
    };
    const inputCheck = createChecks().inputCheck(schema, { divisor: null });
    const input: JsonObject = JSON.parse('{"deep":{},"__proto__":1,"constructor":2}');
    const before = JSON.stringify(input);
    const first = inputCheck(input, asItIs).input;
    expect(JSON.stringify(first)).toBe(
      '{"deep":{"a":{"b":1}},"__proto__":1,"constructor":2,"list":[1]}',
    );
    expect(JSON.stringify(input)).toBe(before);
    Object.assign(first["list"] ?? {}, { 0: "changed" });
    Object.assign(first["deep"] ?? {}, { a: "changed" });
    expect(inputCheck(input, asItIs).input).toMatchObject({ list: [1], deep: { a: { b: 1 } } });
  });

  it("leaves to the upstream what the schema itself refuses, even where it is required", () => {
    const schema: JsonSchemaObject = {
      properties: {
        steps: { type: ["integer"], maximum: 10, default: 25 },
        name: { type: ["string"], default: null },
        image: { $ref: "#/$defs/image", default: "" },
        size: { type: ["integer"], default: 3 },
        maybe: { type: ["string", "null"], default: null },
      },
      required: ["steps", "name", "image", "size", "maybe"],
      $defs: { image: { type: ["string"], format: "image_uri" } },
    };
    expect(check(schema, {})).toMatchObject({ issues: [], input: { size: 3, maybe: null } });
    expect(check(schema, {}).input).toEqual({ size: 3, maybe: null });
    expect(toTexts(check(schema, { steps: 25 }).issues)).toEqual(["steps: is 25; the most is 10"]);
  });

  it("has no defaults of a form that it does not have", () => {
    const $defs: Record<string, JsonSchema> = {
      a: {
        properties: { kind: { const: "a" }, more: { $ref: "#/$defs/more" }, x: { default: 1 } },
        required: ["kind"],
        additionalProperties: false,
      },
      b: {
        properties: { kind: { const: "b" }, y: { default: 2 } },
        required: ["kind"],
        additionalProperties: false,
      },
      more: { properties: { z: { default: 3 } } },
    };
    const schema: JsonSchemaObject = {
      $defs,
      properties: {
        form: { oneOf: [{ $ref: "#/$defs/a" }, { $ref: "#/$defs/b" }] },
        more: { $ref: "#/$defs/more" },
      },
    };
    const input = { form: { kind: "b" }, more: {} };
    expect(check(schema, input)).toMatchObject({ issues: [] });
    expect(check(schema, input).input).toEqual({ form: { kind: "b" }, more: { z: 3 } });
  });

  it("may follow a schema that refers to itself", () => {
    const schema: JsonSchemaObject = {
      properties: {
        name: { type: ["string"], default: "node" },
        next: { $ref: "#" },
        any: { anyOf: [{ $ref: "#" }, { type: ["null"] }] },
      },
    };
    expect(check(schema, { next: {}, any: { any: {} } }).input).toEqual({
      name: "node",
      next: { name: "node" },
      any: { name: "node", any: { name: "node" } },
    });
    expect(check(schema, { next: { next: {} }, any: { any: { next: { name: 1 } } } })).toEqual({
      input: { next: { next: {} }, any: { any: { next: { name: 1 } } } },
      issues: [
        { path: ["any", "any", "next", "name"], message: "is a number, but must be a string" },
      ],
      warnings: [],
    });
  });
});

describe("the check of an output", () => {
  it("changes nothing, fills in nothing and takes any URL", () => {
    const accepts = createChecks().outputCheck({
      properties: {
        image: { type: ["string"], format: "image_uri" },
        seed: { type: ["integer"], default: 1 },
      },
      required: ["image"],
    });
    const output = { image: "http://localhost/" };
    expect(accepts(output)).toBe(true);
    expect(output).toEqual({ image: "http://localhost/" });
    expect(accepts({ image: 1 })).toBe(false);
    expect(
      createChecks().outputCheck({ properties: { a: { default: 1 } }, required: ["a"] })({}),
    ).toBe(false);
  });
});

describe("a check", () => {
  const tree: JsonSchemaObject = {
    properties: { root: { $ref: "#/$defs/n" } },
    $defs: {
      n: {
        type: ["object"],
        anyOf: ["a", "b"].map((kind) => ({
          properties: { child: { $ref: "#/$defs/n" }, kind: { const: kind } },
        })),
      },
    },
  };
  const nest = (depth: number): JsonObject =>
    depth === 0 ? { kind: "c" } : { kind: "a", child: nest(depth - 1) };

  it("ends on an input that doubles the work with each level, and refuses it", () => {
    expect(check(tree, { root: nest(60) })).toMatchObject({
      issues: [{ path: [], message: expect.stringContaining("too much work to check") }],
    });
    expect(createChecks().outputCheck(tree)({ root: nest(60) })).toBe(false);
    expect(check(tree, { root: { kind: "a", child: { kind: "b" } } })).toMatchObject({
      issues: [],
    });
  });

  it("ends on a pattern that would match for ever", () => {
    const schema: JsonSchemaObject = {
      properties: { text: { type: ["string"], pattern: "^(\\w+\\s?)*$", maxLength: 80 } },
    };
    const text = `${"a".repeat(70)}!`;
    expect(check(schema, { text }).issues).toMatchObject([
      { path: [], message: expect.stringContaining("too much work") },
    ]);
    expect(check(schema, { text: "words with spaces, no end" }).issues).toMatchObject([
      { path: ["text"] },
    ]);
    expect(check(schema, { text: "words with spaces and no end" }).issues).toEqual([]);
    // Where the check does not ask, the search for unknown members might.
    const name: JsonSchemaObject = { patternProperties: { "^(\\w+\\s?)*$": {} } };
    // oxlint-disable-next-line unicorn/no-thenable
    const asked: JsonSchemaObject = { if: { required: ["x"] }, then: name };
    expect(check({ properties: { extra: asked } }, { extra: { [text]: 1 } })).toMatchObject({
      issues: [],
    });
  });

  it("takes large inputs of schemas with many alternatives and patterns", () => {
    const kinds = Array.from({ length: 200 }, (_, index) => `kind${index}`);
    const schema: JsonSchemaObject = {
      $defs: Object.fromEntries(
        kinds.map((kind): [string, JsonSchemaObject] => [
          kind,
          {
            type: ["object"],
            properties: { kind: { const: kind }, url: { type: ["string"], pattern: "^https?://" } },
            required: ["kind"],
          },
        ]),
      ),
      properties: {
        nodes: {
          type: ["array"],
          items: { oneOf: kinds.map((kind) => ({ $ref: `#/$defs/${kind}` })) },
        },
      },
    };
    const nodes = kinds.map((kind) => ({ kind, url: "https://files.example/a.png" }));
    expect(check(schema, { nodes }).issues).toEqual([]);
  });

  it("does not tell what only a default that it filled in itself would break", () => {
    const schema: JsonSchemaObject = {
      properties: {
        image: { type: ["string"], default: "d" },
        video: { type: ["string"] },
        width: { type: ["integer"] },
      },
      oneOf: [{ required: ["image"] }, { required: ["video"] }],
    };
    expect(check(schema, { video: "v" })).toEqual({
      input: { video: "v" },
      issues: [],
      warnings: [],
    });
    expect(toTexts(check(schema, { video: "v", width: "x" }).issues)).toEqual([
      "width: is a string, but must be an integer",
    ]);
  });

  it("tells patterns apart, however many there are", () => {
    const schema: JsonSchemaObject = {
      properties: {
        a: { type: ["string"], pattern: "^a+$" },
        b: { type: ["string"], pattern: "^b+$" },
      },
    };
    expect(check(schema, { a: "a".repeat(20), b: "b".repeat(20) }).issues).toEqual([]);
    expect(check(schema, { a: "b", b: "a".repeat(20) }).issues).toHaveLength(2);
  });

  it("takes more errors below one alternative than a call takes parameters", () => {
    const names = Array.from({ length: 80 }, (_, index) => `field${index}`);
    const schema: JsonSchemaObject = {
      properties: {
        list: {
          anyOf: [
            { type: ["array"], items: { type: ["object"], required: names } },
            { type: ["null"] },
          ],
        },
      },
    };
    const list = Array.from({ length: 1_990 }, () => ({}));
    expect(check(schema, { list }).issues).toHaveLength(50);
  });

  it("leaves an input that Ajv fails at to the upstream, with a warning", () => {
    const schema: JsonSchemaObject = {
      properties: {
        options: {
          patternProperties: { "^a": { type: ["number"] } },
          anyOf: [{ unevaluatedProperties: false }, true],
        },
      },
    };
    const input = { options: { a: 1, b: 2 } };
    expect(check(schema, input)).toEqual({
      input,
      issues: [],
      warnings: [{ path: [], message: expect.stringContaining("could not be checked") }],
    });
    expect(createChecks().outputCheck(schema)(input)).toBe(false);
  });

  it("looks at each default alone", () => {
    const schema: JsonSchemaObject = {
      properties: {
        width: { type: ["integer"], maximum: 10, default: 5_000 },
        options: {
          default: { a: 1 },
          patternProperties: { "^a": true },
          anyOf: [{ unevaluatedProperties: false }, true],
        },
      },
    };
    expect(check(schema, {}).issues).toEqual([]);
  });

  it("fills in what an optional part has by default", () => {
    const part: JsonSchemaObject = {
      type: ["object"],
      properties: { image: { type: ["string"] }, strength: { type: ["number"], default: 1 } },
      required: ["image", "strength"],
    };
    const nothing: JsonSchemaObject = { type: ["null"] };
    const schema: JsonSchemaObject = {
      $defs: { part },
      properties: {
        one: { anyOf: [{ $ref: "#/$defs/part" }, nothing] },
        other: { oneOf: [nothing, { $ref: "#/$defs/part" }] },
        list: { anyOf: [{ type: ["array"], items: { $ref: "#/$defs/part" } }, nothing] },
      },
    };
    const input = { one: { image: "a" }, other: { image: "b" }, list: [{ image: "c" }] };
    expect(check(schema, input)).toEqual({
      input: {
        one: { image: "a", strength: 1 },
        other: { image: "b", strength: 1 },
        list: [{ image: "c", strength: 1 }],
      },
      issues: [],
      warnings: [],
    });
    expect(check(schema, { one: null, other: null, list: null }).issues).toEqual([]);
    expect(check(schema, { one: 5, list: [{}] }).issues).toEqual([
      { path: ["one"], message: "is a number, but must be an object" },
      { path: ["list", 0, "image"], message: "is missing; it is required" },
    ]);
  });

  it.each<[string, JsonSchemaObject]>([
    ["in allOf", { allOf: [{ required: ["a"] }] }],
    ["before the properties' own", { allOf: [{ required: ["a"] }, { properties: { a: true } }] }],
    ["beside another", { dependentRequired: { p: ["a"] } }],
    // oxlint-disable-next-line unicorn/no-thenable
    ["by a then", { if: { required: ["p"] }, then: { required: ["a"] } }],
  ])("lets a required member with a default be left out: %s", (_title, schema) => {
    const properties = { a: { type: ["integer"], default: 1 }, p: true } as const;
    expect(check({ ...schema, properties }, { p: "x" })).toMatchObject({
      input: { p: "x", a: 1 },
      issues: [],
    });
  });

  it("asks for nothing whose default its own schema refuses", () => {
    const schema: JsonSchemaObject = {
      properties: { a: { type: ["integer"], maximum: 5, default: 9 }, p: true },
      required: ["a"],
      dependentRequired: { p: ["a"] },
    };
    expect(check(schema, { p: "x" })).toMatchObject({ input: { p: "x" }, issues: [] });
  });

  it("knows members that every object inherits only where they are the input's own", () => {
    const text: JsonSchemaObject = { type: ["string"], default: "c" };
    const properties = Object.fromEntries([
      ["constructor", text],
      ["valueOf", text],
      ["__proto__", { type: ["string"] }],
    ]);
    const schema: JsonSchemaObject = { properties, additionalProperties: false };
    const { input, issues } = check(schema, JSON.parse('{"__proto__":"p"}'));
    expect(issues).toEqual([]);
    expect(JSON.stringify(input)).toBe('{"__proto__":"p","constructor":"c","valueOf":"c"}');
    expect(check(schema, JSON.parse('{"__proto__":5}')).issues).toHaveLength(1);
  });

  it("tells which tags there are where none of several forms has the one given", () => {
    const form = (type: string): JsonSchemaObject => ({
      type: ["object"],
      properties: { type: { const: type }, [type]: { type: ["string"] } },
      required: ["type", type],
    });
    const schema: JsonSchemaObject = { properties: { src: { oneOf: [form("url"), form("b64")] } } };
    for (const src of [{ type: "urll", url: "x" }, { url: "x" }]) {
      expect(check(schema, { src }).issues).toEqual([
        {
          path: ["src"],
          message: 'fits none of the 2 forms it may have: its type must be "url" or "b64"',
        },
      ]);
    }
  });
});
