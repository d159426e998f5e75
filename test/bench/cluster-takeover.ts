import { setTimeout as delay } from "node:timers/promises";

import { startFaultyUpstream } from "../support/faulty-upstream/faulty-upstream.ts";
import type { BenchPostgres } from "./bench-postgres.ts";
import type { ChildProgram } from "./child-program.ts";
import { DEPLOYMENT_ID } from "./example-job.ts";
import type { Figure } from "./figure.ts";
import { median, toFigure } from "./figure.ts";
import { startFleet } from "./fleet.ts";
import { submitJob } from "./submit-job.ts";
import { within } from "./within.ts";

const SURVIVORS = 2;
/** Each killed together with the others of its round, and each at another moment of its own beat. */
const KILLED = 10;
const ROUNDS = 2;
/** As long as a beat with the lease of 6 s that gateways have by default. */
const BEAT_MS = 2_000;
const PATIENCE_MS = 30_000;

/** From the `kill -9` of a gateway to the first look at its job by another. */
export async function measureTakeover(postgres: BenchPostgres): Promise<Figure[]> {
  // One of its own, because it searches all requests that it had with each one that comes.
  await using upstream = await startFaultyUpstream();
  upstream.script(DEPLOYMENT_ID, ["in_progress"]);
  await using fleet = await startFleet(postgres, upstream, SURVIVORS);

  async function measureOne(gateway: ChildProgram): Promise<number> {
    const { requestId } = await submitJob(gateway.url);
    await delay(BEAT_MS * (1 + Math.random()));
    await gateway.kill();
    const killedAt = performance.now();
    // By the end of this exchange the last look that was sent before has been counted.
    await (await fetch(upstream.url)).text();
    const next = upstream.count("status", requestId) + 1;
    const looked = upstream.whenRequested("status", next, requestId);
    await within(PATIENCE_MS, "another gateway looks at the job of one that was killed", looked);
    const tookMs = performance.now() - killedAt;
    upstream.finish(requestId, { status: "succeeded", output: { images: [] } });
    return tookMs;
  }

  const tookMs: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const gateways = await fleet.add(KILLED);
    tookMs.push(...(await Promise.all(gateways.map(measureOne))));
    await postgres.whenIdle(fleet.databaseUrl);
  }
  const base = toFigure(
    "kill -9 to the first look by another (lease 6 s), median",
    median(tookMs),
    "ms",
  );
  return [base, toFigure(`the same, worst of ${KILLED * ROUNDS}`, Math.max(...tookMs), "ms", base)];
}
