import { expect, test } from "vitest";

import { findAssets, keepBackOffMs, toAssets, toUrls } from "../../src/engine/job/asset.ts";
import { findWorkflowAssets } from "../../src/engine/runcomfy/kinds/comfyui/assets.ts";
import type { JsonValue } from "../../src/engine/job/json.ts";

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

test("a URL of more than 4,096 characters is no asset, which is reported for each that would be one", () => {
  const toUrl = (length: number) => "https://x.runcomfy.net/".padEnd(length, "a");
  const [longest, tooLong] = [toUrl(4_096), toUrl(4_097)];
  let reported = 0;
  const onLongUrl = () => (reported += 1);
  const output = { images: [longest, tooLong, tooLong, "a".repeat(5_000)] };
  expect(toUrls(findAssets(output, null, onLongUrl))).toEqual([longest]);
  expect(reported).toBe(2);
  const nodes = { 9: { images: [{ url: tooLong }, { url: longest }], text: [tooLong] } };
  expect(toUrls(findWorkflowAssets(nodes, null, onLongUrl))).toEqual([longest]);
  expect(reported).toBe(3);
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

test("of more files than any output has, the first 1,000 are listed", () => {
  const urls = Array.from({ length: 2_000 }, (_, index) => `https://x.runcomfy.net/${index}.png`);
  expect(findAssets(urls).map(({ url }) => url)).toEqual(urls.slice(0, 1_000));
  const named = Object.fromEntries(urls.map((url, index) => [`image${index}`, url]));
  expect(findAssets([null, { none: null }, named])).toHaveLength(1_000);
});

test("what a file is, is decided by the nearest member that says anything", () => {
  const url = "https://x.runcomfy.net/";
  const output = {
    video: {
      still: `${url}a`,
      image: [[`${url}b`]],
      sound: { filename: "a.png", of: { cover: `${url}c` } },
    },
    filename: `${url}d`,
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

test("each URL is listed once", () => {
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
