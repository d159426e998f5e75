import { describe, expect, test } from "vitest";
import { z } from "zod";
import lora from "../../sandbox/src/lora-input.json" with { type: "json" };
import { measure, startWith } from "./start-with.ts";
import { EXAMPLE_BODY } from "../support/example-body.ts";
import { readModels } from "../support/models-page.ts";

const STEPS = z.record(
  z.string(),
  z.object({ defaults: z.object({ sample_steps: z.number().optional() }).default({}) }),
);
const PICTURE = "https://example.com/a.png";

describe("a deployment of a model", () => {
  test.each(readModels())("$name makes what the page on models says of it", async (row) => {
    const { name, needsControlImage, size, video, options } = row;
    const sandbox = await startWith([{ id: "own", name: "Own", model: name }]);
    const prompt = "A lantern";
    const body = needsControlImage ? { prompt, ctrl_img: PICTURE } : { prompt };
    const media = video === null ? "images" : "videos";
    const output = await sandbox.run("own", body);
    expect(output).toEqual({ [media]: [expect.stringContaining(sandbox.url)] });
    const files = output[media] ?? [];
    expect(await measure(files)).toEqual({ width: size, height: size });
    const text = await (await fetch(files[0] ?? "")).text();
    const [, seconds = null] = / dur="([\d.]+)s"/.exec(text) ?? [];
    expect(seconds === null ? null : Number(seconds)).toBe(video && video.frames / video.fps);

    const [floored = ""] = (await sandbox.run("own", { ...body, width: 1_000 }))[media] ?? [];
    const width = row.divisor * Math.floor(1_000 / row.divisor);
    expect(await measure([floored])).toMatchObject({ width });
    expect(STEPS.parse(lora.models)[name]?.defaults.sample_steps ?? 25).toBe(row.sampleSteps);

    const trained = { kv_cache: true, match_target_res: false };
    expect(Object.keys(await sandbox.refuse("own", { ...body, ...trained }))).toEqual(
      options.length > 0 ? [] : ['["body","kv_cache"]', '["body","match_target_res"]'],
    );
    expect(await sandbox.refuse("own", { ctrl_img: PICTURE })).toEqual({
      '["body","prompt"]': "missing",
    });
    for (const image of ["ctrl_img_1", "ctrl_img_2", "ctrl_img_3"]) {
      expect(await sandbox.refuse("own", { prompt, [image]: PICTURE })).toEqual({});
    }
    expect(await sandbox.refuse("own", { prompt })).toEqual(
      needsControlImage ? expect.objectContaining({ '["body","ctrl_img"]': "missing" }) : {},
    );
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
