import { setTimeout as delay } from "node:timers/promises";

import type { FaultyUpstream } from "../test/support/faulty-upstream/faulty-upstream.ts";
import { startGatewayProgram } from "./child-program.ts";
import { DEPLOYMENT_ID, storeRunningJobs } from "./example-job.ts";
import type { Figure } from "./figure.ts";
import { toFigure } from "./figure.ts";
import { submitJob } from "./submit-job.ts";
import { openWatchers } from "./watchers.ts";

const SETTLE_MS = 2_000;
const JOBS = 10_000;
const RUNNING_FOR_MS = 600_000;
const WATCHERS = 5_000;
/** Until each job must have been polled once. */
const MAX_WAITS = 20;

/** Resident memory of the gateway: idle, with jobs in flight, with watchers that each have a socket. */
export async function measureMemory(upstream: FaultyUpstream, folder: string): Promise<Figure[]> {
  upstream.script(DEPLOYMENT_ID, ["in_progress"]);
  const sandboxed = await measureIdle(upstream, `file:${folder}/memory-sandbox/gateway.db`, {
    RUNCOMFY_API_TOKEN: "",
    SANDBOX_PORT: "0",
  });
  const idleUrl = `file:${folder}/memory-idle/gateway.db`;
  const idle = toFigure("memory, idle", await measureIdle(upstream, idleUrl), "MiB");
  return [
    idle,
    toFigure("memory, idle, with the sandbox", sandboxed, "MiB", idle),
    toFigure(`memory, ${WATCHERS} watchers`, await measureWatched(upstream, folder), "MiB", idle),
    toFigure(
      `memory, ${JOBS} jobs in flight`,
      await measureInFlight(upstream, `file:${folder}/in-flight.db`),
      "MiB",
      idle,
    ),
  ];
}

/** The same of one on Postgres that has nothing else to do, idle and with jobs in flight. */
export async function measurePostgresMemory(
  upstream: FaultyUpstream,
  databaseUrl: string,
): Promise<Figure[]> {
  upstream.script(DEPLOYMENT_ID, ["in_progress"]);
  const idle = toFigure(
    "memory on Postgres, idle",
    await measureIdle(upstream, databaseUrl),
    "MiB",
  );
  const inFlight = await measureInFlight(upstream, databaseUrl);
  return [idle, toFigure(`memory on Postgres, ${JOBS} jobs in flight`, inFlight, "MiB", idle)];
}

async function measureIdle(
  upstream: FaultyUpstream,
  databaseUrl: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<number> {
  await using gateway = await startGatewayProgram(upstream, {
    DATABASE_URL: databaseUrl,
    ...environment,
  });
  await delay(SETTLE_MS);
  return gateway.readMemory();
}

async function measureWatched(upstream: FaultyUpstream, folder: string): Promise<number> {
  await using gateway = await startGatewayProgram(upstream, {
    DATABASE_URL: `file:${folder}/watched.db`,
  });
  const { id, requestId } = await submitJob(gateway.url);
  const watchers = await openWatchers(gateway.url, id, { count: WATCHERS });
  await delay(SETTLE_MS);
  const memory = gateway.readMemory();
  upstream.finish(requestId, { status: "succeeded", output: { images: [] } });
  await watchers.whenAllEnded();
  return memory;
}

async function measureInFlight(upstream: FaultyUpstream, databaseUrl: string): Promise<number> {
  const startedAtMs = Date.now() - RUNNING_FOR_MS;
  const jobs = Array.from({ length: JOBS }, () => ({
    requestId: upstream.accept(DEPLOYMENT_ID),
    startedAtMs,
  }));
  await storeRunningJobs(databaseUrl, jobs);
  const pollsBefore = upstream.count("status");
  await using gateway = await startGatewayProgram(upstream, { DATABASE_URL: databaseUrl });
  for (let waits = 0; upstream.count("status") - pollsBefore < JOBS; waits++) {
    if (waits === MAX_WAITS) throw new Error("The gateway did not poll each job in 20 s.");
    await delay(1_000);
  }
  await delay(SETTLE_MS);
  return gateway.readMemory();
}
