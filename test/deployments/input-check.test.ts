import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it, onTestFinished, vi } from "vitest";

import { createChecks } from "../../src/engine/deployments/create-checks.ts";
import { findModel } from "../../src/engine/deployments/model-profile.ts";
import type { JsonObject, JsonValue } from "../../src/engine/job/json.ts";
import { camelCase, checkOf, documentOf, toTexts } from "../support/document-of.ts";

/** The issues of one value under one schema, which is the member `x` of a closed object. */
function issuesOf(schema: JsonValue, value: JsonValue, $defs: JsonObject = {}) {
  const check = checkOf({
    $defs,
    type: "object",
    properties: { x: schema },
    additionalProperties: false,
  });
  return toTexts(check({ x: value }).issues);
}

function accepts(schema: JsonObject, output: JsonValue): boolean {
  return createChecks().outputCheck(documentOf(schema))(output);
}

const FORTY = Array.from({ length: 40 }, (_, index) => index);

const FORMS = [{ minimum: 3 }, { multipleOf: 2 }];
const CLOSED = { properties: { ctrl_img: true }, additionalProperties: false };
const CHANGE = "change it so that it fits only one";
const UNKNOWN_B = "x.b: is not known here; leave it out";
const NOT_PUBLIC =
  "x: must be on a public host, not a local, private or reserved one; put the file where anyone can fetch it";

describe("an input's issues", () => {
  it("are reported all at once, in the spelling of the call", () => {
    const size = { type: "integer", minimum: 64 };
    const check = checkOf({ properties: { max_width: size }, required: ["ctrl_img"] });
    expect(toTexts(check({ max_width: 1 }, camelCase).issues).toSorted()).toEqual([
      "ctrlImg: is missing; it is required",
      "maxWidth: is 1; the least is 64",
    ]);
  });

  it.each<[schema: JsonValue, value: JsonValue, issue: string]>([
    [{ type: "string" }, 1, "x: must be a string"],
    [{ type: "string", nullable: true }, null, ""],
    [{ type: "string", enum: ["a"] }, 5, 'x: must be "a"'],
    [{ const: { a: 1 } }, 1, 'x: must be {"a":1}'],
    [{ enum: ["Ab", "High", 1] }, "high", 'x: must be "Ab", "High" or 1; did you mean "High"?'],
    [{ enum: FORTY }, -1, "x: must be 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 or 30 others"],
    [{ minimum: 1 }, 0, "x: is 0; the least is 1"],
    [{ multipleOf: 0.1 }, 0.3, ""],
    [{ maxLength: 1 }, "😀😀", "x: must not have more than 1 character; try another value"],
    [{ pattern: "^a\\-$" }, "b", 'x: must match pattern "^a\\-$"; try another value'],
    [{ minLength: 1 }, "", "x: must not be empty"],
    [{ uniqueItems: true }, [1, 1], "x: has an item more than once; keep one of each"],
    [{ dependentRequired: { a: ["b"] } }, { a: 1 }, "x.b: is missing; it is required"],
    [false, 1, "x: is not allowed here; leave it out"],
    [{ enum: ["Default", "High"] }, "high", 'x: must be "Default" or "High"'],
    [{ additionalProperties: false }, { a: 1 }, "x.a: is not known here; leave it out"],
    [CLOSED, { ctrl_imgg: 1 }, "x.ctrl_imgg: is not known here; did you mean ctrl_img?"],
    [{ properties: {}, unevaluatedProperties: false }, { b: 1 }, UNKNOWN_B],
    [{ not: { minimum: 3 } }, 3, "x: is of a form that is not allowed; try another value"],
    [{ format: "email" }, "x", ""],
    // oxlint-disable-next-line unicorn/no-thenable
    [{ if: { type: "integer" }, then: { minimum: 2 } }, 1, "x: is 1; the least is 2"],
    [{ anyOf: [{ type: "string" }, { type: "null" }] }, 1, "x: must be a string or null"],
    [{ anyOf: [{ type: "integer", maximum: 3 }, { type: "null" }] }, 5, "x: is 5; the most is 3"],
    [{ anyOf: [{ type: "string", format: "a_uri" }, { type: "null" }] }, "https://a/", NOT_PUBLIC],
    [{ oneOf: FORMS }, 4, `x: fits more than one of the forms it may have; ${CHANGE}`],
  ])("read well where %j meets %j: %s", (schema, value, issue) => {
    expect(issuesOf(schema, value)).toEqual(issue === "" ? [] : [issue]);
  });

  it("are those of all alternatives where the value fits none", () => {
    const circle = { properties: { kind: { const: "circle" }, radius: { type: "number" } } };
    const square = { properties: { kind: { const: "square" } }, required: ["side"] };
    const value = { kind: "circle", radius: "1" };
    expect(issuesOf({ oneOf: [circle, square, { type: "null" }] }, value)).toEqual([
      "x.side: is missing; it is required",
      'x.kind: must be "square"',
      "x.radius: must be a number",
    ]);
  });

  it("hold no more than 60 characters of a value, and each once", () => {
    const $defs = { text: { const: "y".repeat(100) } };
    const twice = { allOf: [{ $ref: "#/$defs/text" }, { $ref: "#/$defs/text" }] };
    expect(issuesOf(twice, "z".repeat(10_000), $defs)).toEqual([`x: must be "${"y".repeat(58)}…`]);
  });

  it("are at most 50", () => {
    const list = {
      properties: { x: { items: { $ref: "#/$defs/text" } } },
      $defs: { text: { type: "string" } },
    };
    expect(checkOf(list)({ x: Array(1_000).fill(1) }).issues).toHaveLength(50);
  });

  it("take keys that every object inherits for members only where they are", () => {
    const schema = {
      properties: { a: true },
      required: ["constructor", "valueOf"],
      additionalProperties: false,
    };
    const hostile: JsonObject = JSON.parse('{"__proto__":{"a":1},"then":1}');
    expect(toTexts(checkOf(schema)(hostile).issues)).toEqual([
      "constructor: is missing; it is required",
      "valueOf: is missing; it is required",
      "__proto__: is not known here; leave it out, or use a",
      // oxlint-disable-next-line unicorn/no-thenable
      "then: is not known here; leave it out, or use a",
    ]);
  });
});

