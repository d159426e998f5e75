import { startFaultyUpstream } from "../test/support/faulty-upstream/faulty-upstream.ts";
import type { BenchPostgres } from "./bench-postgres.ts";
import { DEPLOYMENT_ID } from "./example-job.ts";
import type { Figure } from "./figure.ts";
import { median, toFigure } from "./figure.ts";
import { startFleet } from "./fleet.ts";
import { submitJob } from "./submit-job.ts";
import { within } from "./within.ts";

const KILLED = 3;
const SURVIVORS = 2;
const JOBS = 20;
const PATIENCE_MS = 30_000;

/** From the `kill -9` of gateways that are polling jobs to the first polls of these by others. */
export async function measureTakeover(postgres: BenchPostgres): Promise<Figure[]> {
  // One of its own, because it searches all requests that it had with each one that comes.
  await using upstream = await startFaultyUpstream();
  upstream.script(DEPLOYMENT_ID, ["in_progress"]);
  await using fleet = await startFleet(postgres, upstream, KILLED);

  async function whenPolled(requestId: string, times: number): Promise<number> {
    const polled = upstream.whenRequested("status", times, requestId);
    await within(PATIENCE_MS, `poll ${times} at a job`, polled);
    return performance.now();
  }

  const release = upstream.hold("status");
  const jobs = await Promise.all(Array.from({ length: JOBS }, () => submitJob(fleet.nextUrl())));
  await Promise.all(jobs.map(({ requestId }) => whenPolled(requestId, 1)));
  await Promise.all(fleet.gateways.map((gateway) => gateway.kill()));
  const killedAt = performance.now();
  release();
  await fleet.add(SURVIVORS);
  const polledAt = await Promise.all(jobs.map(({ requestId }) => whenPolled(requestId, 2)));
  const tookMs = polledAt.map((at) => at - killedAt);
  const name = "kill -9 to the first poll by another (claim 9 s)";
  const base = toFigure(`${name}, median`, median(tookMs), "ms");
  return [base, toFigure(`${name}, worst of ${JOBS}`, Math.max(...tookMs), "ms", base)];
}
