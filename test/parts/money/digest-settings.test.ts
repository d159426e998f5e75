import { expect, test } from "vitest";

import { createForm } from "./make-quotes.ts";
import { digestSettings } from "../../../src/parts/money/digest-settings.ts";
import type { JsonObject } from "../../../src/engine/job/json.ts";

const SHAPE = createForm({
  prompt: { type: "string", default: "A lighthouse" },
  duration: { type: "integer", default: 5 },
  resolution: { enum: ["480p", "720p"], default: "720p" },
  sound: { type: "boolean", default: true },
  scale: { type: "float", default: null },
  seed: { type: "integer", default: 42 },
  images: { type: "array", format: "image_uris" },
  shots: {
    type: "array",
    items: {
      type: "object",
      properties: {
        text: { type: "string" },
        length: { enum: ["2", "3"], default: "3" },
        seed: { type: "integer" },
      },
    },
  },
  camera: { type: "object", properties: { speed: { type: "number", default: 1 } } },
  size: { type: ["integer", "string"] },
});

const USUAL = digest({ prompt: "p" });

function digest(input: JsonObject): string | null {
  return digestSettings(input, SHAPE, "sandbox");
}

test.each<JsonObject>([
  {},
  { prompt: "something else", seed: 7 },
  { duration: 5, resolution: "720p", sound: true, scale: null, seed: null },
  { sound: true, resolution: "720p" },
])("texts, seeds, defaults and the order of members make no difference: %j", (input) => {
  expect(digest(input)).toBe(USUAL);
});

test("every enum, number, boolean and length makes a difference, at any depth, and so does what is in no schema", () => {
  const inputs: readonly JsonObject[] = [
    ...[{}, { duration: 6 }, { resolution: "480p" }, { sound: false }, { scale: 1 }],
    ...[{ images: [] }, { images: ["https://a.example/1.png"] }, { images: ["a", "b"] }],
    ...[{ shots: [] }, { shots: [{}] }, { shots: [{ length: "2" }] }, { shots: [{}, {}] }],
    ...[{ camera: {} }, { camera: { speed: 2 } }, { size: 512 }, { size: "512" }],
    ...[{ quality: "high" }, { quality: "low" }, { constructor: 1 }],
  ];
  expect(new Set(inputs.map(digest)).size).toBe(inputs.length);
});

test("texts, files and seeds make none at any depth either", () => {
  expect(digest({ shots: [{ text: "one", seed: 1 }] })).toBe(digest({ shots: [{ length: "3" }] }));
  expect(digest({ images: ["a", "b"] })).toBe(digest({ images: ["c", "d"] }));
  expect(digest({ camera: { speed: 1 } })).toBe(digest({ camera: {} }));
});

test("an input of more values than a form has teaches nothing", () => {
  const form = createForm({ prompt: { type: "string" }, points: { type: "array" } });
  const points = Array.from({ length: 2_000 }, (_, index) => index);
  expect(digestSettings({ prompt: "a", points }, form, "sandbox")).toBeNull();
  expect(digestSettings({ prompt: "a", points: [1] }, form, "sandbox")).toMatch(/^[\w-]{43}$/);
});
