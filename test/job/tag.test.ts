import { expect, test } from "vitest";

import { checkTags, tagProblem } from "../../src/job/input-issue.ts";

test.each(["a", "Holiday 2026", "x".repeat(64), "ü 😀", " ", "a,b"])("%j can be a tag", (tag) => {
  expect(tagProblem(tag)).toBeNull();
  expect(checkTags([tag])).toEqual([]);
});

test.each([
  ["", "1 to 64 characters"],
  ["x".repeat(65), "1 to 64 characters"],
  ["a\nb", "control character"],
  ["\u0000", "control character"],
  ["\u0085", "control character"],
  ["\ud83d", "half a character"],
])("%j can't be a tag, and is told why at its place", (tag, reason) => {
  expect(checkTags(["a", tag, "b"])).toEqual([
    { path: ["tags", 1], message: expect.stringContaining(reason) },
  ]);
});

test("ten tags are enough, however often each comes", () => {
  const ten = Array.from({ length: 10 }, (_, index) => `tag-${index}`);
  expect(checkTags([...ten, ...ten])).toEqual([]);
  expect(checkTags([...ten, "tag-11", ""])).toEqual([
    {
      path: ["tags"],
      message: "has 12 different tags; leave some out, as a job has at most 10",
    },
  ]);
  expect(checkTags(["", "", ""])).toHaveLength(1);
});
