import { pino } from "pino";
import { beforeAll, expect, test } from "vitest";

import { createAdmissions } from "../../src/engine/store/admission.ts";
import { OPEN_CATALOGUE } from "../../src/engine/deployments/catalogue.ts";
import { createChannels } from "../../src/engine/diagnostics/channels.ts";
import type { RunComfy } from "../../src/engine/runcomfy/create-runcomfy.ts";
import { clock } from "../../src/runtime/environment.ts";
import { UpstreamWebhooks } from "../../src/engine/tracking/upstream-webhooks.ts";
import { createTracking } from "../../src/engine/tracking/tracking.ts";
import { createRandom, logNormal } from "../job/distributions.ts";
import { DatabaseServer } from "../simulation/database.ts";
import { BEGINNING, SimulatedProcess, World } from "../simulation/world.ts";
import { makeJob } from "../store/store-jobs.ts";
import { createHealth } from "../support/create-health.ts";
import { NO_FILES } from "../support/no-files.ts";
import { NOTHING_LISTED, TRACKING_SETTINGS } from "../support/tracking-settings.ts";
import { LOCAL_VIEWER } from "../support/viewers.ts";

const log = pino({ level: "silent" });
/** How long RunComfy takes to answer, and to call by default. */
const ANSWER_MS = 60;
const CALL_MS = 120;
const BETWEEN_JOBS_MS = 1_500;
const FIRST_JOBS = 40;
const JOBS = 70;

/** When RunComfy calls: after the end, and so long before it, if it does. */
type Told = {
  readonly afterMs?: readonly number[];
  readonly beforeMs?: number;
  /** The database is unreachable from then on, for so long. */
  readonly unreachableMs?: number;
};

const IN_TIME: Told = { afterMs: [CALL_MS] };
const NEVER: Told = {};

/** What RunComfy knows of a job; times are the world's. */
type Run = {
  readonly submittedAtMs: number;
  readonly startsAtMs: number;
  readonly endsAtMs: number;
  polls: number;
};

