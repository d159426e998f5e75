import { setTimeout as delay } from "node:timers/promises";

import type { FaultyUpstream } from "../test/support/faulty-upstream/faulty-upstream.ts";
import { startGatewayProgram } from "./child-program.ts";
import { DEPLOYMENT_ID } from "./example-job.ts";
import type { Figure } from "./figure.ts";
import { toFigure } from "./figure.ts";
import { submitJob } from "./submit-job.ts";
import { openWatchers } from "./watchers.ts";

/** Of each kind, since each poll comes at a random moment. */
const JOBS = 10;
const RUN_MS = 8_000;
const WATCHERS = 200;
/** As many as the gateway allows on one. */
const WATCHERS_PER_SOCKET = 100;

/** Polls jobs of 8 s that run side by side, half of them watched by one and half by many. */
export async function measurePolls(upstream: FaultyUpstream, folder: string): Promise<Figure[]> {
  await using gateway = await startGatewayProgram(upstream, {
    DATABASE_URL: `file:${folder}/polls.db`,
  });
  upstream.script(DEPLOYMENT_ID, ["in_progress"]);

  async function measureJob(count: number): Promise<number> {
    const { id, requestId } = await submitJob(gateway.url);
    const running = delay(RUN_MS);
    const watchers = await openWatchers(gateway.url, id, { count, perSocket: WATCHERS_PER_SOCKET });
    await running;
    upstream.finish(requestId, { status: "succeeded", output: { images: [] } });
    await watchers.whenAllEnded();
    return upstream.count("status", requestId) + upstream.count("result", requestId);
  }

  const jobs = Array.from({ length: JOBS }, () => [measureJob(1), measureJob(WATCHERS)]);
  const [one = 0, many = 0] = (await Promise.all(jobs.map((pair) => Promise.all(pair)))).reduce(
    ([oneSum = 0, manySum = 0], [ones = 0, manies = 0]) => [oneSum + ones, manySum + manies],
    [0, 0],
  );
  const base = toFigure("polls per job of 8 s with 1 watcher", one / JOBS, "polls");
  return [
    base,
    toFigure(`polls per job of 8 s with ${WATCHERS} watchers`, many / JOBS, "polls", base),
  ];
}
