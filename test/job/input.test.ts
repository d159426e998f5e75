import { expect, test } from "vitest";

import {
  checkJson,
  checkTags,
  createUploadId,
  findUploads,
  foldText,
  isUploadReference,
  replaceUploads,
  searchTextProblem,
  tagProblem,
  toPathText,
  toSearchText,
} from "../../src/engine/job/input.ts";
import { isIdentifier } from "../../src/engine/job/job.ts";
import type { JsonValue } from "../../src/engine/job/json.ts";
import { toCanonicalJson } from "../../src/engine/job/json.ts";

function nested(depth: number): JsonValue {
  return depth === 0 ? 1 : [nested(depth - 1)];
}

test("ordinary input has no issues, and __proto__, then and constructor are data", () => {
  const input: JsonValue = JSON.parse(
    '{"__proto__":{"a":1},"then":1,"constructor":[null,true,0.5,"é😀"]}',
  );
  expect(checkJson(input)).toEqual({ issues: [], bytes: Buffer.byteLength(JSON.stringify(input)) });
  expect(checkJson(nested(64)).issues).toEqual([]);
});

test.each<[string, JsonValue, string]>([
  ["U+0000", { prompt: "a\0b" }, "prompt"],
  ["half a surrogate pair", { prompts: [{ text: "\ud800" }] }, "prompts[0].text"],
  ["a key with U+0000", { "a\0": 1 }, '["a\\u0000"]'],
  ["an integer beyond 2^53-1", { seed: 2 ** 53 }, "seed"],
  ["a number beyond JSON", { seed: Infinity }, "seed"],
  ["nesting deeper than 64", nested(65), "[0]".repeat(65)],
])("%s is an issue with its path", (_, input, path) => {
  expect(checkJson(input).issues.map((issue) => toPathText(issue.path))).toEqual([path]);
});

test("a hostile input gets at most 20 issues", () => {
  expect(checkJson(Array.from({ length: 1_000 }, () => "\0")).issues).toHaveLength(20);
});

test.each<[string, (size: number) => JsonValue]>([
  ["a text", (size) => ({ prompt: "x".repeat(size - 13) })],
  ["escapes", (size) => ({ prompt: `${"\u0001".repeat(9)}${"x".repeat(size - 13 - 54)}` })],
  ["values", (size) => ({ ab: Array.from({ length: size / 2 - 4 }, () => 1) })],
])("256 KiB of %s are the most that an input may take as JSON", (_what, toInput) => {
  const most = toInput(262_144);
  const bytes = JSON.stringify(most).length;
  expect(bytes).toBe(262_144);
  expect(checkJson(most)).toEqual({ issues: [], bytes });
  for (const size of [262_146, 600_000])
    expect(checkJson(toInput(size)).issues).toEqual([
      { path: [], message: expect.stringContaining("more than 256 KiB as JSON") },
    ]);
});

test.each(["a", "Holiday 2026", "x".repeat(64), "ü 😀", " ", "a,b"])("%j can be a tag", (tag) => {
  expect(tagProblem(tag)).toBeNull();
  expect(checkTags([tag])).toEqual([]);
});

test.each([
  ["", "1 to 64 characters"],
  ["x".repeat(65), "1 to 64 characters"],
  ["a\nb", "control character"],
  ["\u0085", "control character"],
  ["\ud83d", "half a character"],
])("%j can't be a tag, and the reason is given at its place", (tag, reason) => {
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

test("an id is 1 to 128 letters, digits, _ or -", () => {
  expect(["a", "Job_1-x", "9".repeat(128)].filter((id) => !isIdentifier(id))).toEqual([]);
  const others = ["", "9".repeat(129), "..", "a/b", "a.b", "é", "a\n", "a\0", 7, null];
  expect(others.filter(isIdentifier)).toEqual([]);
});

test("paths are written as a client would write them", () => {
  expect(toPathText(["images", 0, "url"])).toBe("images[0].url");
  expect(toPathText(["odd key", "in.it"])).toBe('["odd key"]["in.it"]');
  expect(toPathText([])).toBe("");
});

test("canonical JSON compares by value, not by spelling", () => {
  const one: JsonValue = JSON.parse('{"b":[1.0,{"y":null,"x":"z"}],"a":true}');
  const other: JsonValue = JSON.parse('{"a":true,"b":[1,{"x":"z","y":null}]}');
  expect(toCanonicalJson(one)).toBe(toCanonicalJson(other));
  expect(toCanonicalJson({ a: "1" })).not.toBe(toCanonicalJson({ a: 1 }));
  expect(toCanonicalJson([1, 2])).not.toBe(toCanonicalJson([2, 1]));
});

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
  // Capitals do not show which sigma ends a word.
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
