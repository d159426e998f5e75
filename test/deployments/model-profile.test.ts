import { readFileSync } from "node:fs";

import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";

import { findModel, MODEL_NAMES, toInputSchema } from "../../src/deployments/model-profile.ts";
import { EXAMPLE_BODY } from "../support/example-body.ts";

/** `divisor/steps/guidance` with C for a control image and V for video, copied from the notes on the upstream. */
const NOTES = `
flux 16/25/4; flux_kontext C 16/25/4; flux2 16/25/4; flux2_klein_4b 16/25/4; flux2_klein_9b 16/25/4; flex1 16/25/4; flex2 32/25/4;
sd15 8/25/6; sdxl 8/30/5; qwen_image 16/25/4; qwen_image_2512 16/25/4; qwen_image_edit C 32/25/4; qwen_image_edit_plus C 32/25/4;
qwen_image_edit_plus_2511 C 32/25/4; zimage 32/30/4; zimage_turbo 32/8/1; zimage_deturbo 32/25/3; wan21_14b V 16/25/4;
wan21_1b V 16/25/4; wan21_i2v_14b CV 16/25/4; wan21_i2v_14b480p CV 16/25/4; wan22_14b_t2v V 32/25/4; wan22_14b_i2v CV 16/25/4;
wan22_5b V 32/25/4; chroma 32/25/4; hidream 16/50/5; hidream_e1 C 16/28/5; lumina2 32/25/4; omnigen2 16/25/4; ltx2 V 32/25/4;
ltx2.3 V 32/25/4; krea2 16/30/4; krea2_turbo 16/9/1; krea2_o_edit C 16/30/4; krea2_o_edit_turbo C 16/8/1; minimax_h3 V 32/28/1.
`;

const NOTED = NOTES.trim()
  .replace(/\.$/, "")
  .split(";")
  .map((entry) => {
    const words = entry.trim().split(" ");
    const [divisor, sampleSteps, guidanceScale] = (words.at(-1) ?? "").split("/").map(Number);
    const letters = words.length === 3 ? (words[1] ?? "") : "";
    return {
      name: words[0] ?? "",
      divisor,
      needsControlImage: letters.includes("C"),
      isVideo: letters.includes("V"),
      sampleSteps,
      guidanceScale,
    };
  });

const AJV = new Ajv2020({ strictTypes: true, allErrors: true, useDefaults: true });
AJV.addFormat("image_uri", (text: string) => URL.canParse(text));
const VALIDATORS = new Map(MODEL_NAMES.map((name) => [name, AJV.compile(schemaOf(name))]));

test("the models are those of the notes, in their order", () => {
  expect(MODEL_NAMES).toHaveLength(36);
  expect(MODEL_NAMES).toEqual(NOTED.map(({ name }) => name));
});

test("the page on deployments has a row for each, with its numbers", () => {
  const page = readFileSync(new URL("../../docs/deployments.md", import.meta.url), "utf8");
  const rows = [...page.matchAll(/^\| `([\w.]+)` +\| (\w+)(, needs an image)? +\|(.*)\|$/gm)].map(
    ([, name, makes, image, numbers = ""]) => {
      const [divisor, sampleSteps, guidanceScale] = numbers.split("|").map(Number);
      const isVideo = makes === "videos";
      const needsControlImage = image !== undefined;
      return { name, divisor, sampleSteps, guidanceScale, isVideo, needsControlImage };
    },
  );
  expect(rows).toEqual(NOTED);
});

test.for(["", "Flux", "flux ", "constructor", "__proto__"])("%j is no model", (name) => {
  expect(findModel(name)).toBeNull();
});

test.for(NOTED)("$name has the numbers of the notes", (noted) => {
  expect(findModel(noted.name)).toEqual(noted);
});

test.for(NOTED)(
  "$name takes the contract's example and its minimum, which gets its defaults",
  (noted) => {
    expect(accepts(noted.name, { ...EXAMPLE_BODY })).toBe(true);

    const image = { ctrl_img: "https://files.example/x.png" };
    const minimum = { prompt: "a lake", ...(noted.needsControlImage && image) };
    const filled = { ...minimum };
    expect(accepts(noted.name, filled)).toBe(true);
    expect(filled).toEqual({
      ...minimum,
      width: 1024,
      height: 1024,
      guidance_scale: noted.guidanceScale,
      sample_steps: noted.sampleSteps,
      network_multiplier: 1,
      neg: "",
      seed: 42,
      sampler: "flowmatch",
      num_frames: noted.isVideo ? 41 : 1,
      fps: noted.isVideo ? 16 : 1,
    });
  },
);

test.for(NOTED)(
  "$name insists on a control image if it needs one, and takes any of the four",
  (noted) => {
    expect(accepts(noted.name, { prompt: "a lake" })).toBe(!noted.needsControlImage);
    for (const field of ["ctrl_img", "ctrl_img_1", "ctrl_img_2", "ctrl_img_3"]) {
      expect(
        accepts(noted.name, { prompt: "a lake", [field]: "https://files.example/x.png" }),
      ).toBe(true);
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
  { strength: 1 },
])("every model refuses %j", (wrong) => {
  const body = JSON.stringify({ ...EXAMPLE_BODY, ...wrong });
  expect(MODEL_NAMES.filter((name) => accepts(name, JSON.parse(body)))).toEqual([]);
});

test.for([
  { trigger_word: "glow" },
  { width: 64, height: 4096 },
  { width: 1000 },
  { guidance_scale: 0, sample_steps: 1, network_multiplier: -2 },
  { guidance_scale: 20, sample_steps: 150, network_multiplier: 2 },
  { seed: -1 },
  { seed: Number.MAX_SAFE_INTEGER },
  { num_frames: 1000, fps: 120 },
  { resolution: "Default" },
  { resolution: "High" },
])("every model takes %j", (right) => {
  expect(MODEL_NAMES.filter((name) => !accepts(name, { ...EXAMPLE_BODY, ...right }))).toEqual([]);
});

test("every model and each of its fields is described, sizes with the model's divisor", () => {
  for (const { name, divisor } of NOTED) {
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
      Array.from({ length: 17 }, () =>
        expect.objectContaining({ description: expect.stringMatching(/\.$/) }),
      ),
    );
  }
});

/** Fills the defaults into the body. */
function accepts(name: string, body: unknown): boolean | undefined {
  return VALIDATORS.get(name)?.(body);
}

function schemaOf(name: string) {
  const profile = findModel(name);
  if (profile === null) throw new Error(`no model is named ${name}`);
  return toInputSchema(profile);
}