/** A fleet in front of RunComfy, in a time that only the test lets pass. Calls go to the last gateway, submits to the first. */
async function openFleet({
  gateways = 1,
  areUpstreamWebhooksOn = true,
  answerMs = ANSWER_MS,
} = {}) {
  const world = new World("upstreamWebhooks");
  const server = new DatabaseServer(world);
  await server.start(log);
  const random = createRandom(7);
  const drawStart = logNormal(1_500, 0.3);
  const drawRun = logNormal(30_000, 0.4);
  const runs: Run[] = [];
  const upstream = new SimulatedProcess(world, "upstream");
  let reported: Told = IN_TIME;
  let floodOf = { lastsMs: 0, inATurn: 0 };
  let statements = 0;

  const callLater = (jobId: string, ms: number): void =>
    void world.schedule(upstream, ms, () => {
      const last = fleet.at(-1);
      if (reported.unreachableMs !== undefined) server.goAway(reported.unreachableMs);
      last?.process.run(() => last.tracking.upstreamWebhooks.take(jobId));
    });

  function accept(webhook: string | null | undefined): string {
    const { nowMs } = world;
    const startsAtMs = nowMs + drawStart(random);
    const run = { submittedAtMs: nowMs, startsAtMs, endsAtMs: startsAtMs + drawRun(random) };
    const jobId = webhook?.split("/").at(-1) ?? "";
    runs.push({ ...run, polls: 0 });
    const toEndMs = run.endsAtMs - nowMs;
    const { lastsMs, inATurn } = floodOf;
    for (let ms = 0; ms < lastsMs; ms += 10)
      for (let count = 0; count < inATurn; count++) callLater(jobId, ms);
    if (webhook != null) {
      const { afterMs = [], beforeMs = null } = reported;
      for (const ms of afterMs) callLater(jobId, toEndMs + ms);
      if (beforeMs !== null) callLater(jobId, toEndMs - beforeMs);
    }
    return String(runs.length - 1);
  }

  const find = ({ requestId }: { readonly requestId: string }): Run =>
    runs[Number(requestId)] ?? expect.fail("no such request");

  const runcomfy: Pick<RunComfy, "submit" | "readStatus" | "readResult"> = {
    async submit({ webhook }) {
      await clock.sleep(answerMs);
      return accept(webhook);
    },
    async readStatus(request) {
      const run = find(request);
      run.polls += 1;
      await clock.sleep(answerMs / 2);
      const { nowMs } = world;
      const state =
        nowMs >= run.endsAtMs ? "finished" : nowMs >= run.startsAtMs ? "running" : "queued";
      await clock.sleep(answerMs / 2);
      return { state, queuePosition: 0, word: "" };
    },
    readResult: async () => ({ kind: "succeeded", output: {}, finishedAt: null }),
  };

  const fleet: { readonly process: SimulatedProcess; readonly tracking: Tracking }[] = [];
  for (let count = 0; count < gateways; count++) {
    const process = new SimulatedProcess(world, `gateway ${count}`);
    const channels = createChannels();
    const opened = await server.open({ process, upstream: "sandbox", channels, log });
    const makeDue = (jobIds: readonly string[]) => {
      statements += 1;
      return opened.polls.makeDue(jobIds);
    };
    const store = { ...opened, polls: { ...opened.polls, makeDue } };
    const { environment } = process;
    const tracking = process.run(() =>
      createTracking({
        ...TRACKING_SETTINGS,
        ...{ store, channels, log, live: NOTHING_LISTED, catalogue: OPEN_CATALOGUE },
        health: createHealth({ now: environment.clock.monotonic }),
        runcomfy: Object.assign(Object.create(null), runcomfy),
        uploads: NO_FILES.uploads,
        admission: createAdmissions([]),
        toUpstreamWebhookUrl: areUpstreamWebhooksOn
          ? (jobId) => `https://gateway.example/upstream-webhooks/${jobId}`
          : null,
      }),
    );
    fleet.push({ process, tracking });
  }
  const [first = expect.fail("no gateway")] = fleet;
  await settle(Promise.all(fleet.map(({ process, tracking }) => process.run(tracking.start))));

  /** Lets time pass until it resolves. */
  async function settle<Value>(waiting: Promise<Value>): Promise<Value> {
    let isOver = false;
    void waiting.finally(() => (isOver = true)).catch(() => undefined);
    expect(await world.run(() => isOver, world.nowMs + 600_000)).toBe(true);
    return await waiting;
  }

  return {
    /** Lets RunComfy call about each job from its submit on. */
    flood: (how: typeof floodOf) => void (floodOf = how),
    /** How many have made polls due, at the gateway that RunComfy calls. */
    async countCalls() {
      const { process, tracking } = fleet.at(-1) ?? first;
      return (await settle(process.run(() => tracking.learning.readStats("d")))).upstreamWebhooks;
    },
    /** Submits so many jobs, one after the other, and says how RunComfy calls about them; resolves when all have ended. */
    async runJobs(count: number, how: Told) {
      reported = how;
      statements = 0;
      const from = runs.length;
      for (let submitted = 0; submitted < count; submitted++) {
        const request = { deploymentId: "d", input: {}, idempotencyKey: null };
        await settle(
          first.process.run(() =>
            first.tracking.submitter.submitJob({ ...request, viewer: LOCAL_VIEWER }),
          ),
        );
        await world.run(() => false, world.nowMs + BETWEEN_JOBS_MS);
      }
      await settleAll();
      return judge(runs.slice(from), readEnds());
    },
  };

  function readEnds(): ReadonlyMap<string, number> {
    const rows = server.read("select request_id, finished_at from jobs");
    return new Map(
      rows.flatMap(({ request_id: id, finished_at: at }) =>
        at === null ? [] : [[String(id), Number(at) - BEGINNING] as const],
      ),
    );
  }

  async function settleAll(): Promise<void> {
    const open = "select count(*) as open from jobs where finished_at is null";
    expect(
      await world.run(() => server.read(open)[0]?.["open"] === 0, world.nowMs + 3_600_000),
    ).toBe(true);
  }

  function judge(some: readonly Run[], ends: ReadonlyMap<string, number>) {
    const judged = some.map((run) => {
      const seenAtMs = ends.get(String(runs.indexOf(run))) ?? Infinity;
      return { ...run, latenessMs: seenAtMs - run.endsAtMs };
    });
    return {
      judged,
      polls: judged.reduce((sum, { polls }) => sum + polls, 0) / judged.length,
      statements,
      maxLatenessMs: Math.max(...judged.map(({ latenessMs }) => latenessMs)),
    };
  }
}

