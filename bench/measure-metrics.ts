import { join } from "node:path";

import { pino } from "pino";

import { createChannels } from "../src/diagnostics/channels.ts";
import { createMetrics } from "../src/metrics/create-metrics.ts";
import { openStore } from "../src/store/open-store.ts";
import type { FaultyUpstream } from "../test/support/faulty-upstream/faulty-upstream.ts";
import { startBenchPostgres } from "./bench-postgres.ts";
import { storeRunningJobs } from "./example-job.ts";
import type { Figure } from "./figure.ts";
import { median, toFigure } from "./figure.ts";

const FEW = 100;
const MANY = 100_000;
const READS = 50;

/** What it takes to read the metrics of a gateway whose jobs all run. */
export async function measureMetrics(_upstream: FaultyUpstream, folder: string): Promise<Figure[]> {
  await using postgres = await startBenchPostgres();
  const figures: Figure[] = [];
  for (const name of ["SQLite", "Postgres"]) {
    let base: Figure | undefined;
    for (const jobs of [FEW, MANY]) {
      const databaseUrl =
        name === "SQLite"
          ? `file:${join(folder, `metrics-${jobs}.db`)}`
          : await postgres.createDatabase();
      const running = Array.from({ length: jobs }, (_, index) => ({
        requestId: String(index),
        startedAtMs: 1_750_000_000_000 + index,
      }));
      await storeRunningJobs(databaseUrl, running);
      const title = `${name}: reading the metrics of ${jobs} running jobs`;
      const figure = toFigure(title, await readMs(databaseUrl), "ms", base);
      base ??= figure;
      figures.push(figure);
    }
  }
  return figures;
}

async function readMs(databaseUrl: string): Promise<number> {
  const log = pino({ level: "silent" });
  const store = await openStore({ upstream: "sandbox", databaseUrl, log });
  const metrics = createMetrics({ channels: createChannels(), log });
  metrics.follow({
    version: "",
    store,
    health: { outageMs: () => null, failingDeployments: () => [] },
    counts: () => ({ sockets: 0, subscriptions: 0, waits: 0 }),
  });
  const durations: number[] = [];
  for (let count = 0; count < READS; count++) {
    const startedAt = performance.now();
    await metrics.read();
    durations.push(performance.now() - startedAt);
  }
  await store.close();
  return median(durations);
}
