import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";

import { createJob, type Job } from "../../src/job/job.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import { openStore } from "../../src/store/open-store.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { readFeed } from "../support/read-feed.ts";

const log = pino({ level: "silent" });

/** A file, with a look past the store. */
async function createFile(): Promise<{ open(): Promise<JobStore>; file: DatabaseSync }> {
  const folder = await createTemporaryFolder();
  const path = join(folder, "jobs.db");
  const open = () => openStore({ upstream: "sandbox", databaseUrl: `file:${path}`, log });
  await (await open()).close();
  const file = new DatabaseSync(path);
  onTestFinished(() => file.close());
  return { open, file };
}

async function insert(
  store: JobStore,
  key: string | null = null,
  changes: Partial<Job> = { status: "IN_QUEUE", requestId: "r" },
): Promise<Job> {
  const job: Job = {
    ...createJob({
      ownerId: "local",
      deploymentId: "d",
      upstream: "sandbox",
      apiVersion: "v1",
      now: new Date(),
    }),
    ...changes,
  };
  await store.jobs.insert({
    job,
    input: {},
    key: key === null ? null : { key, fingerprint: "f" },
    leaseMs: 60_000,
  });
  return job;
}

test("a cursor that an older copy of the file does not reach yet asks for a reset", async () => {
  const { open, file } = await createFile();
  const store = await open();
  await insert(store);
  const head = await store.feed.readHead();
  file.exec("update change_counter set value = value - 1");
  expect(await readFeed(store, head, 10)).toBeNull();
  await store.close();
});

test("the submits of an earlier gateway are abandoned at once, and none of this one", async () => {
  const { open } = await createFile();
  const earlier = await open();
  const left = await insert(earlier, null, {});
  await earlier.close();
  const store = await open();
  await insert(store, null, {});
  expect(await store.jobs.listAbandonedSubmits(10)).toEqual([left.id]);
  await store.close();
});

test("the key of a deleted job is free again once its time is over, and is kept no longer", async () => {
  const { open, file } = await createFile();
  const store = await open();
  const finish = async (key: string) => {
    const job = await insert(store, key);
    await store.jobs.save({ ...job, version: 2, status: "FAILED" }, null);
    await store.jobs.delete(job.id);
  };
  await finish("one");
  await finish("two");
  const dayMs = 24 * 60 * 60_000;
  const [kept] = file.prepare("select until from spent_keys").all();
  expect(Number(kept?.["until"]) - Date.now()).toBeGreaterThan(dayMs - 60_000);
  file.exec("update spent_keys set until = 1");
  await insert(store, "one");
  await finish("two");
  const keys = file.prepare("select key, until > 1 as is_new from spent_keys").all();
  expect(keys).toMatchObject([{ key: "two", is_new: 1 }]);
  expect(keys).toHaveLength(1);
  await store.close();
});

test("a clock that is set back ends a pause and lets the next one begin", async () => {
  const { open, file } = await createFile();
  const store = await open();
  await store.pauses.notePause(60_000);
  file.exec(
    "update pauses set noted_at = noted_at + 3600000, paused_until = paused_until + 3600000",
  );
  expect(await store.pauses.readPauseMs()).toBe(0);
  await store.pauses.notePause(60_000);
  expect(await store.pauses.readPauseMs()).toBeGreaterThan(0);
  await store.close();
});

test("what changed is found along an index", async () => {
  const { open, file } = await createFile();
  const store = await open();
  const plan = file
    .prepare(
      "explain query plan select id from jobs where changed >= 5 order by changed, id limit 3",
    )
    .all();
  expect(JSON.stringify(plan)).toMatch(/SEARCH jobs USING (COVERING )?INDEX jobs_by_change/);
  await store.close();
});
