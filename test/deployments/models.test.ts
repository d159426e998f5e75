import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it, test } from "vitest";

import type { InputContract } from "../../src/engine/deployments/catalogue.ts";
import {
  findModel,
  MODEL_NAMES,
  toInputSchema,
} from "../../src/engine/deployments/model-profile.ts";
import type { JsonObject } from "../../src/engine/job/json.ts";
import { catalogueOf } from "../support/catalogue-of.ts";
import { camelCase, toTexts } from "../support/document-of.ts";
import { EXAMPLE_BODY } from "../support/example-body.ts";
import { readModels } from "../support/models-page.ts";

const MODELS = readModels();
const IMAGE = "https://files.example.com/a.png";
const AJV = new Ajv2020({ strictTypes: true, allErrors: true, useDefaults: true });
AJV.addFormat("image_uri", (text: string) => URL.canParse(text));
const VALIDATORS = new Map(MODEL_NAMES.map((name) => [name, AJV.compile(schemaOf(name))]));

test("the models are those of the page on models, in its order", () => {
  expect(MODEL_NAMES).toHaveLength(38);
  expect(MODEL_NAMES).toEqual(MODELS.map(({ name }) => name));
  for (const row of MODELS) expect(findModel(row.name)).toEqual(row);
  for (const name of ["", "Flux", "constructor"]) expect(findModel(name)).toBeNull();
});

test.for(MODELS)("$name takes its minimum, and has the defaults of the page", (row) => {
  const minimum = { prompt: "a lake", ...(row.needsControlImage && { ctrl_img: IMAGE }) };
  const filled = { ...minimum };
  expect(accepts(row.name, filled)).toBe(true);
  expect(filled).toEqual({
    ...minimum,
    width: row.size,
    height: row.size,
    guidance_scale: row.guidanceScale,
    sample_steps: row.sampleSteps,
    network_multiplier: 1,
    neg: "",
    seed: 42,
    sampler: "flowmatch",
    num_frames: row.video?.frames ?? 1,
    ...(row.video && { fps: row.video.fps }),
    ...Object.fromEntries(row.options.map((option) => [option, true])),
  });
  expect(accepts(row.name, { prompt: "a lake" })).toBe(!row.needsControlImage);
  for (const field of ["ctrl_img_1", "ctrl_img_2", "ctrl_img_3"])
    expect(accepts(row.name, { prompt: "a lake", [field]: IMAGE })).toBe(true);
});

test.for<[field: string, taken: readonly unknown[], refused: readonly unknown[]]>([
  ["prompt", [], [undefined, 1]],
  ["trigger_word", ["glow"], []],
  ["width", [64, 1_000, 4_096], [63, 4_097, 100.5]],
  ["guidance_scale", [0, 20], [-0.1, 20.1]],
  ["sample_steps", [1, 150], [0, 151]],
  ["network_multiplier", [-2, 2], [-2.1, 2.1]],
  ["seed", [-1], [-2, 0.5]],
  ["sampler", [], [1]],
  ["num_frames", [1_000], [0, 1_001]],
  ["fps", [24], [0, 121]],
  ["resolution", ["Default"], ["high"]],
  ["ctrl_img", [], ["no-url"]],
  ["kv_cache", [], ["true"]],
  ["strength", [], [1]],
])("every model takes as its %s %j, and refuses %j", ([name, taken, refused]) => {
  for (const value of taken) expect(whoTakes({ [name]: value })).toEqual(MODEL_NAMES);
  for (const value of refused) expect(whoTakes({ [name]: value })).toEqual([]);
});

test("some models take what others refuse", () => {
  const others = MODEL_NAMES.filter((name) => name !== "minimax_h3");
  expect(whoTakes({ resolution: "High" })).toEqual(["ltx2.3"]);
  const edit = { kv_cache: false, match_target_res: true };
  expect(whoTakes(edit)).toEqual(["krea2_o_edit", "krea2_o_edit_turbo"]);
  expect(whoTakes({ num_frames: 1 })).toEqual(others);
  expect(whoTakes({ fps: 1 })).toEqual(others);
});

test("every model and each of its fields is described, sizes with the model's divisor", () => {
  for (const { name, divisor, options } of MODELS) {
    const { properties = {}, ...schema } = schemaOf(name);
    expect(schema).toMatchObject({ title: name, description: expect.stringContaining(name) });
    const size = { description: expect.stringMatching(`floored to a multiple of ${divisor}\\.$`) };
    expect(properties).toMatchObject({ width: size, height: size });
    const descriptions = Object.values(Object(properties)).map((one) => Object(one).description);
    const sentence = expect.stringMatching(/\.$/);
    expect(descriptions).toEqual(Array.from({ length: 17 + options.length }, () => sentence));
  }
});

