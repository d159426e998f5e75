import { describe, expect, it } from "vitest";

import { createChecks } from "../../src/deployments/check/create-checks.ts";
import type { JsonSchemaObject } from "../../src/deployments/json-schema.ts";
import type { InputIssue, Spelling } from "../../src/job/input-issue.ts";
import { toPathText } from "../../src/job/input-issue.ts";
import type { JsonObject } from "../../src/job/json.ts";

const camelCase: Spelling = (path) =>
  path.map((segment) =>
    typeof segment === "string"
      ? segment.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
      : segment,
  );

function warningsOf(schema: JsonSchemaObject, input: JsonObject, divisor: number | null = null) {
  return toTexts(createChecks().inputCheck(schema, { divisor })(input, camelCase).warnings);
}

function toTexts(issues: readonly InputIssue[]): string[] {
  return issues.map(({ path, message }) => `${toPathText(path)}: ${message}`);
}

describe("an input's warnings", () => {
  it("tell which sizes are floored, given or filled in, where the divisor is known", () => {
    const schema: JsonSchemaObject = {
      properties: { width: true, height: { type: ["integer"], default: 1_000 } },
    };
    expect(warningsOf(schema, { width: 1_000 }, 16)).toEqual([
      "width: width 1000 is rounded down to 992, a multiple of 16",
      "height: height 1000 is rounded down to 992, a multiple of 16",
    ]);
    expect(warningsOf(schema, { width: 1_024, height: 1_001 }, 32)).toEqual([
      "height: height 1001 is rounded down to 992, a multiple of 32",
    ]);
    expect(warningsOf(schema, { width: 1_000 })).toEqual([]);
  });

  it("tell which members no part of an open object's schema knows, wherever they are", () => {
    const node: JsonSchemaObject = {
      properties: {
        ctrl_img: true,
        children: { items: { $ref: "#" } },
        map: { type: ["object"] },
        free: true,
      },
      patternProperties: { "^x-": { properties: { deep: true } } },
      allOf: [{ properties: { from_all: true } }],
      anyOf: [
        { properties: { from_any: { properties: { inner: true } } } },
        { required: ["named"] },
      ],
      if: { properties: { from_if: true } },
      // oxlint-disable-next-line unicorn/no-thenable
      then: { properties: { from_then: true } },
      else: { properties: { from_else: true } },
      dependentSchemas: { ctrl_img: { properties: { from_dependent: true } } },
    };
    const input = {
      ctrl_imgg: 1,
      "x-1": { deeep: 1 },
      children: [{ children: [{ zzzzzzzzz: 1 }] }],
      map: { any: 1 },
      free: { any: 1 },
      from_all: 1,
      from_any: { inner: 1, outer: 1 },
      named: 1,
      from_if: 1,
      from_then: 1,
      from_else: 1,
      from_dependent: 1,
    };
    expect(warningsOf(node, input)).toEqual([
      "ctrlImgg: ctrlImgg is not known here and is sent as it is; did you mean ctrlImg?",
      "x-1.deeep: deeep is not known here and is sent as it is; did you mean deep?",
      "children[0].children[0].zzzzzzzzz: zzzzzzzzz is not known here and is sent as it is",
      "fromAny.outer: outer is not known here and is sent as it is; did you mean inner?",
    ]);
  });

  it.each<[string, JsonSchemaObject]>([
    ["refuses", { properties: { a: true }, additionalProperties: false }],
    ["describes", { properties: { a: true }, additionalProperties: { type: ["integer"] } }],
    ["refuses in allOf", { allOf: [{ properties: { a: true } }], unevaluatedProperties: false }],
    ["has a pattern for", { properties: { a: true }, patternProperties: { other: true } }],
    ["is a map of", { type: ["object"] }],
  ])("are none where the schema %s other members", (_, schema) => {
    expect(warningsOf(schema, { other: 1 })).toEqual([]);
  });

  it("are at most 50", () => {
    const members = Array.from({ length: 1_000 }, (_, index) => [`x${index}`, 1] as const);
    const warnings = warningsOf({ properties: { a: true } }, Object.fromEntries(members));
    expect(warnings).toHaveLength(50);
  });
});