type Tracking = ReturnType<typeof createTracking>;

/** The same jobs, for which RunComfy is not asked to call; those that come first teach how long they take. */
let usual: Awaited<ReturnType<Awaited<ReturnType<typeof openFleet>>["runJobs"]>>;

beforeAll(async () => {
  const { runJobs } = await openFleet({ areUpstreamWebhooksOn: false });
  await runJobs(FIRST_JOBS, NEVER);
  usual = await runJobs(JOBS, NEVER);
});

test.for([1, 3])(
  "while upstream webhooks come to one of %s gateways, each end is seen within half a second, with a third of the polls",
  async (gateways) => {
    const { runJobs, countCalls } = await openFleet({ gateways });
    await runJobs(FIRST_JOBS, IN_TIME);
    const { polls, maxLatenessMs } = await runJobs(JOBS, IN_TIME);
    expect(maxLatenessMs).toBeLessThan(500);
    expect(polls).toBeLessThan(usual.polls / 3);
    expect(await countCalls()).toBeGreaterThan(0.8 * (FIRST_JOBS + JOBS));
  },
);

test("when upstream webhooks stop, no end is seen much later, and after a minute all is as it was", async () => {
  const { runJobs } = await openFleet();
  await runJobs(FIRST_JOBS, IN_TIME);
  const { judged, maxLatenessMs } = await runJobs(JOBS, NEVER);
  expect(maxLatenessMs).toBeLessThan(15_500);
  const stoppedAtMs = Math.min(...judged.map(({ endsAtMs }) => endsAtMs));
  const from = judged.findIndex(({ startsAtMs }) => startsAtMs > stoppedAtMs + 60_000);
  expect(from).toBeLessThan(JOBS - 10);
  const [after, before] = [judged.slice(from), usual.judged.slice(from)];
  const sum = (some: typeof judged, of: "polls" | "latenessMs") =>
    some.reduce((total, one) => total + one[of], 0);
  expect(sum(after, "polls")).toBeGreaterThan(0.9 * sum(before, "polls"));
  expect(sum(after, "polls")).toBeLessThan(1.1 * sum(before, "polls"));
  expect(sum(after, "latenessMs")).toBeLessThan(1.2 * sum(before, "latenessMs"));
});

test("upstream webhooks that come early, or again and again, make polls early and nothing else", async () => {
  const early = await openFleet();
  await early.runJobs(FIRST_JOBS, { beforeMs: 10_000 });
  const alone = await early.runJobs(JOBS, { beforeMs: 10_000 });
  expect(alone.polls).toBeLessThan(usual.polls + 2);
  expect(alone.polls).toBeGreaterThan(usual.polls - 1);
  expect(alone.maxLatenessMs).toBeLessThan(usual.maxLatenessMs * 1.5);
  // A call that came too early is no promise of another one, however well others are trusted.
  const trusting = await openFleet();
  await trusting.runJobs(FIRST_JOBS, IN_TIME);
  const lone = await trusting.runJobs(3, { beforeMs: 10_000 });
  expect(lone.maxLatenessMs).toBeLessThan(2_500);
  const again = await early.runJobs(20, {
    beforeMs: 10_000,
    afterMs: [1, CALL_MS, CALL_MS + 5, 300, 2_000, 60_000],
  });
  expect(again.maxLatenessMs).toBeLessThan(500);
  expect(Math.min(...again.judged.map(({ latenessMs }) => latenessMs))).toBeGreaterThanOrEqual(0);
});

