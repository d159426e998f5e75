import { expect, test } from "vitest";

import { toDraft, toInput } from "../../../../console/src/model/input";
import { readFields, withOthers } from "../../../../console/src/model/fields";
import { withFile } from "../../../../console/src/model/file-inputs";
import { toSentence } from "../../../../console/src/model/issues";

const PICTURE = { type: "string", format: "image_uri" };
const SCHEMA = {
  properties: {
    prompt: { type: "string" },
    neg: { type: "string", default: "blurry" },
    frames: { type: ["integer", "null"], default: 81 },
    pictures: { type: "array", items: PICTURE, default: ["https://example.com/a.png"] },
    steps: { type: "integer", default: 25 },
    fps: { type: "integer", default: 16 },
    mode: { enum: ["a", "b"], default: "a" },
    fast: { type: "boolean", default: true },
    seed: { type: "integer" },
  },
};
const AS_DEFAULT = { fps: 16, mode: "a", fast: true };
const INPUT = { prompt: "A boat", neg: "", frames: null, pictures: [], steps: "9", ...AS_DEFAULT };

test.each([SCHEMA, { ...SCHEMA, additionalProperties: false }])(
  "the values of a job are submitted again as they were, also where a field can't hold them",
  (schema) => {
    const draft = toDraft(readFields(schema), INPUT);
    const fields = withOthers(readFields(schema), draft);
    expect(toInput(fields, draft)).toEqual({ input: INPUT, problems: new Map() });
  },
);

test("what is empty by default, or nothing where there is no default, leaves its field empty", () => {
  const properties = { ...SCHEMA.properties, neg: { type: "string", default: "" } };
  const fields = readFields({ properties, additionalProperties: false });
  const draft = toDraft(fields, { prompt: "A boat", neg: "", seed: null });
  expect(toInput(fields, draft).input).toEqual({ prompt: "A boat" });
  expect(withOthers(fields, draft)).toBe(fields);
});

test("a field that nobody touched is left out, unless it is required and looks like a value", () => {
  expect(toInput(readFields(SCHEMA), {}).input).toEqual({});
  const required = ["steps", "mode", "fast"];
  expect(toInput(readFields({ ...SCHEMA, required }), {}).input).toEqual({ fast: false });
});

test("a problem is a sentence, which ends once", () => {
  expect([
    toSentence("promt", "is not known here; did you mean prompt?"),
    toSentence("", "needs at least one of ctrl_img or ctrl_img_1").trim(),
  ]).toEqual([
    "promt is not known here; did you mean prompt?",
    "needs at least one of ctrl_img or ctrl_img_1.",
  ]);
});

test("a form asks for the prompt first, then for what else must be given, then for files and the seed", () => {
  const properties = {
    speed: { type: "number" },
    seed: { type: "integer" },
    image: { type: "string", format: "image_uri" },
    tags: { type: "string" },
    prompt: { type: "string" },
  };
  const fields = readFields({ properties, required: ["tags"], additionalProperties: false });
  expect(fields.map(({ name }) => name)).toEqual(["prompt", "tags", "image", "seed", "speed"]);
});

test("an output goes into another form with every value that has a field there, but no seed and not the file before it", () => {
  const image = { type: "string", format: "image_uri" };
  const properties = {
    prompt: { type: "string" },
    image,
    mask: image,
    steps: { type: "integer" },
    seed: { type: "integer" },
    noise_seed: { type: "integer" },
  };
  const input = {
    ...{ prompt: "A boat", image: "upload:upl_old", mask: "upload:upl_mask", steps: 20 },
    ...{ seed: 7, noise_seed: 8, elsewhere: 1 },
  };
  const asset = { kind: "IMAGE" as const };
  expect(withFile(readFields({ properties }), input, asset, "upload:upl_new")).toEqual({
    ...{ prompt: "A boat", image: "upload:upl_new", mask: "upload:upl_mask", steps: 20 },
  });
  const words = { properties: { prompt: { type: "string" } } };
  expect(withFile(readFields(words), input, asset, "upload:upl_new")).toBeNull();
});
