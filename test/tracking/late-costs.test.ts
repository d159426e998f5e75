import { sql } from "kysely";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";

import type { RunComfy } from "../../src/engine/runcomfy/create-runcomfy.ts";
import { RunComfyError } from "../../src/engine/runcomfy/runcomfy-error.ts";
import type { UpstreamHealth } from "../../src/engine/runcomfy/upstream-health.ts";
import type { JobStore } from "../../src/engine/store/job-store.ts";
import { openStore } from "../../src/engine/store/open-store.ts";
import { LateCosts } from "../../src/engine/tracking/late-costs.ts";
import { insertJob, see } from "../store/store-jobs.ts";
import { createHealth } from "../support/create-health.ts";
import { toResult } from "../support/to-result.ts";

const log = pino({ level: "silent" });
const MODEL = { kind: "model", status: "IN_QUEUE", requestId: "r", deploymentId: "a/b" } as const;
const NOT_YET = { kind: "succeeded", output: {}, finishedAt: null, cost: "not-yet" } as const;
const REPORTED = { ...NOT_YET, cost: 0.25 };
const FAILURE = new RunComfyError("It fails.", { code: "TIMEOUT", delivery: "unknown" });
const UNKNOWN = new RunComfyError("No such request.", {
  ...{ code: "NOT_FOUND", delivery: "refused", httpStatus: 404 },
});

/** What asks for costs, whose loop has to be gone through by hand, and a clock that `pass` moves. */
async function open(readResult: RunComfy["readResult"]) {
  const store = await openStore({ databaseUrl: ":memory:", upstream: "sandbox", log });
  onTestFinished(() => store.close());
  const clock = { ms: 0 };
  const health = createHealth({ now: () => clock.ms });
  const asked: string[] = [];
  const start = () =>
    new LateCosts({
      runcomfy: {
        async readResult(request, limits) {
          asked.push(request.requestId);
          return await readResult(request, limits);
        },
      },
      health,
      rows: store.lateCosts,
      log,
      monotonic: () => clock.ms,
      // Only a wake-up ends it.
      sleep: (_durationMs, signal) =>
        new Promise((resolve) => signal.addEventListener("abort", () => resolve())),
    });
  const costs = start();
  async function pass(ms: number): Promise<void> {
    clock.ms += ms;
    await sql`update late_costs set due_at = due_at - ${ms}, ended_at = ended_at - ${ms}`.execute(
      store.database.queries,
    );
  }
  return {
    ...{ store, health, asked, costs, start, pass },
    /** Lets time pass, and whoever is due then be asked about. */
    async passAndAsk(ms: number): Promise<void> {
      await pass(ms);
      await costs.tick();
      await settled(store);
    },
  };
}

/** Until no row is claimed. */
async function settled(store: JobStore): Promise<void> {
  const isClaimed = async () => (await delaysOf(store)).some((ms) => ms > 8_000 && ms < 16_000);
  await expect.poll(isClaimed).toBe(false);
}

/** In how many ms each is due. */
async function delaysOf({ database }: JobStore): Promise<number[]> {
  const { rows } = await sql<{ readonly ms: number }>`
    select due_at - ${database.nowMs} as ms from late_costs`.execute(database.queries);
  return rows.map(({ ms }) => ms);
}

async function end(store: JobStore) {
  return await see(store, await insertJob(store, MODEL), { ...toResult(null), isCostDue: true });
}

const costOf = async (store: JobStore, id: string) => (await store.jobs.read(id))?.cost;

test("a cost is asked for 2 s and 60 s after the end, and then it stays unknown", async () => {
  const { store, costs, asked, passAndAsk } = await open(async () => NOT_YET);
  const { id } = await end(store);
  costs.noteNew();
  expect(await costs.tick()).toBeLessThanOrEqual(2_000);
  await passAndAsk(1_000);
  expect(asked).toEqual([]);
  await passAndAsk(1_000);
  expect(asked).toHaveLength(1);
  const [delayMs = 0] = await delaysOf(store);
  expect(delayMs).toBeGreaterThan(50_000);
  expect(delayMs).toBeLessThanOrEqual(58_000);
  await passAndAsk(57_000);
  expect(asked).toHaveLength(1);
  await passAndAsk(10_000);
  expect(asked).toHaveLength(2);
  expect([await delaysOf(store), await costOf(store, id)]).toEqual([[], null]);
});

