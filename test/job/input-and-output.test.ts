import { expect, test } from "vitest";

import { findAssets, keepBackOffMs, toAssets, toUrls } from "../../src/job/asset.ts";
import { checkJson, checkTags, tagProblem, toPathText } from "../../src/job/input.ts";
import { isIdentifier } from "../../src/job/job.ts";
import type { JsonValue } from "../../src/job/json.ts";
import { toCanonicalJson } from "../../src/job/json.ts";

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

test("every hosted file of an output is found where it is, whatever its shape", () => {
  const output: JsonValue = {
    images: ["https://x.runcomfy.net/a.png?sig=1", "https://x.runcomfy.net/b"],
    video: "https://x.runcomfy.net/c.mp4",
    files: [
      { url: "https://x.runcomfy.net/d", filename: "e.wav" },
      { url: "https://x.runcomfy.net/f", filename: 3 },
    ],
    prompt: "see https://example.com",
    broken: "https://",
    seed: 42,
  };
  expect(findAssets(output).map(({ path, kind }) => [path, kind])).toEqual([
    ["images[0]", "IMAGE"],
    ["images[1]", "IMAGE"],
    ["video", "VIDEO"],
    ["files[0].url", "AUDIO"],
    ["files[1].url", "OTHER"],
  ]);
  expect(findAssets("https://x.runcomfy.net/a.webm")[0]).toMatchObject({
    path: "",
    kind: "VIDEO",
  });
});

test("a key that is far too long is cut in the paths of all files that are in it", () => {
  const urls = Array.from({ length: 900 }, (_, index) => `https://x.runcomfy.net/${index}`);
  const output = { ["image ".repeat(100_000)]: { ["k".repeat(999)]: urls } };
  const assets = findAssets(output);
  expect(assets.map(({ url }) => url)).toEqual(urls);
  expect(new Set(assets.map(({ path, kind }) => `${path.length} ${kind}`))).toEqual(
    new Set(["1000 IMAGE"]),
  );
});

test("of more files than any output has, the first 1,000 are told", () => {
  const urls = Array.from({ length: 2_000 }, (_, index) => `https://x.runcomfy.net/${index}.png`);
  expect(findAssets(urls).map(({ url }) => url)).toEqual(urls.slice(0, 1_000));
  const named = Object.fromEntries(urls.map((url, index) => [`image${index}`, url]));
  expect(findAssets([null, { none: null }, named])).toHaveLength(1_000);
});

test("what a file is, is told by what is nearest to it that tells anything", () => {
  const url = "https://x.runcomfy.net/a";
  const output = {
    video: { still: url, image: [[url]], sound: { filename: "a.png", of: { cover: url } } },
    filename: url,
  };
  expect(findAssets(output).map(({ path, kind }) => [path, kind])).toEqual([
    ["video.still", "VIDEO"],
    ["video.image[0][0]", "IMAGE"],
    ["video.sound.of.cover", "IMAGE"],
    ["filename", "OTHER"],
  ]);
});

test("assets are read from JSON as they were found, and what is none is left out", () => {
  const assets = findAssets({ images: ["https://x.runcomfy.net/a.png"] });
  expect(toAssets(JSON.parse(JSON.stringify(assets)))).toEqual(assets);
  expect(toAssets(null)).toEqual([]);
  expect(toAssets([null, {}, "https://x.runcomfy.net/a.png"])).toEqual([]);
});

test("each URL is told once", () => {
  const url = "https://x.runcomfy.net/a.png";
  expect(toUrls(findAssets([url, { url }]))).toEqual([url]);
});

const DAY_MS = 86_400_000;

test("a file that can't be fetched is tried again after 2 s, and then twice as late each time, up to 6 h", () => {
  const delays = [1, 2, 3, 14, 15, 1_000].map((attempts) => keepBackOffMs(attempts, 0, 1));
  expect(delays).toEqual([2_000, 4_000, 8_000, 16_384_000, 21_600_000, 21_600_000]);
  expect(keepBackOffMs(1, 0, 0)).toBe(1_000);
});

test("it is given up six days after its job's end, and after five attempts at least", () => {
  expect(keepBackOffMs(40, 6 * DAY_MS - 1, 0.5)).not.toBeNull();
  expect(keepBackOffMs(5, 6 * DAY_MS, 0.5)).toBeNull();
  expect(keepBackOffMs(4, 6 * DAY_MS, 0.5)).not.toBeNull();
});
