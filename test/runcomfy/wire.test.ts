import { expect, test } from "vitest";

import type { JsonValue } from "../../src/engine/job/json.ts";
import { readErrorEnvelope } from "../../src/engine/runcomfy/answer-error.ts";
import { readLiveDeployments } from "../../src/engine/runcomfy/read-deployments.ts";
import { readRetryAfterMs } from "../../src/engine/runcomfy/transport.ts";
import {
  readCancelReport,
  readRequestId,
  readResultReport,
  readStatusReport,
  readUpstreamTime,
} from "../../src/engine/runcomfy/wire.ts";

test.each([
  ["queued", "in_queue queued pending waiting IN_QUEUE"],
  ["running", "in_progress starting processing running"],
  ["succeeded", "succeeded Succeeded"],
  ["finished", "completed"],
  ["failed", "failed error"],
  ["cancelled", "cancelled canceled"],
  ["unknown", "archiving constructor "],
])("A job is %s where its status is one of: %s", (state, words) => {
  for (const status of words.split(" "))
    expect(readStatusReport({ request_id: "r", status })?.state, status).toBe(state);
});

test("An error is an answer about a job where it names the request", () => {
  expect(readStatusReport({ ...NOT_YOURS, request_id: "r" })?.state).toBe("failed");
});

test("A queue position is a whole number of GraphQL's, or none", () => {
  const read = (queue_position: JsonValue) =>
    readStatusReport({ status: "in_queue", queue_position })?.queuePosition;
  expect([0, 12].map(read)).toEqual([0, 12]);
  for (const odd of [null, "3", -1, 1.5, 2 ** 31, {}])
    expect(read(odd), JSON.stringify(odd)).toBeNull();
});

test("A status word goes into the log printable and short", () => {
  const report = readStatusReport({ status: `\u001b[31m${"x".repeat(100)}` });
  expect(report?.word).toBe(`?[31m${"x".repeat(59)}`);
});

test("`completed` means its outcome, if that is an end", () => {
  for (const outcome of ["cancelled", "failed", "succeeded"])
    expect(readStatusReport({ status: "completed", outcome })?.state).toBe(outcome);
  expect(readStatusReport({ status: "completed", outcome: "odd" })?.state).toBe("finished");
});

const NOT_YOURS = { status: "error", error_code: 403_003, error_message: "not yours" };

test.each<[JsonValue]>([
  [null],
  ["x"],
  [[]],
  [{}],
  [{ status: 1 }],
  [{ error_code: 1 }],
  [NOT_YOURS],
])("%j is no status, no result and no cancel's answer", (body) => {
  expect(readStatusReport(body)).toBeNull();
  expect(readResultReport(body)).toBeNull();
  expect(readCancelReport(body)).toBeNull();
});

test.each<[JsonValue]>([[{ images: [] }], ["https://a.example/1.png"], [[]], [false], [0], [""]])(
  "A success passes its output on unchanged: %j",
  (output) => {
    const finishedAt = new Date("2025-07-22T13:13:03.624Z");
    const body = { status: "succeeded", output, finished_at: "2025-07-22T13:13:03.624471" };
    expect(readResultReport(body)).toEqual({ kind: "succeeded", output, finishedAt });
    expect(readResultReport({ ...body, status: "completed" })?.kind).toBe("succeeded");
  },
);

test("A success without an output can't be read", () => {
  expect(readResultReport({ status: "succeeded" })).toBeNull();
  expect(readResultReport({ status: "succeeded", output: null })).toBeNull();
  expect(readResultReport({ status: "completed", error: [], output: null })).toBeNull();
});

test("A `completed` result is cancelled by its outcome, failed by an error, in that order", () => {
  const body = { status: "completed", error: "bad", output: {} };
  expect(readResultReport({ ...body, outcome: "canceled" })?.kind).toBe("cancelled");
  expect(readResultReport(body)?.kind).toBe("failed");
});

test.each<[JsonValue | undefined, string | null]>([
  ["out of memory", "out of memory"],
  [{ type: "OOM", message: "out of memory" }, "out of memory"],
  [{ error: { message: "out of memory" } }, "out of memory"],
  [[{ errorCode: 7, error: "out of memory", debugInfo: "secret" }], "out of memory (7)"],
  [["first", { error: "second" }], "first; second"],
  ["No https://s3.example/m?sig=1 on 10.1.2.3:8188\n", "No [removed] on [removed]"],
  [{ type: "OOM", debugInfo: "secret" }, null],
  [null, null],
  [7, null],
  [undefined, null],
])("A failed result's error %j gives the reason %j", (error, reason) => {
  const body = { status: "failed", ...(error !== undefined && { error }) };
  expect(readResultReport(body)).toEqual({ kind: "failed", reason, finishedAt: null });
});

test.each([
  [{ status: "completed", outcome: "CANCELED" }, "cancelled"],
  [{ status: "cancelled" }, "cancelled"],
  [{ status: "completed", outcome: "not_cancellable" }, "not-cancellable"],
  [{ status: "not_cancellable" }, "not-cancellable"],
  [{ status: "completed" }, "requested"],
  [{ status: "in_queue", outcome: "pending" }, "requested"],
])("A cancel that answers %j is %s", (body, report) => {
  expect(readCancelReport(body)).toBe(report);
});

