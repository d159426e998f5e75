import { expect, test } from "vitest";

import { createJob } from "../../src/job/job.ts";
import type { PollOutcome, Polls } from "../../src/job/poll-outcome.ts";
import { conclude, NO_POLLS, notePoll, toBackOffMs } from "../../src/job/poll-outcome.ts";
import type { Observation } from "../../src/job/advance.ts";

const START = new Date("2026-01-01T00:00:00Z");
const DAY = 86_400;
const job = createJob({
  ownerId: "local",
  deploymentId: "warm-glow",
  upstream: "sandbox",
  apiVersion: "v1",
  now: START,
});

/** What is concluded from the last of these outcomes, seconds after the job was made. */
function concludeAfter(
  steps: readonly (readonly [number, PollOutcome])[],
  deadline = DAY,
): Observation | null {
  let polls: Polls = NO_POLLS;
  let conclusion: Observation | null = null;
  let before = 0;
  for (const [second, outcome] of steps) {
    const now = new Date(START.getTime() + second * 1_000);
    polls = notePoll(polls, outcome, (second - before) * 1_000);
    before = second;
    conclusion = conclude(job, polls, outcome, now, {
      upstream: "sandbox",
      deadlineSeconds: deadline,
    });
  }
  return conclusion;
}

function errorCode(observation: Observation | null): string | null {
  return observation?.kind === "failed" ? observation.error.code : null;
}

const NOT_FOUND: PollOutcome = { kind: "not-found" };
const FAILED: PollOutcome = { kind: "failed" };
const RUNNING: PollOutcome = { kind: "seen", observation: { kind: "running" } };

test("what was seen is what is concluded", () => {
  expect(concludeAfter([[1, RUNNING]])).toEqual({ kind: "running" });
  expect(concludeAfter([[1, { kind: "unknown-word" }]])).toBeNull();
});

test("a young job that is not found is given 30 seconds", () => {
  expect(
    concludeAfter([
      [1, NOT_FOUND],
      [29, NOT_FOUND],
    ]),
  ).toBeNull();
  expect(
    errorCode(
      concludeAfter([
        [1, NOT_FOUND],
        [30, NOT_FOUND],
      ]),
    ),
  ).toBe("LOST");
});

test("an older job is lost only when the 404 lasts", () => {
  expect(concludeAfter([[100, NOT_FOUND]])).toBeNull();
  expect(
    concludeAfter([
      [100, NOT_FOUND],
      [103, RUNNING],
      [106, NOT_FOUND],
    ]),
  ).toBeNull();
  expect(
    errorCode(
      concludeAfter([
        [100, NOT_FOUND],
        [103, FAILED],
        [106, NOT_FOUND],
      ]),
    ),
  ).toBe("LOST");
});

test("failed polls never end a job before its deadline", () => {
  const day = Array.from({ length: DAY / 600 }, (_, index) => [index * 600, FAILED] as const);
  expect(concludeAfter(day)).toBeNull();
});

test.each([FAILED, RUNNING, NOT_FOUND])(
  "the deadline ends a job that has not ended: $kind",
  (outcome) => {
    expect(errorCode(concludeAfter([[60, outcome]], 60))).toBe("EXPIRED");
  },
);

test.each<PollOutcome>([
  { kind: "failed", isUnreadable: true },
  { kind: "unread", succeeded: null },
])("a job whose answers can't be read at its deadline is told so: $kind", (outcome) => {
  expect(concludeAfter([[60, outcome]], 60)).toMatchObject({
    error: { code: "EXPIRED", message: expect.stringContaining("could not be read") },
  });
  expect(concludeAfter([[60, FAILED]], 60)).toMatchObject({
    error: { message: expect.not.stringContaining("could not be read") },
  });
});

test("a job that is seen to have succeeded at its deadline has succeeded", () => {
  const succeeded = {
    kind: "seen",
    observation: { kind: "succeeded", output: 1, finishedAt: null },
  } as const;
  expect(concludeAfter([[60, succeeded]], 60)).toEqual(succeeded.observation);
});

test.each([true, null])(
  "a result that can't be read is tried again for 10 minutes (succeeded: %s)",
  (succeeded) => {
    const unread: PollOutcome = { kind: "unread", succeeded };
    expect(
      concludeAfter([
        [10, unread],
        [609, unread],
      ]),
    ).toBeNull();
    expect(
      errorCode(
        concludeAfter([
          [10, unread],
          [300, FAILED],
          [610, unread],
        ]),
      ),
    ).toBe("INVALID_RESPONSE");
    expect(
      concludeAfter([
        [10, unread],
        [300, RUNNING],
        [610, unread],
      ]),
    ).toBeNull();
  },
);

test("the reason of a failure is waited for no longer than 30 seconds", () => {
  const unread: PollOutcome = { kind: "unread", succeeded: false };
  expect(
    concludeAfter([
      [10, unread],
      [39, unread],
    ]),
  ).toBeNull();
  expect(
    errorCode(
      concludeAfter([
        [10, unread],
        [40, unread],
      ]),
    ),
  ).toBe("INFERENCE_FAILED");
});

test("failed polls back off with jitter, up to 15 seconds", () => {
  expect([0, 1, 3, 9].map((failures) => toBackOffMs(failures, 0.5))).toEqual([
    0, 500, 2_000, 7_500,
  ]);
  expect(toBackOffMs(9, 0.1)).toBe(1_500);
  expect(toBackOffMs(1_000, 0.999)).toBeLessThanOrEqual(15_000);
});

test("the ages of what polls found are whole milliseconds, as both databases keep them", () => {
  const polls = notePoll({ failures: 1, notFoundForMs: 5, unreadForMs: null }, NOT_FOUND, 12.7);
  expect(polls).toEqual({ failures: 2, notFoundForMs: 18, unreadForMs: null });
});
