import { setTimeout as delay } from "node:timers/promises";

import type { FaultyUpstream } from "../test/support/faulty-upstream/faulty-upstream.ts";
import type { BenchPostgres } from "./bench-postgres.ts";
import { DEPLOYMENT_ID } from "./example-job.ts";
import type { Figure } from "./figure.ts";
import { toFigure } from "./figure.ts";
import type { Fleet } from "./fleet.ts";
import { submitJob } from "./submit-job.ts";

const JOBS = 30;
const RUN_MS = 8_000;
/** Between two submits, so that polls do not come in step. */
const PAUSE_MS = 50;
/** Three rounds of recovery. */
const IDLE_MS = 6_000;

/** Polls and statements for a job of 8 s that nobody watches, in two fleets at the same time. */
export async function measureJobs(
  postgres: BenchPostgres,
  upstream: FaultyUpstream,
  one: Fleet,
  three: Fleet,
): Promise<Figure[]> {
  upstream.script(DEPLOYMENT_ID, ["in_progress"]);

  async function runJob(fleet: Fleet): Promise<number> {
    const { requestId } = await submitJob(fleet.nextUrl());
    await delay(RUN_MS);
    upstream.finish(requestId, { status: "succeeded", output: { images: [] } });
    await upstream.whenRequested("result", 1, requestId);
    return upstream.count("status", requestId) + upstream.count("result", requestId);
  }

  async function countStatements(fleet: Fleet, act: () => Promise<void>) {
    const startedAt = performance.now();
    const before = await postgres.countStatements(fleet.databaseUrl);
    await act();
    const count = (await postgres.countStatements(fleet.databaseUrl)) - before;
    return { count, durationMs: performance.now() - startedAt };
  }

  /** What a fleet does for jobs alone, which is without what it does anyway in the same time. */
  async function measure(fleet: Fleet) {
    const idle = await countStatements(fleet, () => delay(IDLE_MS));
    let polls = 0;
    const busy = await countStatements(fleet, async () => {
      const jobs: Promise<number>[] = [];
      for (let index = 0; index < JOBS; index++) {
        jobs.push(runJob(fleet));
        await delay(PAUSE_MS);
      }
      for (const count of await Promise.all(jobs)) polls += count;
      await postgres.whenIdle(fleet.databaseUrl);
    });
    const idleCount = (idle.count * busy.durationMs) / idle.durationMs;
    return {
      polls: polls / JOBS,
      statements: (busy.count - idleCount) / JOBS,
      idlePerSecond: (idle.count * 1_000) / idle.durationMs,
    };
  }

  const [alone, shared] = await Promise.all([measure(one), measure(three)]);
  const polls = toFigure("polls per job of 8 s, 1 gateway", alone.polls, "polls");
  const statements = toFigure(
    "statements per job of 8 s, submit to end, 1 gateway",
    alone.statements,
    "statements",
  );
  const idle = toFigure("statements while idle, 1 gateway", alone.idlePerSecond, "statements/s");
  return [
    polls,
    toFigure("polls per job of 8 s, 3 gateways", shared.polls, "polls", polls),
    statements,
    toFigure(
      "statements per job of 8 s, submit to end, 3 gateways",
      shared.statements,
      "statements",
      statements,
    ),
    idle,
    toFigure("statements while idle, 3 gateways", shared.idlePerSecond, "statements/s", idle),
  ];
}
