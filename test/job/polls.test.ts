import { expect, test } from "vitest";

import type { Observation } from "../../src/engine/job/advance.ts";
import type { PollOutcome, Polls } from "../../src/engine/job/polls.ts";
import { conclude, NO_POLLS, notePoll, toBackOffMs } from "../../src/engine/job/polls.ts";
import { makeJob } from "../store/store-jobs.ts";

const START = new Date("2026-01-01T00:00:00Z");
const DAY = 86_400;
/** It was created a day before it was sent. */
const job = makeJob({ createdAt: new Date(START.getTime() - DAY * 1_000), sentAt: START });

/** What polls came to, so many seconds after the job was sent. */
type Steps = readonly (readonly [second: number, outcome: PollOutcome])[];

/** What is concluded from the last of these outcomes. */
function concludeAfter(steps: Steps, deadlineSeconds = DAY): Observation | null {
  let polls: Polls = NO_POLLS;
  let conclusion: Observation | null = null;
  let before = 0;
  for (const [second, outcome] of steps) {
    const now = new Date(START.getTime() + second * 1_000);
    polls = notePoll(polls, outcome, (second - before) * 1_000);
    before = second;
    conclusion = conclude(job, polls, outcome, now, { upstream: "sandbox", deadlineSeconds });
  }
  return conclusion;
}

const NOT_FOUND: PollOutcome = { kind: "not-found" };
const FAILED: PollOutcome = { kind: "failed" };
const RUNNING: PollOutcome = { kind: "seen", observation: { kind: "running" } };
const UNREAD: PollOutcome = { kind: "unread", succeeded: null };
const UNREAD_SUCCESS: PollOutcome = { kind: "unread", succeeded: true };
const UNREAD_FAILURE: PollOutcome = { kind: "unread", succeeded: false };

test("what was seen is what is concluded", () => {
  expect(concludeAfter([[1, RUNNING]])).toEqual({ kind: "running" });
  expect(concludeAfter([[1, { kind: "unknown-word" }]])).toBeNull();
});

test.each<[string, readonly number[], readonly PollOutcome[], string | null]>([
  ["a young job is not found", [1, 29], [NOT_FOUND, NOT_FOUND], null],
  ["for 30 s", [1, 30], [NOT_FOUND, NOT_FOUND], "LOST"],
  ["an older job, once", [100], [NOT_FOUND], null],
  ["found in between", [100, 103, 106], [NOT_FOUND, RUNNING, NOT_FOUND], null],
  ["the 404 lasts", [100, 103, 106], [NOT_FOUND, FAILED, NOT_FOUND], "LOST"],
  ["a success is unread", [10, 609], [UNREAD_SUCCESS, UNREAD_SUCCESS], null],
  ["for 10 min", [10, 300, 610], [UNREAD_SUCCESS, FAILED, UNREAD_SUCCESS], "INVALID_RESPONSE"],
  ["an end of any kind", [10, 610], [UNREAD, UNREAD], "INVALID_RESPONSE"],
  ["it runs in between", [10, 300, 610], [UNREAD, RUNNING, UNREAD], null],
  ["a failure's reason is unread", [10, 39], [UNREAD_FAILURE, UNREAD_FAILURE], null],
  ["for 30 s", [10, 40], [UNREAD_FAILURE, UNREAD_FAILURE], "INFERENCE_FAILED"],
])("%s, at seconds %j", (_what, seconds, outcomes, code) => {
  const steps = outcomes.map((outcome, index) => [seconds[index] ?? 0, outcome] as const);
  const conclusion = concludeAfter(steps);
  expect(conclusion?.kind === "failed" ? conclusion.error.code : null).toBe(code);
});

test("failed polls never end a job before its deadline", () => {
  const day = Array.from({ length: DAY / 600 }, (_, index) => [index * 600, FAILED] as const);
  expect(concludeAfter(day)).toBeNull();
});

test.each<[PollOutcome, string]>([
  [FAILED, "The job did not end"],
  [RUNNING, "The job did not end"],
  [NOT_FOUND, "The job did not end"],
  [{ kind: "failed", isUnreadable: true }, "could not be read"],
  [UNREAD, "could not be read"],
])("the deadline ends a job that has not ended, and says why: %j", (outcome, message) => {
  expect(concludeAfter([[60, outcome]], 60)).toMatchObject({
    error: { code: "EXPIRED", message: expect.stringContaining(message) },
  });
});

test("a job that is seen to have succeeded at its deadline has succeeded", () => {
  const observation = { kind: "succeeded", output: 1, finishedAt: null } as const;
  expect(concludeAfter([[60, { kind: "seen", observation }]], 60)).toEqual(observation);
});

test("a failure whose reason was refused has failed at once, and a success whose output was refused is read again a minute later for 10 minutes", () => {
  const refused = { ...UNREAD_FAILURE, isRefused: true };
  expect(concludeAfter([[10, refused]])).toMatchObject({ error: { code: "INFERENCE_FAILED" } });
  const unread = { ...UNREAD_SUCCESS, isRefused: true };
  expect(
    concludeAfter([
      [10, unread],
      [70, unread],
      [609, unread],
    ]),
  ).toBeNull();
  expect(
    concludeAfter([
      [10, unread],
      [610, unread],
    ]),
  ).toMatchObject({
    error: { code: "INVALID_RESPONSE" },
  });
  expect(toBackOffMs(1, 0, unread)).toBe(60_000);
  expect(toBackOffMs(1, 0, UNREAD_SUCCESS)).toBe(0);
});

test("failed polls back off with jitter, up to 15 seconds", () => {
  const backOffs = [0, 1, 3, 9].map((failures) => toBackOffMs(failures, 0.5));
  expect(backOffs).toEqual([0, 500, 2_000, 7_500]);
  expect(toBackOffMs(9, 0.1)).toBe(1_500);
  expect(toBackOffMs(1_000, 0.999)).toBeLessThanOrEqual(15_000);
});

test("the ages of what polls found are whole milliseconds, as both databases keep them", () => {
  const polls = notePoll({ failures: 1, notFoundForMs: 5, unreadForMs: null }, NOT_FOUND, 12.7);
  expect(polls).toEqual({ failures: 2, notFoundForMs: 18, unreadForMs: null });
});
