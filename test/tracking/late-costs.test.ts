import { pino } from "pino";
import { expect, test } from "vitest";

import type { RunComfy } from "../../src/engine/runcomfy/create-runcomfy.ts";
import { RunComfyError } from "../../src/engine/runcomfy/runcomfy-error.ts";
import type { UpstreamHealth } from "../../src/engine/runcomfy/upstream-health.ts";
import { createLateCosts } from "../../src/engine/tracking/late-costs.ts";
import { makeJob } from "../store/store-jobs.ts";
import { createHealth } from "../support/create-health.ts";

const log = pino({ level: "silent" });
const job = () => makeJob({ kind: "model", status: "SUCCEEDED", requestId: "r" });

/** What notes costs, and lets two seconds pass by `wake`. */
function createCosts(readResult: RunComfy["readResult"]) {
  const reported: number[] = [];
  const slept: number[] = [];
  const awake = Promise.withResolvers<void>();
  const health = createHealth();
  const costs = createLateCosts({
    runcomfy: { readResult },
    health,
    jobs: { noteCost: async (_, cost) => void reported.push(cost) },
    log,
    async sleep(durationMs, signal) {
      slept.push(durationMs);
      const left = Promise.withResolvers<void>();
      signal.addEventListener("abort", () => left.resolve());
      await Promise.race([awake.promise, left.promise]);
    },
  });
  return { costs, health, reported, slept, wake: awake.resolve };
}

test("costs are asked for once, two seconds after the end, four at once, and of no more than a thousand", async () => {
  let underWay = 0;
  let most = 0;
  let asked = 0;
  const { costs, reported, slept, wake } = createCosts(async () => {
    const number = (asked += 1);
    most = Math.max(most, (underWay += 1));
    await new Promise((resolve) => setImmediate(resolve));
    underWay -= 1;
    const cost = number % 2 === 0 ? 0.25 : "not-yet";
    return { kind: "succeeded", output: {}, finishedAt: null, cost };
  });
  for (let count = 0; count < 1_001; count++) costs.ask(job());
  wake();
  await expect.poll(() => asked).toBe(1_000);
  await expect.poll(() => reported.length).toBe(500);
  expect([new Set(slept), new Set(reported), most]).toEqual([new Set([2_000]), new Set([0.25]), 4]);
  await costs.close();
  expect(asked).toBe(1_000);
});

test("a stop ends what waits, and asks nobody", async () => {
  const { costs, reported } = createCosts(async () => {
    throw new Error("It was asked.");
  });
  costs.ask(job());
  await costs.close();
  expect(reported).toEqual([]);
});

test("nobody is asked in a pause, nor in an outage of the model, and what waits then is over", async () => {
  const failure = new RunComfyError("It fails.", { code: "TIMEOUT", delivery: "unknown" });
  const holdUps: ((health: UpstreamHealth) => void)[] = [
    (health) => health.notePause(60_000),
    (health) => {
      for (const error of [failure, failure]) health.noteRead(error, job().deploymentId, "models");
    },
  ];
  for (const holdUp of holdUps) {
    let asked = 0;
    const { costs, health, reported, wake } = createCosts(async () => {
      asked += 1;
      return { kind: "succeeded", output: {}, finishedAt: null, cost: 0.25 };
    });
    holdUp(health);
    costs.ask(job());
    wake();
    await new Promise((resolve) => setImmediate(resolve));
    await costs.close();
    expect([asked, reported]).toEqual([0, []]);
  }
});
