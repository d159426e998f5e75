import { expect, test } from "vitest";

import { toLabel } from "../../../../console/src/model/fields";

test("a field is called by its title, or by its name with initialisms as people write them", () => {
  const names = ["image_url", "image_urls", "id", "cfg-scale", "lora_id", "enable_nsfw_check"];
  expect(names.map((name) => toLabel(name))).toEqual([
    "Image URL",
    "Image URLs",
    "ID",
    "CFG scale",
    "LoRA ID",
    "Enable NSFW check",
  ]);
  expect(toLabel("image_url", "Image url")).toBe("Image url");
  expect(["idea", "_", "fps"].map((name) => toLabel(name))).toEqual([
    "Idea",
    "_",
    "Frames per second",
  ]);
});