/** What holds beside the model, and what the model itself makes of an input. */
const SCHEMAS = [
  ["with the model's own schema", undefined],
  ["with another schema", { properties: { num_frames: { maximum: 2_000 }, fps: {}, steps: {} } }],
] as const;

describe.for(SCHEMAS)("a deployment of a model, %s,", ([, schema]) => {
  it.for<[string, JsonObject, string[]]>([
    ["minimax_h3", { num_frames: 1 }, ["numFrames: must be at least 2, or left out: minimax_h3"]],
    ["flux", { resolution: "High" }, ['resolution: must be "Default", or left out: flux fails']],
    ["minimax_h3", { fps: 30, num_frames: 5_000 }, ["fps: must be 24", "numFrames: is 5000; the"]],
  ])("refuses what %s surely fails at after paid time: %j", ([model, input, issues]) => {
    const expected = issues.map((issue) => expect.stringContaining(issue));
    expect(check(model, input, schema)).toEqual({ issues: expected, warnings: [] });
  });

  it.for<[string, JsonObject]>([
    ["minimax_h3", { fps: 24, num_frames: 107, neg: "", guidance_scale: 1 }],
    ["ltx2.3", { resolution: "High", fps: 16, num_frames: 1 }],
    ["flux", { num_frames: 4, fps: 24, neg: "rain" }],
  ])("says nothing of what %s does as asked: %j", ([model, input]) => {
    expect(check(model, input, schema)).toEqual({ issues: [], warnings: [] });
  });

  it.for<[string, JsonObject, string]>([
    [
      "minimax_h3",
      { num_frames: 41 },
      "41 does not fit minimax_h3, which makes 17n + 5 frames; the next below is 39",
    ],
    ["minimax_h3", { num_frames: 2 }, "which makes 17n + 5 frames; the least is 5"],
    ["krea2_turbo", { neg: "rain" }, "neg: neg has no effect with krea2_turbo; leave it out"],
    ["minimax_h3", { guidance_scale: 4 }, "guidanceScale has no effect with minimax_h3; leave"],
    ["sd15", { width: 1_020 }, "width: width 1020 is rounded down to 1016, a multiple of 8"],
  ])("warns of what %s does silently: %j", ([model, input, warning]) => {
    const warnings = [expect.stringContaining(warning)];
    expect(check(model, input, schema)).toEqual({ issues: [], warnings });
  });
});

test("every model takes all defaults of its own without a word", () => {
  for (const { name, size, video, sampleSteps, guidanceScale } of MODELS) {
    const sizes = { width: size, height: size, ...(video && { num_frames: video.frames }) };
    const others = { sample_steps: sampleSteps, guidance_scale: guidanceScale, neg: "" };
    const fps = video ? { fps: video.fps } : {};
    const checked = check(name, { ...sizes, ...others, ...fps }, {});
    expect({ name, ...checked }).toEqual({ name, issues: [], warnings: [] });
  }
});

/** What is known of a model's deployment beside each schema. */
const CONTRACTS = new Map<string, InputContract>();

function check(model: string, input: JsonObject, inputSchema?: JsonObject) {
  const key = JSON.stringify([model, inputSchema]);
  const deployment = { id: "a", name: "A", model, inputSchema };
  const contract = CONTRACTS.get(key) ?? catalogueOf(deployment).find("a")?.input;
  if (!contract) throw new Error(`Nothing is known of ${model}.`);
  CONTRACTS.set(key, contract);
  const checked = contract.check({ prompt: "a lake", ctrl_img: IMAGE, ...input }, camelCase);
  const warnings = checked.warnings.filter(({ message }) => !message.includes("is not known here"));
  return { issues: toTexts(checked.issues), warnings: toTexts(warnings) };
}

function whoTakes(body: object): readonly string[] {
  const { num_frames: _frames, fps: _fps, ...example } = EXAMPLE_BODY;
  const text = JSON.stringify({ ...example, ...body });
  return MODEL_NAMES.filter((name) => accepts(name, JSON.parse(text)));
}

/** Fills the defaults into the body. */
function accepts(name: string, body: unknown): boolean | undefined {
  return VALIDATORS.get(name)?.(body);
}

function schemaOf(name: string) {
  const profile = findModel(name);
  if (profile === null) throw new Error(`no model is named ${name}`);
  return toInputSchema(profile);
}
