import { expect, test } from "vitest";

import { advance, type Observation } from "../../src/engine/job/advance.ts";
import { exactCost, unknownCost } from "../../src/engine/job/cost.ts";
import { LOST, NOT_SENT_IN_TIME } from "../../src/engine/job/errors.ts";
import { createJob } from "../../src/engine/job/job.ts";

const START = new Date("2026-01-01T00:00:00Z");
const END = new Date("2026-01-01T00:01:00Z");
const FACTS = { ownerId: "local", deploymentId: "d", upstream: "sandbox", apiVersion: "v1" };

const observe = (job: ReturnType<typeof createJob>, observation: Observation) =>
  advance(job, observation, END, "sandbox");
const submitting = createJob({ ...FACTS, kind: "model", now: START });
const held = createJob({ ...FACTS, kind: "model", now: START, status: "HELD" });
const queued = advance(submitting, { kind: "accepted", requestId: "r" }, START, "sandbox");
const succeeded = { kind: "succeeded", output: {}, finishedAt: null } as const;

test("what RunComfy reports is EXACT, nothing included, from the job's end", () => {
  for (const cost of [0.04, 0])
    expect(exactCost(observe(queued, { ...succeeded, cost }))).toEqual({
      ...{ source: "EXACT", usd: cost, minUsd: null, maxUsd: null, reason: null },
      pricedAt: END,
    });
});

test("a job that ended and certainly never reached RunComfy costs exactly nothing", () => {
  for (const unsent of [
    observe(held, { kind: "unsent", error: NOT_SENT_IN_TIME }),
    observe(held, { kind: "unsent", error: null }),
  ])
    expect(exactCost(unsent)).toMatchObject({ source: "EXACT", usd: 0, pricedAt: END });
});

test("a job that may have reached RunComfy costs an unknown amount, and never nothing", () => {
  const jobs = [
    ...[held, submitting, queued, observe(queued, { kind: "running" })],
    observe(submitting, { kind: "unanswered" }),
    observe(queued, { ...succeeded, cost: "not-yet" }),
    observe(queued, succeeded),
    observe(queued, { kind: "failed", error: LOST, finishedAt: null }),
    observe(queued, { kind: "cancelled", finishedAt: null }),
  ];
  for (const job of jobs) {
    expect(exactCost(job), job.status).toBeNull();
    const unknown = { source: "UNKNOWN", usd: null, minUsd: null, maxUsd: null };
    expect(unknownCost(job), job.status).toMatchObject(unknown);
  }
  expect(jobs.map((job) => unknownCost(job).reason)).toEqual([
    ...Array.from({ length: 4 }, () => expect.stringMatching(/not ended.*Query its cost again/)),
    expect.stringMatching(/may have cost.*Compare the balance/),
    ...[1, 2].map(() => expect.stringMatching(/a model's run.*Compare the balance/)),
    ...[1, 2].map(() => expect.stringMatching(/may have cost.*Compare the balance/)),
  ]);
});