describe("defaults", () => {
  it("are neither filled in nor checked, and the input stays as it is", () => {
    const check = checkOf({
      properties: {
        steps: { type: "integer", maximum: 10, default: 25 },
        deep: { type: "object", properties: { a: { default: { b: 1 } } } },
        needed: { default: 1 },
      },
      dependentRequired: { steps: ["needed"] },
    });
    const input: JsonObject = JSON.parse('{"deep":{},"__proto__":1,"constructor":2}');
    const before = JSON.stringify(input);
    expect(check(input).issues).toEqual([]);
    expect(JSON.stringify(input)).toBe(before);
    expect(toTexts(check({ steps: 25 }).issues).toSorted()).toEqual([
      "needed: is missing; it is required",
      "steps: is 25; the most is 10",
    ]);
  });
});

describe("the check of an output", () => {
  it("changes nothing, fills in nothing and takes any URL", () => {
    const schema = {
      properties: {
        image: { type: "string", format: "image_uri" },
        seed: { type: "integer", default: 1 },
      },
      required: ["image"],
    };
    const output = { image: "http://localhost/" };
    expect(accepts(schema, output)).toBe(true);
    expect(output).toEqual({ image: "http://localhost/" });
    expect(accepts(schema, { image: 1 })).toBe(false);
  });
});

