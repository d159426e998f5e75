import { expect, test } from "vitest";

import sandbox from "../../../../sandbox/src/deployments.json" with { type: "json" };
import { readFields } from "../../../../console/src/model/fields";
import { purposeOf } from "../../../../console/src/model/purposes";
import { findModel, toInputSchema } from "../../../../src/engine/deployments/model-profile.ts";
import { readModels } from "../../../support/models-page.ts";

type Kind = "LORA" | "COMFYUI" | "MODEL";
type Known = { id?: string; name?: string; kind?: Kind; outputSchema?: unknown };

const IMAGE = { kind: "IMAGE" } as const;
const purpose = (taker: Known, asset: { kind: "IMAGE" | "VIDEO" | "AUDIO" } = IMAGE) =>
  purposeOf(asset, { id: "a", name: "A", kind: "MODEL", outputSchema: null, ...taker }, []);

test("a deployment varies or animates a picture by what it is known to make, and nothing is guessed", () => {
  const ofSandbox = sandbox.deployments.map(({ id, name, ...rest }) => {
    const outputSchema = "outputSchema" in rest ? rest.outputSchema : null;
    return [name, purpose({ id, name, kind: "LORA", outputSchema })];
  });
  expect(Object.fromEntries(ofSandbox)).toMatchObject({
    "Warm Glow": "Vary",
    "Slow Tide": "Animate",
    "Harbour Workflow": "Use as input",
  });
  expect(purpose({ id: "wan-ai/wan-3.0/image-to-video" })).toBe("Animate");
  expect(purpose({ id: "kling/o1/image-to-image/pro" })).toBe("Vary");
  for (const id of ["google/nano-banana-2-lite/edit", "a/text-to-audio", "a/b-to-videography"])
    expect(purpose({ id })).toBe("Use as input");
  // Only RunComfy's own ids follow its rule.
  expect(purpose({ id: "my-image-to-video", kind: "COMFYUI" })).toBe("Use as input");
  const both = { properties: { images: {}, video: {} } };
  expect(purpose({ id: "a/image-to-video", outputSchema: both })).toBe("Use as input");
});

test("every built-in model is known by how many frames it makes", () => {
  for (const { name, video } of readModels()) {
    const profile = findModel(name);
    if (profile === null) throw new Error(name);
    const taker = { id: name, name, kind: "LORA" as const, outputSchema: null };
    const found = purposeOf(IMAGE, taker, readFields(toInputSchema(profile)));
    expect([name, found]).toEqual([name, video ? "Animate" : "Vary"]);
  }
});

test("what is called an upscaler upscales pictures and videos, and sounds are only used as input", () => {
  const upscaler = { id: "topazlabs/upscale/image", name: "Topaz Image Upscale" };
  expect(purpose(upscaler)).toBe("Upscale");
  expect(purpose({ name: "Video Super-Resolution" }, { kind: "VIDEO" })).toBe("Upscale");
  expect(purpose({ id: "a/image-to-video" }, { kind: "VIDEO" })).toBe("Use as input");
  expect(purpose(upscaler, { kind: "AUDIO" })).toBe("Use as input");
});
