import { expect, test } from "vitest";

import { isModelId } from "../../src/engine/runcomfy/kinds/model/model-id.ts";

test.each([
  "a/b",
  "blackforestlabs/flux-2/flash/text-to-image",
  "wan-ai/wan-3.0/x",
  "a/..b",
  "a/b.",
])("%s can be a model's id", (id) => {
  expect(isModelId(id)).toBe(true);
});

test.each([
  ["a single segment", "flux"],
  ["an empty segment", "a//b"],
  ["a slash in front", "/a/b"],
  ["a slash behind", "a/b/"],
  ["the same folder", "a/./b"],
  ["the folder above", "a/../b"],
  ["the folder above at the end", "a/.."],
  ["a query", "a/b?c"],
  ["an escape", "a/%2e%2e"],
  ["a backslash", String.raw`a\b/c`],
  ["a line break", "a/b\n"],
  ["more than 200 characters", `a/${"b".repeat(199)}`],
])("with %s it can't be a model's id", (_, id) => {
  expect(isModelId(id)).toBe(false);
});
