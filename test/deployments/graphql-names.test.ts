import fc from "fast-check";
import { expect, test } from "vitest";

import {
  toEnumNames,
  toFieldNames,
  toMemberTypeName,
  toSubmitField,
  toTypeName,
} from "../../src/engine/deployments/graphql-names.ts";

const NAME = /^(?!__)[_A-Za-z][_0-9A-Za-z]*$/;

test.each([
  ["warm-glow", "WarmGlow"],
  ["FLUX.2 klein", "Flux2Klein"],
  ["my loRA", "MyLoRa"],
  ["Café Crème", "CafeCreme"],
  ["3D poll", "_3DPoll"],
  ["日本", "Dep1"],
])("the type of %j is named %s", (name, typeName) => {
  expect(toTypeName(name, "dep-1")).toBe(typeName);
  expect(toTypeName("日本", "--")).toBe("Deployment");
});

test("a mutation and a nested type are named after their type", () => {
  expect(toSubmitField("WarmGlow")).toBe("submitWarmGlow");
  expect(toSubmitField("_3DPoll")).toBe("submit3DPoll");
  expect(toMemberTypeName("WarmGlowInput", "ctrlImgs")).toBe("WarmGlowInput_CtrlImgs");
  expect(toMemberTypeName("WarmGlowInput", "_")).toBe("WarmGlowInput_Value");
});

test.each([
  ["ctrl_img_1", "ctrlImg1"],
  ["CFGScale", "cfgScale"],
  ["use_SDXL", "useSdxl"],
  ["_private", "private"],
  ["_", "_"],
  ["_4x", "_4x"],
  ["2nd-image", "_2ndImage"],
  ["naïve mode", "naiveMode"],
  ["日本", "field"],
  ["__proto__", "proto"],
])("the field of %j is named %s", (name, field) => {
  expect(toFieldNames([name]).get(name)).toBe(field);
});

test.each<[string[], string[]]>([
  [
    ["foo_bar", "fooBar"],
    ["fooBar", "fooBar_2"],
  ],
  [
    ["日", "field", "本", "constructor"],
    ["field", "field_2", "field_3", "constructor_2"],
  ],
])("names that collide are distinguished: %j", (names, fields) => {
  const found = toFieldNames(names);
  expect(names.map((name) => found.get(name))).toEqual(fields);
});

test.each<[string | number, string]>([
  ["Default", "DEFAULT"],
  ["SDXLTurbo", "SDXL_TURBO"],
  ["dpm++ 2m", "DPM_2M"],
  ["16:9", "_16_9"],
  ["__typename", "TYPENAME"],
  [512, "_512"],
  [-1, "MINUS_1"],
  [-0.5, "MINUS_0_5"],
  ["", "EMPTY"],
  ["日本", "VALUE"],
])("the enum value of %j is named %s", (value, name) => {
  expect(toEnumNames([value]).get(value)).toBe(name);
});

const TEXTS = fc.uniqueArray(
  fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: fc.constantFrom("a", "B", "_", "-", "1", " ") }),
  ),
  { maxLength: 30 },
);

test("whatever the names, each has one that GraphQL takes and no other has", () => {
  fc.assert(
    fc.property(TEXTS, (names) => {
      for (const found of [toFieldNames(names), toEnumNames(names)]) {
        expect(new Set(found.keys())).toEqual(new Set(names));
        expect(new Set(found.values()).size).toBe(names.length);
        for (const name of found.values()) expect(name).toMatch(NAME);
      }
      for (const name of names) expect(toTypeName(name, "x")).toMatch(/^(_(?=\d))?[0-9A-Za-z]+$/);
    }),
    { numRuns: 50 },
  );
});
