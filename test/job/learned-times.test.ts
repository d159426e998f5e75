import { describe, expect, test } from "vitest";

import { nearestRank, quantile, survival } from "../../src/engine/job/duration.ts";
import { estimate } from "../../src/engine/job/estimate.ts";
import type { Job } from "../../src/engine/job/job.ts";
import { learnDuration } from "../../src/engine/job/learn-duration.ts";
import { nextPollMs } from "../../src/engine/job/polls.ts";
import type { Run } from "../../src/engine/job/run-times.ts";
import { toWork, toRunStats, learnTimes } from "../../src/engine/job/run-times.ts";
import { makeJob } from "../store/store-jobs.ts";
import { createRandom, DISTRIBUTIONS } from "./distributions.ts";
import { scoreOptimum, scorePolicies } from "./poll-optimum.ts";

const COST_SECONDS = 0.02;
const NOW = Date.UTC(2026, 0, 1);
const FIRST = { status: "SUCCEEDED", work: 25, place: 0, idleMs: 0 } as const;
const RUN: Run = { ...FIRST, queueMs: 500, runMs: 8_000 };
const [, STEADY, SPREAD, OF_TWO_KINDS] = DISTRIBUTIONS;

function createRuns(count: number, changes: (index: number) => Partial<Run> = () => ({})): Run[] {
  return Array.from({ length: count }, (_, index) => ({ ...RUN, ...changes(index) }));
}

function drawRuns(count: number, draw = STEADY.draw, factor = 1, seed = 1): Run[] {
  const random = createRandom(seed);
  return createRuns(count, () => ({ runMs: draw(random) * factor * 1_000 }));
}

/** Half a second after it was sent, a day after it was created, in the queue, unless `changes` say otherwise. */
function createQueued(changes: Partial<Job> = {}): Job {
  const queued = { status: "IN_QUEUE", queuePosition: 0, place: 0, idleMs: 0 } as const;
  const sentAt = new Date(NOW - 500);
  const times = { createdAt: new Date(NOW - 86_400_000), sentAt, updatedAt: sentAt };
  return makeJob({ ...times, work: 25, ...queued, ...changes });
}

function createRunning(ageSeconds: number, changes: Partial<Job> = {}): Job {
  const startedAt = new Date(NOW - ageSeconds * 1_000);
  const running = { status: "IN_PROGRESS", queuePosition: null } as const;
  return createQueued({ ...running, sentAt: startedAt, startedAt, ...changes });
}

/** Each place in the queue takes four seconds. */
const IN_LINE = learnTimes(
  createRuns(100, (index) => ({ place: index % 10, queueMs: 500 + (index % 10) * 4_000 })),
);

function medianOf(runs: readonly Run[], work = 25): number {
  return quantile(learnTimes(runs).run.of(work), 0.5);
}

