import { expect, test } from "vitest";

import {
  createUploadId,
  findUploads,
  isUploadReference,
  replaceUploads,
} from "../../src/job/input.ts";

const [A, B] = [createUploadId(), createUploadId()];

test("an id can't be guessed, and only what looks like one makes a reference", () => {
  expect(A).toMatch(/^upl_[0-9a-f]{32}$/);
  expect(A).not.toBe(B);
  expect(isUploadReference(`upload:${A}`)).toBe(true);
  for (const text of [A, ` upload:${A}`, "upload:", "upload:a cat", `Upload:${A}`])
    expect(isUploadReference(text)).toBe(false);
});

test("uploads are found wherever an input names them, and replaced in a copy", () => {
  const input = { a: `upload:${A}`, b: [1, { c: `upload:${B}`, d: null }], e: `see upload:${A}` };
  expect(findUploads(input)).toEqual([
    { id: A, path: ["a"] },
    { id: B, path: ["b", 1, "c"] },
  ]);
  const urls = new Map([
    [A, "https://a"],
    [B, "https://b"],
  ]);
  expect(replaceUploads(input, urls)).toEqual({
    a: "https://a",
    b: [1, { c: "https://b", d: null }],
    e: `see upload:${A}`,
  });
  expect(replaceUploads(input, new Map())).toEqual(input);
  // One that was cut on the way names an upload that is not there.
  expect(findUploads(["upload:upl_00"])).toEqual([{ id: "upl_00", path: [0] }]);
});