test("a cost that comes late is stored with its job", async () => {
  const answers = [NOT_YET, REPORTED];
  const { store, asked, passAndAsk } = await open(async () => answers.shift() ?? NOT_YET);
  const { id } = await end(store);
  await passAndAsk(2_000);
  expect(await costOf(store, id)).toBeNull();
  await passAndAsk(60_000);
  expect([await costOf(store, id), asked]).toEqual([0.25, ["r", "r"]]);
  expect(await delaysOf(store)).toEqual([]);
});

test("four are asked about at once, however many are due, and the end of one wakes for the next", async () => {
  let underWay = 0;
  let most = 0;
  const { store, costs, asked, pass } = await open(async () => {
    most = Math.max(most, (underWay += 1));
    await new Promise((resolve) => setImmediate(resolve));
    underWay -= 1;
    return REPORTED;
  });
  for (let count = 0; count < 30; count++) await end(store);
  await pass(2_000);
  costs.start();
  onTestFinished(() => costs.close());
  await expect.poll(() => delaysOf(store)).toEqual([]);
  expect([asked.length, most]).toEqual([30, 4]);
});

test("nobody is asked in a pause, nor in an outage of the model or of all, but when that is over", async () => {
  type Act = (health: UpstreamHealth) => void;
  const holdUps: readonly (readonly [begin: Act, end: Act])[] = [
    [(health) => health.notePause(60_000), () => undefined],
    [
      (health) => {
        for (const one of [FAILURE, FAILURE]) health.noteRead(one, MODEL.deploymentId, "models");
      },
      (health) => health.noteRead(null, MODEL.deploymentId, "models"),
    ],
    [
      (health) => {
        for (const one of [FAILURE, FAILURE]) health.noteRead(one, null);
      },
      (health) => health.noteRead(null, null),
    ],
  ];
  for (const [begin, endIt] of holdUps) {
    const { store, health, asked, passAndAsk } = await open(async () => REPORTED);
    const { id } = await end(store);
    begin(health);
    await passAndAsk(10_000);
    await passAndAsk(45_000);
    expect(asked).toEqual([]);
    endIt(health);
    await passAndAsk(20_000);
    expect([await costOf(store, id), asked]).toEqual([0.25, ["r"]]);
  }
});

test("where RunComfy fails, it is asked again, ever later, for a day", async () => {
  const { store, asked, passAndAsk } = await open(async () => {
    throw FAILURE;
  });
  await end(store);
  for (let hours = 0; hours < 72; hours += 1) await passAndAsk(3_600_000);
  expect(await delaysOf(store)).toEqual([]);
  expect(asked.length).toBeGreaterThan(3);
  expect(asked.length).toBeLessThan(8);
});

test("a run that RunComfy no longer knows has an unknown cost after a minute", async () => {
  const { store, asked, passAndAsk } = await open(async () => {
    throw UNKNOWN;
  });
  await end(store);
  await passAndAsk(2_000);
  await passAndAsk(60_000);
  expect([asked.length, await delaysOf(store)]).toEqual([2, []]);
});

test("a stop cuts off what is under way, and another gateway asks when the claim ends", async () => {
  let isDown = true;
  const { store, costs, start, asked, pass } = await open(async (_request, { signal }) => {
    if (!isDown) return REPORTED;
    return await new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(new Error("aborted")));
    });
  });
  const { id } = await end(store);
  await pass(2_000);
  await costs.tick();
  await costs.close();
  isDown = false;
  const other = start();
  await other.tick();
  expect(asked).toHaveLength(1);
  await pass(15_000);
  await other.tick();
  await expect.poll(() => costOf(store, id)).toBe(0.25);
});