describe("run times", () => {
  test("that became 1.5 times as long are learned within 20 runs", () => {
    const medians: number[] = [];
    for (let seed = 1; seed <= 20; seed++) {
      const before = drawRuns(180, STEADY.draw, 1, seed);
      expect(medianOf(before)).toBeGreaterThan(7.4);
      expect(medianOf(before)).toBeLessThan(8.6);
      const after = [...drawRuns(20, STEADY.draw, 1.5, 100 + seed), ...before];
      medians.push(medianOf(after));
    }
    // Twenty runs give their own median no better.
    expect(Math.min(...medians)).toBeGreaterThan(9.6);
    expect(Math.max(...medians)).toBeLessThan(14.4);
    const mean = medians.reduce((a, b) => a + b) / medians.length;
    expect(mean).toBeGreaterThan(11.4);
    expect(mean).toBeLessThan(12.6);
  });

  test("a few in a row of one of several kinds are no change", () => {
    const isQuick = (index: number): boolean => index < 8 || index % 10 < 7;
    const runs = createRuns(100, (index) => ({
      runMs: (isQuick(index) ? 2_000 : 22_000) * (1 + (index % 7) / 100),
    }));
    expect(survival(learnTimes(runs).run.of(25), 10)).toBeGreaterThan(0.2);
  });

  test("are hardly moved by one that took very long", () => {
    for (const factor of [4, 10, 100]) {
      const runs = [{ ...RUN, runMs: 8_000 * factor }, ...drawRuns(199)];
      expect(medianOf(runs)).toBeLessThan(9);
      expect(quantile(learnTimes(runs).run.of(25), 0.9)).toBeLessThan(14);
    }
  });

  test("grow with the work where the data say so", () => {
    const random = createRandom(3);
    const runs = createRuns(60, (index) => {
      const work = [25, 50, 100][index % 3] ?? 25;
      return { work, runMs: STEADY.draw(random) * (work / 25) * 1_000 };
    });
    expect(medianOf(runs, 25)).toBeCloseTo(8, -0.3);
    expect(medianOf(runs, 100) / medianOf(runs, 25)).toBeGreaterThan(3.2);
    expect(medianOf(runs, 100) / medianOf(runs, 25)).toBeLessThan(4.8);
  });

  test("do not grow with the work where the data do not say so", () => {
    const drawn = drawRuns(60);
    const runs = createRuns(60, (index) => ({
      runMs: drawn[index]?.runMs ?? null,
      work: [25, 50, 100][index % 3] ?? 25,
    }));
    expect(medianOf(runs, 1_000)).toBe(medianOf(runs, 25));
    expect(medianOf(drawRuns(60), 1_000)).toBe(medianOf(drawRuns(60), 25));
  });

  test("of runs that FAILED or were CANCELLED teach nothing", () => {
    const odd = createRuns(50, (index) => ({
      status: index % 2 === 0 ? "FAILED" : "CANCELLED",
      runMs: 100,
    }));
    expect(learnTimes(odd).run.basedOn).toBe(0);
  });

  test.each([
    { name: "none", runs: [] },
    { name: "one", runs: createRuns(1) },
    { name: "of no length", runs: createRuns(30, () => ({ runMs: 0, queueMs: 0, work: 0.001 })) },
    { name: "all alike", runs: createRuns(200) },
    { name: "of a year", runs: createRuns(30, () => ({ runMs: 3.2e10, queueMs: 3.2e10 })) },
    { name: "never started", runs: createRuns(30, () => ({ runMs: null, queueMs: null })) },
    { name: "at all places", runs: createRuns(200, (index) => ({ place: index })) },
  ])(
    "whatever they are ($name), polls and estimates are finite and never in the past",
    ({ runs }) => {
      const times = learnTimes(runs);
      const jobs = [0, 1, 60, 86_400, 1e9].map((age) => createRunning(age));
      for (const job of [
        ...jobs,
        createQueued(),
        createQueued({ queuePosition: null, place: null }),
        createQueued({ queuePosition: 1e6, place: 1e6 }),
      ]) {
        const delayMs = nextPollMs(job, times, NOW, COST_SECONDS);
        expect(delayMs).toBeGreaterThanOrEqual(100);
        expect(delayMs).toBeLessThanOrEqual(60_000);
        const reported = estimate(job, times, NOW);
        if (reported === null) continue;
        expect(reported.finishesAt).toBeGreaterThanOrEqual(NOW);
        expect(reported.finishesBy).toBeGreaterThanOrEqual(reported.finishesAt);
        expect(reported.finishesBy).toBeLessThan(Infinity);
        expect(reported.progress).toBeGreaterThanOrEqual(0);
        expect(reported.progress).toBeLessThan(1);
      }
    },
  );
});

