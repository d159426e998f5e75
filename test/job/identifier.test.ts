import { expect, test } from "vitest";

import { isIdentifier } from "../../src/job/job.ts";

test("an id is 1 to 128 letters, digits, _ or -", () => {
  expect(["a", "Job_1-x", "9".repeat(128)].filter((id) => !isIdentifier(id))).toEqual([]);
  const others = ["", "9".repeat(129), "..", "a/b", "a.b", "é", "a\n", "a\0", 7, null];
  expect(others.filter(isIdentifier)).toEqual([]);
});