test("A submit's answer has an id that can be part of a path, or none", () => {
  expect(readRequestId({ request_id: "a-B_9" })).toBe("a-B_9");
  for (const id of ["x".repeat(129), "../x", "..", "a\n", 7, ""])
    expect(readRequestId({ request_id: id }), String(id)).toBeNull();
  for (const body of [{}, []]) expect(readRequestId(body)).toBeNull();
});

test.each([
  ["2025-07-22T13:05:16.143086", "2025-07-22T13:05:16.143Z"],
  ["2025-07-22 13:05:16.1", "2025-07-22T13:05:16.100Z"],
  ["2025-07-22T15:05:16.143086+02:00", "2025-07-22T13:05:16.143Z"],
  ["2025-07-22T15:05:16.143086+0200", "2025-07-22T13:05:16.143Z"],
  ["2025-07-22T13:05:16+00:00Z", "2025-07-22T13:05:16.000Z"],
])("The time %s is read as %s, whatever the local zone", (text, time) => {
  expect(readUpstreamTime(text)?.toISOString()).toBe(time);
});

test.each([null, undefined, "yesterday", 1_753_189_516, "2025-13-40T25:00:00", "2025-07-22"])(
  "%j is no time",
  (value) => expect(readUpstreamTime(value)).toBeNull(),
);

test.each([
  ["7", 7_000],
  ["0", 0],
  ["1.5", 1_500],
  ["Tue, 22 Jul 2025 13:01:00 GMT", 60_000],
  ["Tue, 22 Jul 2025 12:00:00 GMT", 0],
  ["9".repeat(400), 300_000],
  ["Wed, 22 Jul 2026 13:00:00 GMT", 300_000],
  ["-5", null],
  ["Sunday, or so", null],
  [null, null],
])("Retry-After %s is %s milliseconds", (header, delayMs) => {
  expect(readRetryAfterMs(header, Date.parse("2025-07-22T13:00:00Z"))).toBe(delayMs);
});

test.each<[JsonValue, number | null]>([
  [{ error_code: 404_001, error_message: "no" }, 404_001],
  [{ error_code: "404001" }, 404_001],
  [{ error_message: "no" }, null],
  [{ detail: "no" }, null],
  [{ detail: { error: { code: 10_001, message: "no", details: {} } } }, 10_001],
  [{ detail: { error: { code: "INVALID" } } }, Number.NaN],
])("%j is read as the error %j", (body, code) => {
  expect(readErrorEnvelope(body)).toEqual({ code, issues: [], isValidation: false });
});

test("A body without a word of an error is none", () => {
  const odd = [
    { message: "accepted" },
    { error_code: 0, error_message: "" },
    { error_code: "NONE" },
    { detail: null },
  ];
  for (const body of ["no", [], ...odd]) expect(readErrorEnvelope(body)).toBeNull();
});

test("A list of problems becomes at most twenty issues with paths of the input and cleaned texts", () => {
  const detail = [
    { loc: ["body", "prompts", 0, "text"], msg: "see http://internal/x", type: "x" },
    { loc: ["body", "body"], msg: "odd", type: "x" },
    { loc: ["body"], type: "x" },
    { msg: "no path" },
    "garbage",
  ];
  expect(readErrorEnvelope({ detail })?.issues).toEqual([
    { path: ["prompts", 0, "text"], message: "see [removed]" },
    { path: ["body"], message: "odd" },
    { path: [], message: expect.stringContaining("not accepted by RunComfy") },
  ]);
  const many = Array.from({ length: 1_000 }, () => ({ loc: ["body", "x"], msg: "no" }));
  expect(readErrorEnvelope({ detail: many })?.issues).toHaveLength(20);
});

test("A list of deployments, bare or in an object, keeps what can be read of it", () => {
  const dep = {
    id: "dep",
    name: "A",
    hardware: "AMPERE_48",
    min_instances: 0,
    max_instances: 1.5,
    queue_size: 2 ** 31,
    keep_warm_duration_in_seconds: [60],
    status: 7,
    is_enabled: "yes",
  };
  const expected = {
    ...{
      id: "dep",
      kind: "lora",
      name: "A",
      hardware: ["AMPERE_48"],
      minInstances: 0,
      maxInstances: null,
    },
    ...{ queueSize: null, keepWarmSeconds: null, status: null, isEnabled: null },
  };
  const odd = [null, 7, "dep", [], {}, { id: 7 }, { id: "../dep" }];
  expect(readLiveDeployments([...odd, dep])).toEqual([expected]);
  expect(readLiveDeployments({ deployments: [dep] })).toEqual([expected]);
  expect(readLiveDeployments([{ ...dep, workflow_id: "5c1d" }])).toEqual([
    { ...expected, kind: "comfyui" },
  ]);
  expect(readLiveDeployments([])).toEqual([]);
  expect(readLiveDeployments({ deployments: "none" })).toBeNull();
});

test.each([
  ["two\nlines\u0000", "two lines"],
  ["\u202eright to left", "right to left"],
  [`${"x".repeat(127)}😀😀`, `${"x".repeat(127)}😀`],
  ["half \ud83d.", "half \ufffd."],
  ["\u0000", null],
  [true, null],
])("The text %j of a deployment is read as %j", (text, expected) => {
  const hardware = [text, 7, ...Array.from({ length: 20 }, (_, index) => `GPU ${index}`)];
  const read = readLiveDeployments([{ id: "dep", status: text, name: text, hardware }]);
  expect(read).toMatchObject([{ status: expected, name: expected }]);
  expect(read?.[0]?.hardware).toHaveLength(8);
});