describe("the next poll", () => {
  test("without past runs comes each half second at first, and ever more rarely from 20 s on", () => {
    const times = learnTimes([]);
    expect(nextPollMs(createQueued(), times, NOW, COST_SECONDS)).toBe(500);
    const delays = [0, 8, 20, 60, 300, 3_600].map((age) =>
      nextPollMs(createRunning(age), times, NOW, COST_SECONDS),
    );
    expect(delays).toEqual([500, 500, 500, 1_500, 7_500, 15_000]);
  });

  test("waits until an end is likely, and comes soon then", () => {
    const times = learnTimes(drawRuns(100));
    const at = (age: number): number => nextPollMs(createRunning(age), times, NOW, COST_SECONDS);
    expect(at(0)).toBeGreaterThan(3_000);
    expect(at(8)).toBeLessThan(700);
  });

  test("at a long run comes within a quarter of it, a minute at most", () => {
    const long = (seconds: number) =>
      learnTimes(createRuns(50, () => ({ runMs: seconds * 1_000 })));
    expect(nextPollMs(createRunning(0), long(300), NOW, COST_SECONDS)).toBe(15_000);
    expect(nextPollMs(createRunning(60), long(300), NOW, COST_SECONDS)).toBe(60_000);
    expect(nextPollMs(createRunning(30), long(100), NOW, COST_SECONDS)).toBe(25_000);
  });

  test("at a job that waits behind others is rare, and more often the nearer its start", () => {
    const at = (queuePosition: number): number =>
      nextPollMs(createQueued({ queuePosition, place: 9 }), IN_LINE, NOW, COST_SECONDS);
    expect(at(9)).toBe(15_000);
    expect(at(0)).toBeLessThan(4_000);
    expect(at(0)).toBeGreaterThan(500);
  });

  test.each([STEADY, OF_TWO_KINDS])(
    "costs at most 1.1 times the fewest polls that there can be: $name",
    ({ draw, known }) => {
      const random = createRandom(11);
      const runs = Array.from({ length: 2_000 }, () => draw(random));
      const { polls, lateness } = scorePolicies(runs, () => {
        const times = learnTimes(createRuns(100, () => ({ runMs: draw(random) * 1_000 })));
        return (last) => last + nextPollMs(createRunning(last), times, NOW, COST_SECONDS) / 1_000;
      });
      expect(polls).toBeLessThanOrEqual(1.1 * scoreOptimum(known, runs, lateness).polls);
    },
  );
});

