import { expect, test } from "vitest";

import { findAssets, toAssets, toUrls } from "../../src/job/asset.ts";
import { checkJson, toPathText } from "../../src/job/input-issue.ts";
import {
  DeploymentNotFoundError,
  IdempotencyConflictError,
  InvalidInputError,
  JobNotCancellableError,
  JobNotFoundError,
  UPSTREAM_SENTENCES,
  UpstreamError,
} from "../../src/job/errors.ts";
import { createJob } from "../../src/job/job.ts";
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
  expect(checkJson(toInput(262_146)).issues).toEqual([
    { path: [], message: expect.stringContaining("more than 256 KiB as JSON") },
  ]);
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

test("every error names the thing and the next step", () => {
  const job = createJob({
    ownerId: "local",
    deploymentId: "d",
    upstream: "sandbox",
    apiVersion: "v1",
    now: new Date(0),
  });
  expect(new DeploymentNotFoundError("warm").message).toMatch(/"warm".*Choose/);
  expect(new IdempotencyConflictError("job_1").message).toMatch(/job_1.*submit again/);
  expect(new JobNotFoundError("job_2").message).toMatch(/job_2.*jobs/);
  expect(new InvalidInputError([]).message).toMatch(/Correct/);
  expect(new JobNotCancellableError({ ...job, status: "IN_PROGRESS" }).message).toMatch(
    /already running/,
  );
  expect(new JobNotCancellableError({ ...job, status: "FAILED" }).message).toMatch(/already ended/);
  expect(new UpstreamError("RATE_LIMITED", { retryAfterSeconds: 3 })).toMatchObject({
    retryable: true,
    retryAfterSeconds: 3,
  });
  expect(new UpstreamError("UNAVAILABLE", { message: "Away." }).message).toBe("Away.");
  for (const [code] of UPSTREAM_SENTENCES) {
    expect(new UpstreamError(code, { unconfirmedJob: job })).toMatchObject({
      code,
      unconfirmedJob: job,
    });
  }
  expect(new UpstreamError("SUBMISSION_UNKNOWN")).toMatchObject({
    retryable: false,
    unconfirmedJob: null,
  });
});
