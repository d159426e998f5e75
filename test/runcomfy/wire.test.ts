import { expect, test } from "vitest";

import type { JsonValue } from "../../src/job/json.ts";
import {
  readCancelReport,
  readRequestId,
  readResultReport,
  readStatusReport,
} from "../../src/runcomfy/wire.ts";

test.each([
  ["in_queue", "queued"],
  ["queued", "queued"],
  ["pending", "queued"],
  ["waiting", "queued"],
  ["in_progress", "running"],
  ["starting", "running"],
  ["processing", "running"],
  ["running", "running"],
  ["succeeded", "succeeded"],
  ["completed", "finished"],
  ["failed", "failed"],
  ["error", "failed"],
  ["cancelled", "cancelled"],
  ["canceled", "cancelled"],
  ["IN_QUEUE", "queued"],
  ["Succeeded", "succeeded"],
  ["archiving", "unknown"],
  ["constructor", "unknown"],
  ["", "unknown"],
])("The status %s means %s", (status, state) => {
  expect(readStatusReport({ request_id: "r", status })?.state).toBe(state);
});

test.each([
  [0, 0],
  [12, 12],
  [null, null],
  ["3", null],
  [-1, null],
  [1.5, null],
  [2 ** 31, null],
  [{}, null],
])("The queue position %j is read as %j", (position, expected) => {
  const report = readStatusReport({ status: "in_queue", queue_position: position });
  expect(report?.queuePosition).toBe(expected);
});

test("A status word goes into the log printable and short", () => {
  const report = readStatusReport({ status: `\u001b[31m${"x".repeat(100)}` });
  expect(report?.word).toBe(`?[31m${"x".repeat(59)}`);
});

test.each([
  ["cancelled", "cancelled"],
  ["failed", "failed"],
  ["succeeded", "succeeded"],
  ["not_cancellable", "finished"],
  [undefined, "finished"],
])("`completed` with the outcome %s means %s", (outcome, state) => {
  const body = { status: "completed", ...(outcome !== undefined && { outcome }) };
  expect(readStatusReport(body)?.state).toBe(state);
});

test.each<[JsonValue]>([[null], ["x"], [[]], [{}], [{ status: 1 }], [{ error_code: 1 }]])(
  "%j is no status, no result and no cancel's answer",
  (body) => {
    expect(readStatusReport(body)).toBeNull();
    expect(readResultReport(body)).toBeNull();
    expect(readCancelReport(body)).toBeNull();
  },
);

test("An error that names no request is no answer about a job, whatever its status says", () => {
  const body = { status: "error", error_code: 403_003, error_message: "not yours" };
  expect(readStatusReport(body)).toBeNull();
  expect(readResultReport(body)).toBeNull();
  expect(readCancelReport(body)).toBeNull();
  expect(readStatusReport({ ...body, request_id: "r" })?.state).toBe("failed");
});

test.each([
  ["in_queue", "queued"],
  ["running", "running"],
  ["archiving", "unknown"],
])("A result asked for early says that the job is unfinished: %s", (status, state) => {
  expect(readResultReport({ status, output: null })).toEqual({ kind: "unfinished", state });
});

test.each<[JsonValue]>([[{ images: [] }], ["https://a.example/1.png"], [[]], [false], [0], [""]])(
  "A success passes its output on unchanged: %j",
  (output) => {
    const finishedAt = new Date("2025-07-22T13:13:03.624Z");
    const body = { status: "succeeded", output, finished_at: "2025-07-22T13:13:03.624471" };
    expect(readResultReport(body)).toEqual({ kind: "succeeded", output, finishedAt });
    expect(readResultReport({ ...body, status: "completed" })).toEqual({
      kind: "succeeded",
      output,
      finishedAt,
    });
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
  [[{ errorCode: 7, error: "out of memory", debugInfo: "secret" }], "out of memory"],
  [["first", { error: "second" }], "first; second"],
  [{ type: "OOM", debugInfo: "secret" }, null],
  ["", null],
  [[], null],
  [null, null],
  [7, null],
  [undefined, null],
])("A failed result's error %j gives the reason %j", (error, reason) => {
  const body = { status: "failed", ...(error !== undefined && { error }) };
  expect(readResultReport(body)).toEqual({ kind: "failed", reason, finishedAt: null });
});

test.each([
  [{ status: "completed", outcome: "cancelled" }, "cancelled"],
  [{ status: "completed", outcome: "CANCELED" }, "cancelled"],
  [{ status: "cancelled" }, "cancelled"],
  [{ status: "completed", outcome: "not_cancellable" }, "not-cancellable"],
  [{ status: "not_cancellable" }, "not-cancellable"],
  [{ status: "cancellation_requested" }, "requested"],
  [{ status: "completed" }, "requested"],
  [{ status: "in_queue", outcome: "pending" }, "requested"],
])("A cancel that answers %j is %s", (body, report) => {
  expect(readCancelReport(body)).toBe(report);
});

test.each<[JsonValue, string | null]>([
  [{ request_id: "a-B_9" }, "a-B_9"],
  [{ request_id: "x".repeat(129) }, null],
  [{ request_id: "../x" }, null],
  [{ request_id: ".." }, null],
  [{ request_id: "a\n" }, null],
  [{ request_id: 7 }, null],
  [{ request_id: "" }, null],
  [{}, null],
  [[], null],
])("The submit's answer %j has the usable id %j", (body, id) => {
  expect(readRequestId(body)).toBe(id);
});
