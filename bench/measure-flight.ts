import { setTimeout as delay } from "node:timers/promises";

import { createJob } from "../src/engine/job/job.ts";
import { nextPollMs } from "../src/engine/job/polls.ts";
import type { Times } from "../src/engine/job/run-times.ts";
import { learnTimes } from "../src/engine/job/run-times.ts";
import { createRandom, logNormal } from "../test/job/distributions.ts";
import type { FaultyUpstream } from "../test/support/faulty-upstream/faulty-upstream.ts";
import { startBenchPostgres } from "./bench-postgres.ts";
import type { ChildProgram } from "./child-program.ts";
import { startGatewayProgram, startProgram } from "./child-program.ts";
import type { RunningJob } from "./example-job.ts";
import { DEPLOYMENT_ID, readEnds, storeRunningJobs } from "./example-job.ts";
import type { Figure } from "./figure.ts";
import { quantile, toFigure } from "./figure.ts";

const JOBS = 20_000;
const MEDIAN_MS = 300_000;
const DEVIATION = 0.25;
const PAST_RUNS = 100;
const COST_SECONDS = 0.02;
/** Of the upstream; an end takes two of them. */
const ANSWER_MS = 100;
/** All jobs are due when a gateway starts. */
const SETTLE_MS = 25_000;
const MEASURED_MS = 60_000;
const IDLE_MS = 2_000;

/** Thousands of jobs in flight: how late ends are noticed compared with polls that never wait, and what a thousand takes. */
export async function measureFlight(_upstream: FaultyUpstream, folder: string): Promise<Figure[]> {
  await using program = await startProgram("timed-upstream.ts");
  const upstream = { url: new URL(program.url).origin, token: "bench" };
  const idleMiB = await measureIdle(upstream);
  await using postgres = await startBenchPostgres();
  return [
    ...(await measure("1 gateway on SQLite", `file:${folder}/flight.db`, 1)),
    ...(await measure("3 gateways on Postgres", await postgres.createDatabase(), 3)),
  ];

  async function measure(name: string, databaseUrl: string, count: number): Promise<Figure[]> {
    const random = createRandom(1);
    const draw = (): number => logNormal(MEDIAN_MS, DEVIATION)(random);
    const pastRunsMs = Array.from({ length: PAST_RUNS }, draw);
    const seededAt = Date.now();
    const jobs = Array.from({ length: JOBS }, (_, index): FlyingJob => {
      const runMs = draw();
      const startedAtMs = Math.round(seededAt - runMs * random());
      const endsAtMs = Math.round(startedAtMs + runMs);
      return { startedAtMs, endsAtMs, requestId: `${endsAtMs}-${index}` };
    });
    await storeRunningJobs(databaseUrl, upstream.url, jobs, pastRunsMs);
    await using stack = new AsyncDisposableStack();
    const gateways: ChildProgram[] = [];
    for (let index = 0; index < count; index++) {
      gateways.push(stack.use(await startGatewayProgram(upstream, { DATABASE_URL: databaseUrl })));
    }
    const sum = (of: (gateway: ChildProgram) => number): number =>
      gateways.reduce((total, gateway) => total + of(gateway), 0);
    const startedAt = Date.now();
    await delay(SETTLE_MS);
    const measuredFrom = Date.now();
    const cpuBefore = sum((gateway) => gateway.readCpuMicros());
    await delay(MEASURED_MS);
    const cpuMicros = sum((gateway) => gateway.readCpuMicros()) - cpuBefore;
    const memoryMiB = sum((gateway) => gateway.readMemory()) - count * idleMiB;
    await stack.disposeAsync();
    const stoppedAt = Date.now();
    const noticedAt = await readEnds(databaseUrl);
    const ended = jobs.filter(
      ({ endsAtMs }) => endsAtMs >= measuredFrom && endsAtMs < measuredFrom + MEASURED_MS,
    );
    const lateness = ended.map(
      ({ requestId, endsAtMs }) => (noticedAt.get(requestId) ?? stoppedAt) - endsAtMs,
    );
    const times = learnTimes(
      pastRunsMs.map((runMs) => ({
        status: "SUCCEEDED",
        work: 1,
        place: 0,
        idleMs: 0,
        queueMs: 0,
        runMs,
      })),
    );
    const endless = ended.map((job) => toEndlessLateness(job, times, startedAt));
    const what = `${JOBS} jobs in flight, ${name}`;
    const base = toFigure(`lateness, ${what}: with endless room`, toMean(endless), "ms");
    return [
      base,
      toFigure(`lateness, ${what}`, toMean(lateness), "ms", base),
      toFigure(`lateness, ${what}, p99`, quantile(lateness, 0.99), "ms"),
      toFigure(`memory for 1,000 of ${what}`, (memoryMiB * 1_000) / JOBS, "MiB"),
      toFigure(`CPU a second for 1,000 of ${what}`, (cpuMicros * 1_000) / JOBS / MEASURED_MS, "ms"),
    ];
  }
}

type FlyingJob = RunningJob & { readonly endsAtMs: number };

/** How late an end is noticed if each poll comes when it is due. */
function toEndlessLateness(
  { startedAtMs, endsAtMs }: FlyingJob,
  times: Times,
  fromMs: number,
): number {
  const facts = { ownerId: "local", deploymentId: DEPLOYMENT_ID, apiVersion: "v1" };
  const startedAt = new Date(startedAtMs);
  const job = {
    ...createJob({ kind: "lora", upstream: "sandbox", ...facts, now: startedAt }),
    status: "IN_PROGRESS",
    startedAt,
  } as const;
  let pollAt = fromMs;
  while (pollAt < endsAtMs) pollAt += nextPollMs(job, times, pollAt, COST_SECONDS);
  return pollAt + 2 * ANSWER_MS - endsAtMs;
}

async function measureIdle(upstream: {
  readonly url: string;
  readonly token: string;
}): Promise<number> {
  await using gateway = await startGatewayProgram(upstream, { DATABASE_URL: ":memory:" });
  await delay(IDLE_MS);
  return gateway.readMemory();
}

function toMean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
