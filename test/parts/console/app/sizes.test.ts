import { expect, test } from "vitest";

import { carry } from "../../../../console/src/model/carry";
import { readFields } from "../../../../console/src/model/fields";
import { findSides, SHAPES, toSize } from "../../../../console/src/model/sizes";

function sizesOf(side: object) {
  const properties = { width: { type: "integer", ...side }, height: { type: "integer", ...side } };
  const sides = findSides(readFields({ properties }));
  return sides && SHAPES.map((shape) => Object.values(toSize(shape, sides)).join(" "));
}

test("a shape has as many pixels as the default, in steps and bounds that the schema takes", () => {
  expect(sizesOf({})).toEqual(["1024 1024", "1248 832", "1376 768", "768 1376"]);
  expect(sizesOf({ default: 512, multipleOf: 64 })).toEqual([
    ...["512 512", "640 448", "704 384", "384 704"],
  ]);
  expect(sizesOf({ minimum: 500, maximum: 1_100 })).toEqual([
    ...["1024 1024", "1088 832", "1088 768", "768 1088"],
  ]);
  expect(sizesOf({ type: "string" })).toBeNull();
});

test("what was typed goes along to fields of the same name that take it", () => {
  const picture = { type: "string", format: "image_uri" };
  const from = readFields({
    properties: {
      prompt: { type: "string" },
      neg: { type: "string" },
      width: { type: "integer" },
      steps: { type: "integer" },
      mode: { enum: ["a", "b"] },
      seed: { type: "integer" },
      image: picture,
      fps: { type: "integer" },
    },
  });
  const to = readFields({
    properties: {
      prompt: { type: "string" },
      width: { type: "integer", maximum: 512 },
      steps: { type: "integer", maximum: 50 },
      mode: { enum: ["b", "c"] },
      seed: { type: "integer" },
      image: picture,
      fps: { type: "string" },
    },
  });
  const typed = {
    ...{ prompt: "A boat", neg: "blurry", width: "1024", steps: "20", mode: '"b"', seed: "7" },
    ...{ image: "upload:upl_1", fps: "16" },
  };
  expect(carry(from, typed, to, { prompt: "A hut", seed: "9" })).toEqual({
    ...{ prompt: "A boat", steps: "20", mode: '"b"', seed: "9", image: "upload:upl_1" },
  });
  expect(carry(from, { prompt: "" }, to, { prompt: "A hut" })).toEqual({ prompt: "A hut" });
});
