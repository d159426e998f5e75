import { beforeEach, expect, test } from "vitest";

import { advance } from "../../src/engine/job/advance.ts";
import type { Job } from "../../src/engine/job/job.ts";
import { createQueueLines } from "../../src/engine/tracking/poller.ts";
import { makeJob } from "../store/store-jobs.ts";

let nowMs: number;
let lines: ReturnType<typeof createQueueLines>;

beforeEach(() => {
  nowMs = 0;
  lines = createQueueLines(() => nowMs);
});

function accept(deploymentId = "d"): Job {
  const job = makeJob({ deploymentId });
  return advance(job, { kind: "accepted", requestId: "r" }, new Date(0), "sandbox");
}

/** The job after a poll that found it at a place, or running where that is null. */
function poll(job: Job, queuePosition: number | null): Job {
  nowMs += 1;
  const now =
    queuePosition === null
      ? advance(job, { kind: "running" }, new Date(0), "sandbox")
      : advance(job, { kind: "queued", queuePosition }, new Date(0), "sandbox");
  lines.note(job, now);
  return now;
}

test("when one has moved up, or started, so have all behind it", () => {
  const front = poll(accept(), 2);
  const behind = poll(accept(), 9);
  const moved = poll(front, 0);
  expect(lines.derivePlace(behind)).toBe(7);
  poll(moved, null);
  expect(lines.derivePlace({ ...behind, queuePosition: 7 })).toBe(6);
  expect(lines.derivePlace({ ...behind, queuePosition: 6 })).toBe(6);
});

test("who is next, was never or last polled, has no place, or got it from another gateway, has to be polled", () => {
  const front = poll(accept(), 0);
  const next = poll(accept(), 1);
  const behind = poll(accept(), 50);
  const elsewhere = poll(accept("b"), 9);
  const lastPolled = poll(poll(accept("c"), 4), 3);
  poll(front, null);
  for (const job of [next, lastPolled, accept(), elsewhere, { ...behind, queuePosition: 45 }])
    expect(lines.derivePlace(job)).toBeNull();
  const placeless = accept();
  lines.note(placeless, placeless);
  expect(lines.derivePlace(placeless)).toBeNull();
});

test("what was seen of a line is good for 15 seconds", () => {
  const front = poll(accept(), 2);
  const behind = poll(accept(), 9);
  poll(front, 1);
  nowMs += 15_000;
  expect(lines.derivePlace(behind)).toBe(8);
  nowMs += 1;
  expect(lines.derivePlace(behind)).toBeNull();
});

test("a job that waits is polled itself every two minutes", () => {
  let front = poll(accept(), 20);
  let behind = poll(accept(), 50);
  const polledAt = nowMs;
  for (let place = 19; nowMs < polledAt + 120_000; place--) {
    nowMs += 9_999;
    front = poll(front, place);
    expect(lines.derivePlace(behind)).toBe(place + 30);
    behind = advance(behind, { kind: "queued", queuePosition: place + 30 }, new Date(0), "sandbox");
  }
  nowMs += 1;
  expect(lines.derivePlace(behind)).toBeNull();
});
