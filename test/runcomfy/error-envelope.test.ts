import { expect, test } from "vitest";

import type { JsonValue } from "../../src/job/json.ts";
import { readErrorEnvelope } from "../../src/runcomfy/error-envelope.ts";

test.each<[JsonValue, number | null]>([
  [{ error_code: 404_001, error_message: "no" }, 404_001],
  [{ error_code: "404001" }, 404_001],
  [{ error_message: "no" }, null],
  [{ detail: "no" }, null],
  [{ detail: [] }, null],
  [{ detail: { error: { code: 10_001, message: "no", details: {} } } }, 10_001],
  [{ detail: { error: { code: "INVALID" } } }, null],
])("%j is an error of code %j", (body, code) => {
  expect(readErrorEnvelope(body)).toEqual({ code, issues: [] });
});

test.each<[JsonValue]>([
  [null],
  ["no"],
  [[]],
  [{}],
  [{ message: "accepted" }],
  [{ error_code: 0, error_message: "" }],
  [{ request_id: "r", detail: null }],
])("%j is no error", (body) => {
  expect(readErrorEnvelope(body)).toBeNull();
});

test("A list of problems becomes issues with paths of the input and cleaned texts", () => {
  const detail = [
    { loc: ["body", "width"], msg: "must be at least 64", type: "x" },
    { loc: ["body", "prompts", 0, "text"], msg: "see http://internal/x", type: "x" },
    { loc: ["body", "body"], msg: "odd", type: "x" },
    { loc: ["body"], type: "x" },
    { msg: "no place" },
    "garbage",
  ];
  expect(readErrorEnvelope({ detail })?.issues).toEqual([
    { path: ["width"], message: "must be at least 64" },
    { path: ["prompts", 0, "text"], message: "see [removed]" },
    { path: ["body"], message: "odd" },
    { path: [], message: expect.stringContaining("not accepted by RunComfy") },
  ]);
});

test("No more than twenty problems are read", () => {
  const detail = Array.from({ length: 1_000 }, () => ({ loc: ["body", "x"], msg: "no" }));
  expect(readErrorEnvelope({ detail })?.issues).toHaveLength(20);
});
