import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";

import { findModel, MODEL_NAMES, toInputSchema } from "../../src/deployments/model-profile.ts";
import { EXAMPLE_BODY } from "../support/example-body.ts";
import { readModels } from "../support/models-page.ts";

const MODELS = readModels();
const AJV = new Ajv2020({ strictTypes: true, allErrors: true, useDefaults: true });
AJV.addFormat("image_uri", (text: string) => URL.canParse(text));
const VALIDATORS = new Map(MODEL_NAMES.map((name) => [name, AJV.compile(schemaOf(name))]));

test("the models are those of the page on models, in its order", () => {
  expect(MODEL_NAMES).toHaveLength(38);
  expect(MODEL_NAMES).toEqual(MODELS.map(({ name }) => name));
});

test.for(["", "Flux", "flux ", "constructor", "__proto__"])("%j is no model", (name) => {
  expect(findModel(name)).toBeNull();
});

test.for(MODELS)("$name is as the page has it", (row) => {
  expect(findModel(row.name)).toEqual(row);
});

test.for(MODELS)("$name takes its minimum, and tells the defaults of the page", (row) => {
  const image = { ctrl_img: "https://files.example/x.png" };
  const minimum = { prompt: "a lake", ...(row.needsControlImage && image) };
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
});

test.for(MODELS)(
  "$name insists on a control image if it needs one, and takes any of the four",
  (row) => {
    expect(accepts(row.name, { prompt: "a lake" })).toBe(!row.needsControlImage);
    for (const field of ["ctrl_img", "ctrl_img_1", "ctrl_img_2", "ctrl_img_3"]) {
      expect(accepts(row.name, { prompt: "a lake", [field]: "https://files.example/x.png" })).toBe(
        true,
      );
    }
  },
);

test.for([
  { prompt: undefined },
  { prompt: 1 },
  { trigger_word: 1 },
  { width: 63 },
  { width: 4097 },
  { width: 100.5 },
  { height: 63 },
  { height: 4097 },
  { guidance_scale: -0.1 },
  { guidance_scale: 20.1 },
  { sample_steps: 0 },
  { sample_steps: 151 },
  { network_multiplier: -2.1 },
  { network_multiplier: 2.1 },
  { neg: null },
  { seed: -2 },
  { seed: 0.5 },
  { sampler: 1 },
  { num_frames: 0 },
  { num_frames: 1001 },
  { fps: 0 },
  { fps: 121 },
  { resolution: "high" },
  { ctrl_img: "no-url" },
  { kv_cache: "true" },
  { strength: 1 },
])("every model refuses %j", (wrong) => {
  expect(whoTakes(wrong)).toEqual([]);
});

test.for([
  { trigger_word: "glow" },
  { width: 64, height: 4096 },
  { width: 1000 },
  { guidance_scale: 0, sample_steps: 1, network_multiplier: -2 },
  { guidance_scale: 20, sample_steps: 150, network_multiplier: 2 },
  { seed: -1 },
  { seed: Number.MAX_SAFE_INTEGER },
  { num_frames: 2 },
  { num_frames: 1000, fps: 24 },
  { resolution: "Default" },
])("every model takes %j", (right) => {
  expect(whoTakes(right)).toEqual(MODEL_NAMES);
});

test.for([
  [{ resolution: "High" }, ["ltx2.3"]],
  [{ kv_cache: false, match_target_res: true }, ["krea2_o_edit", "krea2_o_edit_turbo"]],
] as const)("%j is for %j alone", ([body, names]) => {
  expect(whoTakes(body)).toEqual(names);
});

test.for([{ num_frames: 1 }, { fps: 1 }, { fps: 120 }])("%j is for all but minimax_h3", (body) => {
  expect(whoTakes(body)).toEqual(MODEL_NAMES.filter((name) => name !== "minimax_h3"));
});

test("every model and each of its fields is described, sizes with the model's divisor", () => {
  for (const { name, divisor, options } of MODELS) {
    const schema = schemaOf(name);
    expect(schema).toMatchObject({
      title: name,
      description: expect.stringContaining(name),
      additionalProperties: false,
      properties: {
        width: { description: `Width in pixels, floored to a multiple of ${divisor}.` },
        height: { description: `Height in pixels, floored to a multiple of ${divisor}.` },
      },
    });
    expect(Object.values(schema["properties"] ?? {})).toEqual(
      Array.from({ length: 17 + options.length }, () =>
        expect.objectContaining({ description: expect.stringMatching(/\.$/) }),
      ),
    );
  }
});

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
