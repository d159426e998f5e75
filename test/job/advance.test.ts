import { expect, test } from "vitest";

import { advance, type Observation } from "../../src/engine/job/advance.ts";
import type { Job } from "../../src/engine/job/job.ts";
import {
  createJob,
  isCancellable,
  isFinished,
  JOB_STATUSES,
  isFinal,
  isForward,
} from "../../src/engine/job/job.ts";
import { LOST } from "../../src/engine/job/errors.ts";

const START = new Date("2026-01-01T00:00:00Z");
const LATER = new Date("2026-01-01T00:01:00Z");

const FACTS = { ownerId: "local", deploymentId: "d", upstream: "sandbox", apiVersion: "v1" };
const submitting = createJob({ ...FACTS, kind: "lora", now: START });
const queued = advance(submitting, { kind: "accepted", requestId: "r-1" }, START, "sandbox");
const running = advance(queued, { kind: "running" }, LATER, "sandbox");

const ENDS: readonly Observation[] = [
  { kind: "succeeded", output: { images: [] }, finishedAt: null },
  { kind: "failed", error: LOST, finishedAt: null },
  { kind: "cancelled", finishedAt: null },
];

test("a new job is SUBMITTING at version 1 and has an id that can't be guessed", () => {
  expect(submitting).toMatchObject({ status: "SUBMITTING", version: 1, requestId: null });
  expect(submitting).toMatchObject({ createdAt: START, sentAt: START });
  expect(submitting.id).toMatch(/^job_[0-9a-f]{32}$/);
  expect(isCancellable(submitting)).toBe(true);
});

test("an accepted job is queued under the upstream's id", () => {
  expect(queued).toMatchObject({ status: "IN_QUEUE", version: 2, requestId: "r-1" });
  expect(advance(queued, { kind: "accepted", requestId: "r-2" }, LATER, "sandbox")).toBe(queued);
});

test("a submit that nobody answers is unknown, unless it was answered after all", () => {
  expect(advance(submitting, { kind: "unanswered" }, LATER, "sandbox")).toMatchObject({
    status: "FAILED",
    error: { code: "SUBMISSION_UNKNOWN" },
  });
  expect(advance(queued, { kind: "unanswered" }, LATER, "sandbox")).toBe(queued);
});

test("queue positions move freely while queued, and only then", () => {
  const third = advance(queued, { kind: "queued", queuePosition: 3 }, LATER, "sandbox");
  const fifth = advance(third, { kind: "queued", queuePosition: 5 }, LATER, "sandbox");
  expect([third.queuePosition, fifth.queuePosition, fifth.version]).toEqual([3, 5, 4]);
  expect(advance(fifth, { kind: "queued", queuePosition: 5 }, LATER, "sandbox")).toBe(fifth);
  expect(advance(running, { kind: "queued", queuePosition: 0 }, LATER, "sandbox")).toBe(running);
});

test("a running job has started and has no queue position", () => {
  expect(running).toMatchObject({ status: "IN_PROGRESS", startedAt: LATER, queuePosition: null });
  expect(isCancellable(running)).toBe(false);
  expect(advance(running, { kind: "running" }, LATER, "sandbox")).toBe(running);
});

test.each(ENDS)("$kind ends a job for good", (end) => {
  const ended = advance(queued, end, LATER, "sandbox");
  expect(isFinished(ended)).toBe(true);
  expect(ended.finishedAt).toEqual(LATER);
  expect(ended.error).toBe(end.kind === "failed" ? LOST : null);
  for (const other of [...ENDS, { kind: "running" } as const]) {
    expect(advance(ended, other, LATER, "sandbox")).toBe(ended);
  }
});

test.each([
  ["within the job's life", "2026-01-01T00:00:30Z", "2026-01-01T00:00:30Z"],
  ["before the job was sent", "2025-12-31T23:59:59Z", "2026-01-01T00:01:00Z"],
  ["in the future", "2027-01-01T00:00:00Z", "2026-01-01T00:01:00Z"],
])("the upstream's time of the end counts only where it can be true: %s", (_, reported, kept) => {
  const end: Observation = { kind: "cancelled", finishedAt: new Date(reported) };
  const sent = { ...queued, createdAt: new Date("2025-12-31T00:00:00Z"), sentAt: START };
  expect(advance(sent, end, LATER, "sandbox").finishedAt).toEqual(new Date(kept));
});

test("a job that was never sent ends when that is noted, or since it was created", () => {
  const unsent = { ...submitting, sentAt: null };
  const end = (finishedAt: Date | null) =>
    advance(unsent, { kind: "cancelled", finishedAt }, LATER, "sandbox").finishedAt;
  expect([null, new Date(0), START].map(end)).toEqual([LATER, LATER, START]);
});

test("no order of observations moves a job backwards", () => {
  const observations: Observation[] = [
    { kind: "accepted", requestId: "r" },
    { kind: "queued", queuePosition: 1 },
    { kind: "running" },
    { kind: "unanswered" },
    ...ENDS,
  ];
  const explore = (job: Job, depth: number): void => {
    for (const observation of observations) {
      const next = advance(job, observation, LATER, "sandbox");
      if (next === job) continue;
      expect(next.version).toBe(job.version + 1);
      expect(next.status === job.status || isForward(job.status, next.status)).toBe(true);
      if (depth > 0) explore(next, depth - 1);
    }
  };
  explore(submitting, 4);
  expect(JOB_STATUSES.filter(isFinal)).toEqual(["SUCCEEDED", "FAILED", "CANCELLED"]);
});

test("a cost that comes with the result is the job's; one that is not is unknown, and not nothing", () => {
  const costOf = (cost?: number | "not-yet") =>
    advance(
      running,
      { kind: "succeeded", output: {}, finishedAt: null, ...(cost !== undefined && { cost }) },
      LATER,
      "sandbox",
    ).cost;
  expect([0.4, 0, "not-yet" as const, undefined].map((cost) => costOf(cost))).toEqual([
    0.4,
    0,
    null,
    null,
  ]);
});
