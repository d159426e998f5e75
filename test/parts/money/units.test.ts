import { expect, test } from "vitest";

import { countUnits } from "../../../src/parts/money/units.ts";

test.each([
  [{}, {}, 1],
  [{ prompt: "p" }, { num_images: 1 }, 1],
  [{ num_images: 4 }, { num_images: 1 }, 4],
  [{}, { number_of_images: 2 }, 2],
  [{ number_of_images: null }, { number_of_images: 2 }, 2],
  [{ n: "3" }, {}, 3],
  // A bound that allows no more than one.
  [{ max_images: 1 }, {}, 1],
  [{ max_images: 4, num_images: 2 }, {}, 2],
])("of %j with the defaults %j it counts %j outputs", (input, defaults, outputs) => {
  expect(countUnits("output", input, defaults)).toBe(outputs);
});

test.each([
  [{ max_images: 4 }],
  [{ num_images: 0 }],
  [{ num_images: 1.5 }],
  [{ num_images: -1 }],
  [{ num_images: "auto" }],
  [{ num_images: 1e9 }],
  [{ num_images: [1] }],
])("how many outputs %j makes is not known", (input) => {
  expect(countUnits("output", input, {})).toContain("How many files it makes is not known");
});

test("seconds are the duration or its default, for each output", () => {
  expect(countUnits("second", { duration: 8 }, { duration: 5 })).toBe(8);
  expect(countUnits("second", { duration: "10" }, { duration: "auto" })).toBe(10);
  expect(countUnits("second", { duration: 2.5 }, {})).toBe(2.5);
  expect(countUnits("second", {}, { duration: 5 })).toBe(5);
  expect(countUnits("second", { num_images: 2 }, { duration: 5 })).toBe(10);
});

test.each([{}, { duration: "auto" }, { duration: 0 }, { duration: -5 }, { duration: 1e300 }])(
  "how many seconds %j has is not known, and the text says what would help",
  (input) => {
    const reason = countUnits("second", input, {});
    expect(reason).toContain("no `duration` in seconds. Set one");
    expect(reason).toContain("After three runs of yours with the same settings");
  },
);

test("a unit that no input shows is named", () => {
  expect(countUnits("megapixel", { width: 64 }, {})).toContain("by the megapixel, which an input");
});
