import { stat } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";

import { advance } from "../../src/job/advance.ts";
import { createJob, type Job } from "../../src/job/job.ts";
import { NO_POLLS } from "../../src/job/poll-outcome.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import type { ClaimedPoll, EndedPoll } from "../../src/store/polls.ts";
import { openStore } from "../../src/store/open-store.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const log = pino({ level: "silent" });
const DUE = { limit: 100, exceptDeployments: [] };

/** A file, and the clock of whoever opens it, which stands still unless a test moves it. */
async function createFile() {
  const path = join(await createTemporaryFolder(), "jobs.db");
  const clock = { nowMs: 0 };
  const open = () =>
    openStore({
      upstream: "sandbox",
      databaseUrl: `file:${path}`,
      log,
      monotonic: () => clock.nowMs,
    });
  return { path, clock, open };
}

async function submit(store: JobStore): Promise<Job> {
  const facts = { ownerId: "local", deploymentId: "d", apiVersion: "v1" };
  const job = createJob({ upstream: "sandbox", ...facts, now: new Date() });
  await store.jobs.insert({ job, input: {}, key: null });
  return job;
}

async function accept(store: JobStore): Promise<Job> {
  const accepted = { kind: "accepted", requestId: "r" } as const;
  const job = advance(await submit(store), accepted, new Date(), "sandbox");
  expect(await store.jobs.save(job, null)).toBe(true);
  return job;
}

function toPutBack({ job, token }: ClaimedPoll): EndedPoll {
  return { ...NO_POLLS, jobId: job.id, token, delayMs: 1_000 };
}

test("after a restart every accepted, unfinished job is due at once, and no other", async () => {
  const { clock, open } = await createFile();
  clock.nowMs = 1e9;
  const earlier = await open();
  const [queued, running, ended] = [
    await accept(earlier),
    await accept(earlier),
    await accept(earlier),
  ];
  await submit(earlier);
  await earlier.jobs.save(advance(running, { kind: "running" }, new Date(), "sandbox"), null);
  const end = { kind: "cancelled", finishedAt: null } as const;
  await earlier.jobs.save(advance(ended, end, new Date(), "sandbox"), null);
  await earlier.close();
  // The clock of another process begins anew.
  clock.nowMs = 0;
  const store = await open();
  const { polls } = await store.polls.claimDue(DUE);
  expect(polls.map(({ job }) => job.id).toSorted()).toEqual([queued.id, running.id].toSorted());
  await store.close();
});

test("polls write nothing to the file, and go on while another program writes to it", async () => {
  const { path, clock, open } = await createFile();
  const store = await open();
  const other = new DatabaseSync(path);
  onTestFinished(async () => {
    other.close();
    await store.close();
  });
  for (let count = 0; count < 50; count++) await accept(store);
  const { size } = await stat(`${path}-wal`);
  other.exec("begin immediate");
  for (let round = 0; round < 20; round++) {
    clock.nowMs += 1_000;
    const { polls } = await store.polls.claimDue(DUE);
    expect(polls).toHaveLength(50);
    await store.polls.putBack(polls.map((poll) => toPutBack(poll)));
  }
  await store.polls.mendTimes();
  other.exec("rollback");
  expect((await stat(`${path}-wal`)).size).toBe(size);
  expect(size).toBeGreaterThan(0);
});
