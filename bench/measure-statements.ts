import { setTimeout as delay } from "node:timers/promises";

import { createChannels } from "../src/diagnostics/channels.ts";
import { startBenchPostgres } from "./bench-postgres.ts";
import type { Figure } from "./figure.ts";
import { toFigure } from "./figure.ts";
import { openPollerAlone } from "./poller-alone.ts";

const JOBS = 100;
/** Of each job, and never in step. */
const MEAN_INTERVAL_MS = 1_000;
const SETTLE_MS = 5_000;
const MEASURED_MS = 10_000;

/** Statements for a poll that sees nothing new, on both databases at the same time. */
export async function measureStatements(folder: string): Promise<Figure[]> {
  await using postgres = await startBenchPostgres();
  return await Promise.all([
    measure("SQLite", `file:${folder}/statements.db`),
    measure("Postgres", await postgres.createDatabase()),
  ]);
}

async function measure(name: string, databaseUrl: string): Promise<Figure> {
  let statements = 0;
  const channels = createChannels();
  channels.sql.subscribe(() => void (statements += 1));
  let polls = 0;
  await using follower = await openPollerAlone({
    databaseUrl,
    schedule: () => MEAN_INTERVAL_MS * (0.5 + Math.random()),
    channels,
    upstream: {
      async readStatus() {
        polls += 1;
        return { state: "running", queuePosition: null, word: "" };
      },
      readResult: () => Promise.reject(new Error("No job has ended.")),
    },
  });
  for (let job = 0; job < JOBS; job++) await follower.add(String(job));
  follower.poller.start();
  await delay(SETTLE_MS);
  statements = 0;
  polls = 0;
  await delay(MEASURED_MS);
  const what = `statements a poll without news, ${JOBS} polls a second, ${name}`;
  return toFigure(what, statements / polls, "statements");
}
