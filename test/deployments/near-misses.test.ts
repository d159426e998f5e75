import { expect, test } from "vitest";

import { nearMisses } from "../../src/engine/deployments/near-misses.ts";

const FIELDS = ["prompt", "ctrl_img", "ctrl_img_1", "ctrl_img_2", "width", "height", "fps"];

test.for([
  ["ctrl_imgg", ["ctrl_img", "ctrl_img_1", "ctrl_img_2"]],
  // Spelled otherwise, it is that one and no other.
  ["ctrlImg1", ["ctrl_img_1"]],
  ["CTRL-IMG-2", ["ctrl_img_2"]],
  ["promt", ["prompt"]],
  ["hieght", ["height"]],
  ["temperature", []],
  ["", []],
] as const)("%s comes near to %j", ([word, expected]) => {
  expect(nearMisses(word, FIELDS)).toEqual(expected);
});

test("a word may differ in two fifths of its letters and one more", () => {
  expect(nearMisses("abcde", ["abXYZ"])).toEqual(["abXYZ"]);
  expect(nearMisses("abcde", ["aWXYZ"])).toEqual([]);
});

test("only the first 128 characters count", () => {
  const long = "x".repeat(128);
  expect(nearMisses(long, [`${long}${"y".repeat(10_000)}`])).toHaveLength(1);
  expect(nearMisses(`${long}${"y".repeat(10_000)}`, [long])).toEqual([long]);
});
