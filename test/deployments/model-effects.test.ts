import { describe, expect, it, test } from "vitest";

import type { JsonObject } from "../../src/job/json.ts";
import { catalogueOf } from "../support/catalogue-of.ts";
import { camelCase, toTexts } from "../support/document-of.ts";
import { readModels } from "../support/models-page.ts";

/** What holds beside the model, and what the model itself makes of an input. */
const SCHEMAS = [
  ["with the model's own schema", undefined],
  ["with another schema", { properties: { num_frames: { maximum: 2_000 }, fps: {}, steps: {} } }],
] as const;

function check(model: string, input: JsonObject, inputSchema?: JsonObject) {
  const catalogue = catalogueOf({ id: "a", name: "A", model, inputSchema });
  const given = { prompt: "a lake", ctrl_img: "https://files.example.com/a.png", ...input };
  const checked = catalogue.find("a")?.input?.check(given, camelCase);
  const isOfModel = ({ message }: { readonly message: string }) =>
    !message.includes("is not known here");
  return {
    issues: toTexts(checked?.issues ?? []),
    warnings: toTexts((checked?.warnings ?? []).filter(isOfModel)),
  };
}

describe.for(SCHEMAS)("a deployment of a model, %s,", ([, schema]) => {
  it.for<[string, JsonObject, string[]]>([
    ["minimax_h3", { fps: 16 }, ["fps: must be 24, or left out: minimax_h3 fails otherwise"]],
    [
      "minimax_h3",
      { num_frames: 1, fps: 25 },
      [
        "numFrames: must be at least 2, or left out: minimax_h3 fails otherwise",
        "fps: must be 24, or left out: minimax_h3 fails otherwise",
      ],
    ],
    [
      "flux",
      { resolution: "High" },
      ['resolution: must be "Default", or left out: flux fails otherwise'],
    ],
    [
      "minimax_h3",
      { fps: 30, num_frames: 5_000 },
      [
        "fps: must be 24, or left out: minimax_h3 fails otherwise",
        expect.stringContaining("numFrames: is 5000; the most is"),
      ],
    ],
  ])("refuses what %s surely fails at after paid time: %j", ([model, input, issues]) => {
    expect(check(model, input, schema)).toEqual({ issues, warnings: [] });
  });

  it.for<[string, JsonObject]>([
    ["minimax_h3", {}],
    ["minimax_h3", { fps: 24, num_frames: 107, neg: "", guidance_scale: 1 }],
    ["minimax_h3", { num_frames: 5, resolution: "Default" }],
    ["ltx2.3", { resolution: "High", fps: 16, num_frames: 1 }],
    ["ltx2", { fps: 16, num_frames: 41, neg: "rain" }],
    ["flux", { num_frames: 4, fps: 24, neg: "rain" }],
  ])("says nothing of what %s does as it is told: %j", ([model, input]) => {
    expect(check(model, input, schema)).toEqual({ issues: [], warnings: [] });
  });

  it.for<[string, JsonObject, string]>([
    [
      "ltx2",
      { num_frames: 40 },
      "numFrames: numFrames 40 does not fit ltx2, which makes 8n + 1 frames; the next below is 33",
    ],
    [
      "wan21_1b",
      { num_frames: 44 },
      "numFrames: numFrames 44 does not fit wan21_1b, which makes 4n + 1 frames; the next below is 41",
    ],
    [
      "minimax_h3",
      { num_frames: 41 },
      "numFrames: numFrames 41 does not fit minimax_h3, which makes 17n + 5 frames; the next below is 39",
    ],
    [
      "minimax_h3",
      { num_frames: 2 },
      "numFrames: numFrames 2 does not fit minimax_h3, which makes 17n + 5 frames; the least is 5",
    ],
    ["krea2_turbo", { neg: "rain" }, "neg: neg has no effect with krea2_turbo; leave it out"],
    [
      "minimax_h3",
      { guidance_scale: 4 },
      "guidanceScale: guidanceScale has no effect with minimax_h3; leave it out",
    ],
    ["sd15", { width: 1_020 }, "width: width 1020 is rounded down to 1016, a multiple of 8"],
  ])("warns of what %s does silently: %j", ([model, input, warning]) => {
    expect(check(model, input, schema)).toEqual({ issues: [], warnings: [warning] });
  });
});

test.for(readModels())("$name takes every default of its own without a word", (row) => {
  const { name, size, video, sampleSteps, guidanceScale } = row;
  const input = {
    width: size,
    height: size,
    sample_steps: sampleSteps,
    guidance_scale: guidanceScale,
    neg: "",
    ...(video && { num_frames: video.frames, fps: video.fps }),
  };
  expect(check(name, input)).toEqual({ issues: [], warnings: [] });
});