describe("a check", () => {
  const toLevel = (level: number) => ({
    type: "object",
    anyOf: ["a", "b"].map((kind) => ({
      properties: { child: { $ref: `#/$defs/n${level + 1}` }, kind: { const: kind } },
    })),
  });
  const levels = Array.from({ length: 61 }, (_, level) => [`n${level}`, toLevel(level)]);
  const tree = {
    properties: { root: { $ref: "#/$defs/n0" } },
    $defs: Object.fromEntries([...levels, ["n61", true]]),
  };
  const nest = (depth: number): JsonObject =>
    depth === 0 ? { kind: "c" } : { kind: "a", child: nest(depth - 1) };

  it("ends on an input that doubles the work with each level, and refuses it", () => {
    const check = checkOf(tree);
    expect(check({ root: nest(60) })).toMatchObject({
      issues: [{ path: [], message: expect.stringContaining("too much work to check") }],
    });
    expect(check({ root: { kind: "a", child: { kind: "b" } } })).toMatchObject({ issues: [] });
  });

  it("ends on a pattern that would match for ever", () => {
    const check = checkOf({
      properties: { text: { type: "string", pattern: "^(\\w+\\s?)*$", maxLength: 80 } },
    });
    expect(check({ text: `${"a".repeat(70)}!` }).issues).toMatchObject([
      { path: [], message: expect.stringContaining("too much work") },
    ]);
    expect(check({ text: "words with spaces and no end" }).issues).toEqual([]);
  });

  it("refuses what Ajv fails at", () => {
    const schema = { properties: { x: { uniqueItems: true } } };
    const input = { x: [{ valueOf: 1 }, { valueOf: 1 }] };
    expect(checkOf(schema)(input)).toEqual({
      issues: [{ path: [], message: "can't be checked as it is; try another input" }],
      warnings: [],
    });
    expect(accepts(schema, input)).toBe(false);
  });
});

it("tries a schema that can't be compiled once, and then checks by another of its name", () => {
  const compile = vi.spyOn(Ajv2020.prototype, "compile");
  onTestFinished(() => compile.mockRestore());
  const checks = createChecks();
  const $id = "https://a.test/s.json";
  const twice = documentOf({ $id, $defs: { a: { $anchor: "x" }, b: { $anchor: "x" } } });
  const check = checks.inputCheck(twice, { shape: null, model: null });
  for (let count = 0; count < 3; count++) {
    const { issues } = check({}, (path) => path);
    expect(toTexts(issues)).toEqual([": can't be checked as it is; try another input"]);
  }
  expect(compile).toHaveBeenCalledTimes(1);
  const good = checks.inputCheck(documentOf({ $id }), { shape: null, model: null });
  expect(good({}, (path) => path).issues).toEqual([]);
});

function warningsOf(schema: JsonObject, input: JsonObject, model?: string) {
  return toTexts(checkOf(schema, findModel(model ?? ""))(input, camelCase).warnings);
}

describe("an input's warnings", () => {
  it("say which members no part of the schema mentions, wherever they are", () => {
    const schema = {
      properties: {
        ctrl_img: true,
        children: {
          type: "array",
          items: { type: "object", properties: { strength: { type: "number" } } },
        },
        map: { type: "object" },
        free: true,
      },
      allOf: [{ properties: { from_all: true } }],
      anyOf: [{ properties: { from_any: true } }, { required: ["named"] }],
    };
    const input = {
      ctrl_imgg: 1,
      children: [{ strenght: 1 }, {}],
      map: { any: 1 },
      free: { any: 1 },
      from_all: 1,
      from_any: 1,
      named: 1,
    };
    expect(warningsOf(schema, input)).toEqual([
      "ctrlImgg: ctrlImgg is not known here and is sent as it is; did you mean ctrlImg?",
      "children[0].strenght: strenght is not known here and is sent as it is; did you mean strength?",
    ]);
  });

  it.each<[string, JsonObject]>([
    ["takes", { properties: { a: true }, additionalProperties: true }],
    ["describes", { properties: { a: true }, additionalProperties: { type: "integer" } }],
    ["has a pattern for", { properties: { a: true }, patternProperties: { other: true } }],
    ["is a map of", { type: "object" }],
  ])("are none where the schema %s other members", (_, schema) => {
    expect(warningsOf(schema, { other: 1 })).toEqual([]);
  });

  it("are at most 50", () => {
    const members = Array.from({ length: 1_000 }, (_, index) => [`x${index}`, 1] as const);
    const input = { ...Object.fromEntries(members), width: 1_000 };
    const warnings = warningsOf({ properties: { a: true, width: true } }, input, "flux");
    expect(warnings).toHaveLength(50);
    expect(warnings[0]).toBe("width: width 1000 is rounded down to 992, a multiple of 16");
  });
});
