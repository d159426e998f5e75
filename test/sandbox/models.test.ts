import { describe, expect, test } from "vitest";
import { startWith } from "./start-with.ts";
import { EXAMPLE_BODY } from "../support/example-body.ts";

const PICTURE = "https://example.com/a.png";

describe("a deployment of a model", () => {
  test.each([
    ["flux", "images"],
    ["flux2", "images"],
    ["flux2_klein_4b", "images"],
    ["flux2_klein_9b", "images"],
    ["flex1", "images"],
    ["flex2", "images"],
    ["sd15", "images"],
    ["sdxl", "images"],
    ["qwen_image", "images"],
    ["qwen_image_2512", "images"],
    ["zimage", "images"],
    ["zimage_turbo", "images"],
    ["zimage_deturbo", "images"],
    ["chroma", "images"],
    ["hidream", "images"],
    ["lumina2", "images"],
    ["omnigen2", "images"],
    ["krea2", "images"],
    ["krea2_turbo", "images"],
    ["wan21_14b", "videos"],
    ["wan21_1b", "videos"],
    ["wan22_14b_t2v", "videos"],
    ["wan22_5b", "videos"],
    ["ltx2", "videos"],
    ["ltx2.3", "videos"],
    ["minimax_h3", "videos"],
  ])("%s makes %s from a prompt", async (model, media) => {
    const sandbox = await startWith([{ id: "own", name: "Own", model }]);
    const output = await sandbox.run("own", { prompt: "A lantern" });
    expect(output).toEqual({ [media]: [expect.stringContaining(sandbox.url)] });
    expect(await sandbox.refuse("own", {})).toEqual({ '["body","prompt"]': "missing" });
  });

  test.each([
    ["flux_kontext", "images"],
    ["qwen_image_edit", "images"],
    ["qwen_image_edit_plus", "images"],
    ["qwen_image_edit_plus_2511", "images"],
    ["hidream_e1", "images"],
    ["krea2_o_edit", "images"],
    ["krea2_o_edit_turbo", "images"],
    ["wan21_i2v_14b", "videos"],
    ["wan21_i2v_14b480p", "videos"],
    ["wan22_14b_i2v", "videos"],
  ])("%s makes %s from a prompt and any one control image", async (model, media) => {
    const sandbox = await startWith([{ id: "own", name: "Own", model }]);
    const output = await sandbox.run("own", { prompt: "A lantern", ctrl_img: PICTURE });
    expect(output).toEqual({ [media]: [expect.stringContaining(sandbox.url)] });
    for (const name of ["ctrl_img_1", "ctrl_img_2", "ctrl_img_3"]) {
      expect(await sandbox.refuse("own", { prompt: "A lantern", [name]: PICTURE })).toEqual({});
    }
    expect(await sandbox.refuse("own", { prompt: "A lantern" })).toMatchObject({
      '["body","ctrl_img"]': "missing",
    });
  });

  test("takes the contract's example, and no other fields or values", async () => {
    const sandbox = await startWith([{ id: "own", name: "Own", model: "qwen_image_edit_plus" }]);
    expect(await sandbox.run("own", EXAMPLE_BODY)).toEqual({
      images: [expect.stringContaining("/0.svg")],
    });
    const wrong = {
      ...EXAMPLE_BODY,
      ctrl_img_1: "http://example.com/a.png",
      width: 63,
      guidance_scale: 20.1,
      sample_steps: 151,
      network_multiplier: -2.1,
      seed: -2,
      num_frames: 1_001,
      fps: 0,
      resolution: "Highest",
      sedd: 1,
    };
    expect(await sandbox.refuse("own", wrong)).toEqual({
      '["body","ctrl_img_1"]': "url_scheme",
      '["body","width"]': "greater_than_equal",
      '["body","guidance_scale"]': "less_than_equal",
      '["body","sample_steps"]': "less_than_equal",
      '["body","network_multiplier"]': "greater_than_equal",
      '["body","seed"]': "greater_than_equal",
      '["body","num_frames"]': "less_than_equal",
      '["body","fps"]': "greater_than_equal",
      '["body","resolution"]': "literal_error",
      '["body","sedd"]': "extra_forbidden",
    });
  });
});
