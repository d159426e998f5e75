import { expect, test } from "vitest";

import { readFields } from "../../../../console/src/model/fields";
import { drawSeed, findSeeds, withSeeds } from "../../../../console/src/model/seeds";

const seedsOf = (seed: object) =>
  findSeeds(readFields({ properties: { seed: { type: "integer", ...seed } } }), {});

test("what was drawn stands for a seed that is left out or random, and no other", () => {
  const seeds = seedsOf({ minimum: -1 });
  expect(withSeeds(seeds, { prompt: "A boat" }, 7)).toEqual({ prompt: "A boat", seed: 7 });
  expect(withSeeds(seeds, { seed: -1 }, 7)).toEqual({ seed: 7 });
  expect(withSeeds(seeds, { seed: 0 }, 7)).toEqual({ seed: 0 });
});

test("of several, each has a seed of its own within the bounds", () => {
  const seeds = seedsOf({ minimum: 10, maximum: 13 });
  const four = [0, 1, 2, 3].map((nth) => withSeeds(seeds, {}, 2, nth)["seed"]);
  expect(four).toEqual([12, 13, 10, 11]);
  expect(withSeeds(seedsOf({}), { seed: 42 }, 7, 3)).toEqual({ seed: 45 });
});

test("a seed is drawn that is not below 0, unless nothing else is left", () => {
  expect(drawSeed({ minimum: -9, maximum: 0 })).toBe(0);
  expect(drawSeed({ minimum: -9, maximum: -9 })).toBe(-9);
  expect(drawSeed({ minimum: null, maximum: null })).toBeGreaterThanOrEqual(0);
});

test("where nothing is known of the fields, the seed is the one that was given", () => {
  const fields = readFields(null);
  expect(findSeeds(fields, { seed: -1 })).toHaveLength(1);
  expect(findSeeds(fields, { prompt: "A boat" })).toEqual([]);
});
