import { DatabaseSync } from "node:sqlite";

import pg from "pg";
import { pino } from "pino";

import type { Job, JobEvent } from "../src/engine/job/job.ts";
import { createJob } from "../src/engine/job/job.ts";
import type { JsonObject, JsonValue } from "../src/engine/job/json.ts";
import type { JobStore } from "../src/engine/store/job-store.ts";
import { openStore } from "../src/engine/store/open-store.ts";
import { toResult } from "../test/support/to-result.ts";
import { PART_TABLES } from "../test/support/part-tables.ts";

export const DEPLOYMENT_ID = "bench";

export const INPUT = { prompt: "A warm glow", width: 1_024, height: 1_024, seed: 42 } as const;

const OUTPUT = { images: ["https://files.runcomfy.net/output-1.png"] } as const;
const SUBMITTED_AT = new Date("2025-07-22T13:05:16Z");
const FINISHED_AT = new Date("2025-07-22T13:05:24Z");

const SUBMITTED: Job = {
  ...createJob({
    kind: "lora",
    ownerId: "local",
    deploymentId: DEPLOYMENT_ID,
    upstream: "sandbox",
    apiVersion: "v1",
    now: SUBMITTED_AT,
  }),
  id: toJobId(0),
};

/** A job that succeeded, with its documents and its history. */
export const FINISHED: {
  readonly job: Job;
  readonly documents: { readonly input: typeof INPUT; readonly output: typeof OUTPUT };
  readonly history: readonly JobEvent[];
} = describeFinished();

function describeFinished() {
  const times = { startedAt: SUBMITTED_AT, finishedAt: FINISHED_AT, updatedAt: FINISHED_AT };
  const job: Job = { ...SUBMITTED, ...times, requestId: "1", status: "SUCCEEDED", version: 2 };
  return {
    job,
    documents: { input: INPUT, output: OUTPUT },
    history: [SUBMITTED, job].map(({ version, status, updatedAt }) => ({
      version,
      status,
      at: updatedAt,
    })),
  };
}

/** Writes finished jobs of one owner into a database that no gateway has open; the `number` of the first gives their ids. */
export async function storeFinishedJob(
  databaseUrl: string,
  {
    ownerId = "local",
    number: first = 0,
    others = 0,
    input = INPUT,
    output = OUTPUT,
  }: {
    ownerId?: string;
    number?: number;
    others?: number;
    input?: JsonObject;
    output?: JsonValue;
  } = {},
): Promise<void> {
  await fillStore(databaseUrl, async ({ jobs }) => {
    for (let number = first; number <= first + others; number++) {
      const own = { id: toJobId(number), ownerId };
      const job = { ...SUBMITTED, ...own };
      await jobs.insert({ job, input, key: null });
      await jobs.save(job, { ...FINISHED.job, ...own }, toResult(output));
    }
  });
}

export function toJobId(number: number): string {
  return `job_${String(number).padStart(32, "0")}`;
}

export type RunningJob = { readonly requestId: string; readonly startedAtMs: number };

/** Writes running jobs of an upstream, and runs of the past to learn from, into a database that no gateway has open. */
export async function storeRunningJobs(
  databaseUrl: string,
  upstream: string,
  jobs: readonly RunningJob[],
  pastRunsMs: readonly number[] = [],
): Promise<void> {
  await fillStore(databaseUrl, async () => undefined);
  const rows = jobs.map(({ requestId, startedAtMs: at }, index) => {
    return `('${toJobId(index)}', 'local', 'lora', '${DEPLOYMENT_ID}', '${upstream}', '${requestId}', 'v1', 'SUBMITTING', 1, ${at}, ${at}, ${at}, 1, 0)`;
  });
  await query(
    databaseUrl,
    `insert into jobs (id, owner_id, kind, deployment_id, upstream, request_id, api_version, status, version, created_at, sent_at, updated_at,
       work, submit_until) values ${rows.join()};
     insert into job_documents (job_id, input_bytes, input) select id, 2, '{}' from jobs;
     update jobs set status = 'IN_QUEUE';
     update jobs set status = 'IN_PROGRESS', started_at = sent_at, version = 2;`,
  );
  const runs = pastRunsMs.map(
    (runMs) =>
      `('${DEPLOYMENT_ID}', '${upstream}', 'SUCCEEDED', 1, 0, 0, 0, ${Math.round(runMs)}, 0)`,
  );
  if (runs.length === 0) return;
  await query(
    databaseUrl,
    `insert into runs (deployment_id, upstream, status, work, place, idle_ms, queue_ms, run_ms, ended_at)
     values ${runs.join()}`,
  );
}

/** When each success was noticed, in milliseconds since 1970, by its request id. */
export async function readEnds(databaseUrl: string): Promise<ReadonlyMap<string, number>> {
  const rows = await query(
    databaseUrl,
    "select request_id, updated_at from jobs where status = 'SUCCEEDED'",
  );
  return new Map(rows.map((row) => [String(row["request_id"]), Number(row["updated_at"])]));
}

/** Opens the tables of a database that no gateway has open, for as long as `fill` takes. */
export async function fillStore(
  databaseUrl: string,
  fill: (store: JobStore) => Promise<void>,
): Promise<void> {
  const store = await openStore({
    upstream: "sandbox",
    databaseUrl,
    parts: PART_TABLES,
    log: pino({ level: "silent" }),
  });
  try {
    await fill(store);
  } finally {
    await store.close();
  }
}

/** Runs statements, several where none is a select; gives the rows of one. */
export async function query(
  databaseUrl: string,
  sql: string,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  if (databaseUrl.startsWith("file:")) {
    using sqlite = new DatabaseSync(databaseUrl.slice("file:".length));
    if (sql.startsWith("select")) return sqlite.prepare(sql).all();
    sqlite.exec(sql);
    return [];
  }
  const client = new pg.Client(databaseUrl);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}
