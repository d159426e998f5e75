import { expect, test } from "vitest";

import { carry, fillIn } from "../../../../console/src/model/carry";
import { readFields } from "../../../../console/src/model/fields";
import { toDraft, toInput } from "../../../../console/src/model/input";

const picture = { type: "string", format: "image_uri" };
const FIELDS = readFields({
  properties: {
    prompt: { type: "string" },
    neg: { type: "string" },
    width: { type: "integer", maximum: 512 },
    steps: { type: "integer", maximum: 50 },
    mode: { enum: ["b", "c"] },
    kind: { enum: ["b", "c"] },
    seed: { type: "integer", minimum: 0 },
    noise_seed: { type: "integer", minimum: 0 },
    image: picture,
    pictures: { type: "array", items: picture, maxItems: 2 },
    more: { type: "array", items: picture, maxItems: 1 },
    fps: { type: "string" },
    fast: { type: "boolean" },
    settings: { type: "object" },
    loras: {
      type: "array",
      maxItems: 2,
      items: { properties: { path: { type: "string" }, scale: { type: "number", maximum: 1 } } },
    },
    sound: { anyOf: [{ type: "boolean" }, { enum: ["low", "high"] }] },
  },
});
const TAKEN = {
  ...{ prompt: "A boat", steps: 50, mode: "b", seed: 7, image: "upload:upl_1", fast: false },
  ...{ pictures: ["upload:upl_2", "upload:upl_3"], settings: { a: 1 } },
  ...{ loras: [{ path: "boats", scale: 1 }], sound: "low" },
};
const MISFITS = {
  ...{ width: 1_024, kind: "a", noise_seed: -1, fps: 16, more: ["upload:upl_4", "upload:upl_5"] },
};

test("every value goes along that its field takes, and none that is no option or out of bounds", () => {
  expect(carry(FIELDS, { ...TAKEN, ...MISFITS, neg: "", elsewhere: 1 })).toEqual(TAKEN);
  expect(carry(FIELDS, "no object")).toEqual({});
});

test("a list, an object or an alternative goes along where it is taken whole", () => {
  const misfits = [
    { loras: [{ path: "boats", scale: 2 }] },
    { loras: [{ path: "boats", trigger: "boat" }] },
    { loras: [{}, {}, {}] },
    { loras: "boats" },
    { sound: "loud" },
  ];
  for (const misfit of misfits) expect(carry(FIELDS, misfit)).toEqual({});
  const unknown = { loras: [{ path: "boats", trigger: "boat" }] };
  expect(carry(FIELDS, unknown, true)).toEqual(unknown);
});

test("what is carried replaces what stood in its field, and nothing else, also where all was JSON", () => {
  const typed = { prompt: "A hut", neg: "b", ...toDraft(FIELDS, { loras: [{ path: "huts" }] }) };
  const carried = { prompt: "A boat", loras: [{ scale: 1 }] };
  const filled = { prompt: "A boat", neg: "b", loras: [{ scale: 1 }] };
  expect(toInput(FIELDS, fillIn(FIELDS, typed, carried)).input).toEqual(filled);
  const json = { "~": "json", "": '{ "neg": "b", "prompt": "A hut" }' };
  expect(toInput(FIELDS, fillIn(FIELDS, json, carried)).input).toEqual(filled);
});

test("within a deployment what is empty or has no field goes along too", () => {
  const given = { ...TAKEN, neg: "", width: null, elsewhere: 1 };
  expect(carry(FIELDS, { ...given, ...MISFITS, width: null }, true)).toEqual(given);
});
