import { expect, test } from "vitest";

import { ratioOf } from "../../../../console/src/model/asset";
import { readFields } from "../../../../console/src/model/fields";
import { measureOf, readRatio, rotate, formatOption } from "../../../../console/src/model/measures";
import { findSides, formatLength, toShapes, turn } from "../../../../console/src/model/sizes";

function sidesOf(side: object) {
  const properties = { width: { type: "integer", ...side }, height: { type: "integer", ...side } };
  return findSides(readFields({ properties }));
}

function sizesOf(side: object) {
  const sides = sidesOf(side);
  return sides && toShapes(sides).map(({ shape, width, height }) => `${shape} ${width} ${height}`);
}

test("a shape has as many pixels as the default, in steps and bounds that the schema takes", () => {
  expect(sizesOf({})).toEqual([
    ...["1:1 1024 1024", "4:3 1184 896", "3:2 1248 832", "16:9 1376 768", "21:9 1568 672"],
    ...["3:4 896 1184", "2:3 832 1248", "9:16 768 1376"],
  ]);
  expect(sizesOf({ default: 512, multipleOf: 64 })?.slice(0, 4)).toEqual([
    ...["1:1 512 512", "4:3 576 448", "3:2 640 448", "16:9 704 384"],
  ]);
  // None is squeezed into the bounds: it is smaller.
  expect(sizesOf({ maximum: 1_100 })?.slice(2, 5)).toEqual([
    ...["3:2 1088 736", "16:9 1088 608", "21:9 1088 480"],
  ]);
  expect(sizesOf({ minimum: 900, maximum: 1_100 })).toEqual(["1:1 1024 1024"]);
  expect(sizesOf({ type: "string" })).toBeNull();
});

test("what decides the shape, sharpness, length or number of the result is known by its name, and stands in front", () => {
  const names = [
    "image_size",
    "aspect_ratio",
    "aspectRatio",
    "resolution",
    "duration",
    "num_frames",
  ];
  const others = ["steps", "font_size", "tile_size", "fade_duration", "crop_width", "strength"];
  expect([...names, "batch_size", "num_images", "n"].map(measureOf)).toEqual([
    ...["shape", "shape", "shape", "resolution", "seconds", "frames", "count", "count", "count"],
  ]);
  expect(others.map(measureOf)).toEqual(others.map(() => null));
  const properties = Object.fromEntries([...names, ...others].map((name) => [name, {}]));
  const fields = readFields({ properties, additionalProperties: false });
  const inFront = fields.filter(({ isFolded }) => !isFolded);
  expect(inFront.map(({ name }) => name)).toEqual(names);
  // Where there is nothing to choose, it would be in the way.
  const [fixed] = readFields({ properties: { resolution: { enum: ["Default"] } } });
  expect(fixed?.isFolded).toBe(true);
});

test.each([
  ["landscape_4_3", "Landscape 4:3", 4 / 3],
  ["portrait_16_9", "Portrait 9:16", 9 / 16],
  ["square_hd", "Square HD", 1],
  ["16:9", "16:9", 16 / 9],
  ["2.39:1", "2.39:1", 2.39],
  ["1024x768", "1024 × 768", 4 / 3],
  ["1280*720", "1280 × 720", 16 / 9],
  ["auto", "Auto", null],
  ["1080p", "1080p", null],
  ["auto_2k", "Auto 2K", null],
  [512, "512", null],
])("the shape %s is called %s", (option, words, ratio) => {
  expect(formatOption("shape", option)).toBe(words);
  expect(readRatio(option)).toEqual(ratio);
});

test("a size is turned on its side where the deployment takes it so", () => {
  const sides = sidesOf({ maximum: 1_100 });
  const turned = [
    [768, 1_024],
    [768, 1_200],
    [768, 768],
    [NaN, 768],
  ].map(([wide = 0, high = 0]) => sides && turn(sides, wide, high));
  expect(turned).toEqual([{ width: 1_024, height: 768 }, null, null, null]);
});

test("how long the result gets is said of a number of seconds, and of frames where their rate is that of a film", () => {
  const lengthOf = (name: string, fps: number, draft = {}) => {
    const properties = {
      [name]: { type: "integer", default: 41 },
      fps: { type: "integer", default: fps },
    };
    const fields = readFields({ properties, additionalProperties: false });
    return fields.map((field) => formatLength(field, fields, draft));
  };
  expect(lengthOf("duration", 24)).toEqual(["41 s", ""]);
  expect(lengthOf("duration", 24, { duration: "80" })).toEqual(["1 min 20 s", ""]);
  expect(lengthOf("duration", 24, { duration: "long" })).toEqual(["", ""]);
  expect(lengthOf("num_frames", 24)).toEqual(["1.7 s", ""]);
  expect(lengthOf("num_frames", 24, { num_frames: "81", fps: "16" })).toEqual(["5.1 s", ""]);
  expect(lengthOf("num_frames", 1)).toEqual(["", ""]);
  expect(lengthOf("steps", 24)).toEqual(["", ""]);
});

test("a length in seconds has its unit, once", () => {
  const options = ["5", 10, "2.5", "5s", "10 sec", "auto"];
  expect(options.map((option) => formatOption("seconds", option))).toEqual([
    ...["5 s", "10 s", "2.5 s", "5 s", "10 s", "Auto"],
  ]);
});

test("a shape is turned on its side where the deployment has both", () => {
  const options = ["auto", "square", "landscape_4_3", "landscape_16_9", "portrait_4_3", "21:9"];
  expect(options.map((option) => rotate(options, option))).toEqual([
    ...[undefined, undefined, "portrait_4_3", undefined, "landscape_4_3", undefined],
  ]);
});

test("the place of a result has the shape that was asked for by its name, before the result is there", () => {
  const image_size = { enum: ["square", "portrait_16_9"], default: "square" };
  const fields = readFields({ properties: { image_size } });
  expect(ratioOf({ image_size: "portrait_16_9" }, fields)).toBe(9 / 16);
  expect(ratioOf({}, fields)).toBe(1);
});
