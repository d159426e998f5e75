import { describe, expect, it } from "vitest";

import { findModel } from "../../src/deployments/model-profile.ts";
import type { JsonObject } from "../../src/job/json.ts";
import { camelCase, checkOf, toTexts } from "../support/document-of.ts";

function warningsOf(schema: JsonObject, input: JsonObject, model?: string) {
  return toTexts(checkOf(schema, findModel(model ?? ""))(input, camelCase).warnings);
}

describe("an input's warnings", () => {
  it("tell which members no part of the schema speaks of, wherever they are", () => {
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
