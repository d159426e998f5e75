import { expect, test } from "vitest";

import { foldText, searchTextProblem, toSearchText } from "../../src/job/input.ts";

test("every text of an input is found by, folded, in a line of its own", () => {
  const input = {
    prompt: "An OLD sailor,\n\tin  golden light",
    steps: 30,
    images: [{ url: "https://files.example/Sailor.PNG" }, null, true],
    accent: "CAFE\u0301",
  };
  expect(toSearchText(input)).toBe(
    "an old sailor, in golden light\nhttps://files.example/sailor.png\ncaf\u00e9",
  );
  // Capitals do not tell which sigma ends a word.
  expect(foldText("ΚΟΣΜΟΣ")).toContain(foldText("ΚΟΣ"));
  expect(foldText("Caf\u00e9")).toBe(foldText("CAFE\u0301"));
});

test("pictures that are written as text are left out, and so is what comes after 4,000 characters", () => {
  expect(toSearchText({ image: "data:image/png;base64,AAAA", prompt: "b" })).toBe("b");
  expect(toSearchText({ prompt: "x".repeat(1_000_000) })).toHaveLength(4_000);
  expect(toSearchText({ a: "x".repeat(3_990), b: "y".repeat(100) })).toHaveLength(4_000);
  // Cut between the halves of an emoji.
  expect(toSearchText({ prompt: `${"x".repeat(3_999)}😀` }).isWellFormed()).toBe(true);
});

test.each([
  ["", "has to be 3 to 200"],
  ["ab", "has to be 3 to 200"],
  ["a  \n ", "has to be 3 to 200"],
  ["😀😀", "has to be 3 to 200"],
  ["x".repeat(201), "has to be 3 to 200"],
  ["abc\0", "U+0000"],
  ["abc\ud800", "half a character"],
])("nothing is found by %j", (text, problem) => {
  expect(searchTextProblem(text)).toContain(problem);
});

test.each(["abc", "a b", "😀😀😀", "日本語", '"%_\\', "x".repeat(200)])(
  "%j can be searched for",
  (text) => {
    expect(searchTextProblem(text)).toBeNull();
  },
);