test("an upstream webhook that comes during a poll is followed when that has ended", async () => {
  const { runJobs } = await openFleet({ answerMs: 1_000, gateways: 2 });
  await runJobs(FIRST_JOBS, IN_TIME);
  const { maxLatenessMs } = await runJobs(JOBS, IN_TIME);
  // The rest of the poll that had asked before the end, and one more.
  expect(maxLatenessMs).toBeLessThan(2 * 1_000 + 500);
});

test("upstream webhooks that come while the database is away are followed once it is back", async () => {
  const { runJobs, countCalls } = await openFleet();
  await runJobs(FIRST_JOBS, IN_TIME);
  const before = await countCalls();
  const { maxLatenessMs } = await runJobs(1, { ...IN_TIME, unreachableMs: 2_500 });
  expect(await countCalls()).toBe(before + 1);
  expect(maxLatenessMs).toBeLessThan(5_000);
});

test("however many upstream webhooks come for one job, it is polled once a second, and they share a few statements", async () => {
  const { runJobs, flood } = await openFleet();
  await runJobs(FIRST_JOBS, NEVER);
  flood({ lastsMs: 10_000, inATurn: 50 });
  const { polls, statements, judged } = await runJobs(1, NEVER);
  const [{ startsAtMs, submittedAtMs, endsAtMs } = expect.fail("no job")] = judged;
  expect(Math.min(endsAtMs, submittedAtMs + 10_000) - startsAtMs).toBeGreaterThan(5_000);
  expect(polls).toBeGreaterThan(10);
  expect(polls).toBeLessThan(60);
  expect(statements).toBeLessThan(10_000 / 50 + 10);
});

test("upstream webhooks wait within bounds, and share statements that are small", async () => {
  const asked: number[] = [];
  const reported: string[] = [];
  const channels = createChannels();
  channels.upstreamWebhooks.subscribe((what) => void reported.push(what));
  const upstreamWebhooks = new UpstreamWebhooks({
    polls: {
      async makeDue(jobIds) {
        asked.push(jobIds.length);
        return [];
      },
    },
    trust: { read: async () => 0, note: async () => undefined },
    areAsked: true,
    onDue: () => expect.fail("none is due"),
    ...{ channels, log, monotonic: () => 0 },
  });
  for (let number = 0; number < 10_200; number++) upstreamWebhooks.take(`job_${number}`);
  expect(reported.filter((what) => what === "dropped")).toHaveLength(200);
  while ((await upstreamWebhooks.tick()) === 0);
  // What is not followed may be just being written, so it is tried again, but not for ever.
  expect(asked).toEqual(Array.from({ length: (3 * 10_000) / 500 }, () => 500));
});

test.each([
  ["lora", [["dep", 3]]],
  ["comfyui", [["dep", 3]]],
  ["model", []],
])(
  "an end of a job of kind %s that came without an upstream webhook lowers the trust only where RunComfy calls about such jobs",
  async (kind, noted) => {
    const notes: unknown[] = [];
    const upstreamWebhooks = new UpstreamWebhooks({
      polls: { makeDue: async () => [] },
      trust: { read: async () => 4, note: async (...note) => void notes.push(note) },
      areAsked: true,
      onDue: () => expect.fail("none is due"),
      ...{ channels: createChannels(), log, monotonic: () => 0 },
    });
    await upstreamWebhooks.noteEnd(
      makeJob({ kind, deploymentId: "dep", status: "SUCCEEDED" }),
      null,
    );
    expect(notes).toEqual(noted);
  },
);
