import { pino } from "pino";

import type { Job, JobEvent } from "../../src/job/job.ts";
import { createJob } from "../../src/job/job.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import { openStore } from "../../src/store/open-store.ts";

export const DEPLOYMENT_ID = "bench";

export const INPUT = { prompt: "A warm glow", width: 1_024, height: 1_024, seed: 42 } as const;

const STORED_AT_ONCE = 10;

const OUTPUT = { images: ["https://files.runcomfy.net/output-1.png"] } as const;
const SUBMITTED_AT = new Date("2025-07-22T13:05:16Z");
const FINISHED_AT = new Date("2025-07-22T13:05:24Z");

const SUBMITTED: Job = {
  ...createJob({
    ownerId: "local",
    deploymentId: DEPLOYMENT_ID,
    apiVersion: "v1",
    now: SUBMITTED_AT,
  }),
  id: `job_${"0".repeat(32)}`,
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

/** Writes the finished job and others like it, of one owner, into a database that no gateway has open. */
export async function storeFinishedJob(
  databaseUrl: string,
  { ownerId = "local", others = 0 } = {},
): Promise<void> {
  await fillStore(databaseUrl, async (store) => {
    for (let count = 0; count <= others; count++) {
      const id = count === 0 ? SUBMITTED.id : `job_${String(count).padStart(32, "0")}`;
      await store.jobs.insert({ job: { ...SUBMITTED, id, ownerId }, input: INPUT, key: null });
      await store.jobs.save({ ...FINISHED.job, id, ownerId }, OUTPUT);
    }
  });
}

/** Writes one running job for each request that the upstream knows of; they started ten minutes ago. */
export async function storeRunningJobs(
  databaseUrl: string,
  requestIds: readonly string[],
): Promise<void> {
  const now = new Date(Date.now() - 600_000);
  await fillStore(databaseUrl, async (store) => {
    const left = requestIds.values();
    async function work(): Promise<void> {
      for (const requestId of left) {
        const job = createJob({
          ownerId: "local",
          deploymentId: DEPLOYMENT_ID,
          apiVersion: "v1",
          now,
        });
        await store.jobs.insert({
          job: { ...job, requestId, status: "IN_PROGRESS", startedAt: now },
          input: INPUT,
          key: null,
        });
      }
    }
    await Promise.all(Array.from({ length: STORED_AT_ONCE }, work));
  });
}

async function fillStore(
  databaseUrl: string,
  fill: (store: JobStore) => Promise<void>,
): Promise<void> {
  const store = await openStore({ databaseUrl, log: pino({ level: "silent" }) });
  try {
    await fill(store);
  } finally {
    await store.close();
  }
}