describe("an estimate", () => {
  test("is null with fewer than five runs that taught anything, while submitting, and when finished", () => {
    expect(estimate(createRunning(1), learnTimes(createRuns(4)), NOW)).toBeNull();
    const times = learnTimes(createRuns(5));
    expect(estimate(createRunning(1), times, NOW)).toMatchObject({ basedOn: 5 });
    expect(estimate(createQueued({ status: "SUBMITTING" }), times, NOW)).toBeNull();
    expect(estimate(createRunning(1, { status: "SUCCEEDED" }), times, NOW)).toBeNull();
  });

  test("moves as time passes without an end", () => {
    const times = learnTimes(drawRuns(100, SPREAD.draw));
    const reported = [0, 4, 8, 16, 40].map((age) => estimate(createRunning(age), times, NOW));
    const left = reported.map((one) => (one?.finishesAt ?? 0) - NOW);
    expect(left[0]).toBeGreaterThan(left[1] ?? 0);
    for (const ms of left) expect(ms).toBeGreaterThan(0);
    const progress = reported.map((one) => one?.progress ?? 0);
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
  });

  test("of a job behind others counts them, and says when it starts", () => {
    const at = (position: number) =>
      estimate(createQueued({ queuePosition: position, place: position }), IN_LINE, NOW);
    const starts = [1, 3, 6, 9].map((position) => ((at(position)?.startsAt ?? 0) - NOW) / 1_000);
    for (const [index, position] of [1, 3, 6, 9].entries()) {
      expect(starts[index]).toBeGreaterThan(position * 2.5);
      expect(starts[index]).toBeLessThan(position * 6 + 2);
    }
    expect(at(9)?.finishesAt).toBeGreaterThan((at(9)?.startsAt ?? 0) + 6_000);
  });

  test("of a first job behind another guesses that jobs run one after the other", () => {
    const times = learnTimes(createRuns(20));
    const reported = estimate(createQueued({ queuePosition: 2, place: 2 }), times, NOW);
    expect((reported?.startsAt ?? 0) - NOW).toBeGreaterThan(12_000);
  });

  test("of a job whose position is no longer reported takes it for the next one", () => {
    const times = learnTimes(createRuns(20));
    const [reported, untold] = [0, null].map((queuePosition) =>
      estimate(createQueued({ queuePosition, place: 2 }), times, NOW),
    );
    expect(untold).not.toBeNull();
    expect(untold).toEqual(reported);
  });

  test("knows a cold start by how long the deployment was idle, and only where that is clear", () => {
    const cold = (index: number): boolean => index % 5 === 0;
    const idleMs = (index: number): number => (cold(index) ? 600_000 : 5_000) + index;
    const runs = createRuns(50, (index) => ({
      idleMs: idleMs(index),
      queueMs: cold(index) ? 180_000 : 600,
    }));
    const times = learnTimes(runs);
    const idle = (idleMs: number | null) => estimate(createQueued({ idleMs }), times, NOW);
    expect(idle(1_000_000)).toMatchObject({ isColdStart: true });
    expect(idle(null)).toMatchObject({ isColdStart: true });
    expect(idle(10_000)).toMatchObject({ isColdStart: false });
    expect((idle(null)?.startsAt ?? 0) - NOW).toBeGreaterThan(120_000);
    expect((idle(10_000)?.startsAt ?? 0) - NOW).toBeLessThan(5_000);
    const alike = learnTimes(
      createRuns(50, (index) => ({ idleMs: idleMs(index), queueMs: 600 + index })),
    );
    expect(estimate(createQueued({ idleMs: null }), alike, NOW)?.isColdStart).toBe(false);
  });
});

test("stats count the runs, and tell cold starts apart", () => {
  const runs = [
    ...createRuns(8, (index) => ({ queueMs: 1_000 * (index + 1) })),
    ...createRuns(4, () => ({ idleMs: 1e9, queueMs: 100_000 })),
    ...createRuns(2, () => ({ status: "FAILED", runMs: 1 })),
    ...createRuns(1, () => ({ status: "CANCELLED", place: null, queueMs: null, runMs: null })),
  ];
  expect(toRunStats(runs, learnTimes(runs))).toEqual({
    runs: 15,
    succeeded: 12,
    failed: 2,
    cancelled: 1,
    queueSeconds: { p50: 3, p90: 7, p99: 8 },
    runSeconds: { p50: 8, p90: 8, p99: 8 },
    coldStartSeconds: { p50: 100, p90: 100, p99: 100 },
  });
  expect(toRunStats([], learnTimes([]))).toMatchObject({ runs: 0, runSeconds: null });
});

test("work is frames times steps times megapixels, those of the defaults or the usual ones where the input does not say", () => {
  expect(toWork({})).toBe(25);
  expect(toWork({ num_frames: 41, sample_steps: 10, width: 512, height: 512 })).toBe(102.5);
  expect(toWork({ sample_steps: "many", width: -1, num_frames: 0 })).toBe(25);
  const defaults = { num_frames: 107, sample_steps: 8, width: "wide", neg: "" };
  expect(toWork({}, defaults)).toBe(856);
  expect(toWork({ sample_steps: 4, num_frames: null }, defaults)).toBe(428);
  expect(toWork({ num_frames: 1e300, width: 1e300 })).toBe(1e9);
  expect(toWork({ width: 1e-200, height: 1e-200 })).toBe(1e-9);
});

test("nothing is known of what never was", () => {
  expect(learnDuration([]).median(1)).toBe(0);
  expect(nearestRank([], 0.5)).toBeNaN();
});
