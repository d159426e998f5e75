import { expect, test } from "vitest";

import { readFields, toLabel } from "../../../../console/src/model/fields";

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

test("a field is called by the files that go into it, not by their addresses", () => {
  const file = { type: "string", format: "image_uri" };
  const properties = {
    image_url: file,
    end_image_url: { ...file, title: "End Image Url" },
    image_urls: { type: "array", items: file },
    url: file,
    page_url: { type: "string" },
  };
  const labels = readFields({ properties, additionalProperties: false }).map(({ label }) => label);
  expect(labels).toEqual(["Image", "End Image", "Images", "URL", "Page URL"]);
});

test("the words of a song stand in front, after what must be given", () => {
  const text = { type: "string" };
  const properties = { seed: { type: "integer" }, negative_lyrics: text, lyrics: text, tags: text };
  const required = ["tags"];
  const fields = readFields({ properties, required, additionalProperties: false });
  const inFront = fields.filter(({ isFolded }) => !isFolded);
  expect(inFront.map(({ name }) => name)).toEqual(["lyrics", "tags", "seed"]);
});
