import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";

import { createDatabase } from "../support/postgres.ts";
import type { Cluster } from "./cluster.ts";
import { DEFAULT_TIMES } from "./cluster.ts";
import { readOwners } from "./read-owners.ts";
import { seedJobs } from "./seed-jobs.ts";
import { submitMany } from "./submit-many.ts";
import { PATIENCE, startTestCluster } from "./test-cluster.ts";
import { createWatchers } from "./watchers.ts";

/** What a new gateway may take until it has its share. */
const SHARE = { timeout: 60_000, interval: 250 };
const WATCHED_OF_EACH = 100;
const BODY = z.object({ prompt: z.string() });

test("10,000 jobs in flight are spread over all gateways, a new one too, and all end", async () => {
  const { url: databaseUrl, drop } = await createDatabase();
  onTestFinished(drop);
  const { cluster } = await startTestCluster({
    gateways: 1,
    databaseUrl,
    // Past the proxy, which would be the slowest part.
    environment: { ...DEFAULT_TIMES, DATABASE_URL: databaseUrl },
  });
  const watchers = createWatchers(cluster.url);
  onTestFinished(() => watchers.close());
  cluster.upstream.script("held", ["in_progress"]);
  const first = await seedJobs(cluster, "held", 3_000);
  await expect.poll(() => readOwners(cluster), SHARE).toEqual([3_000]);
  await cluster.add();
  await cluster.add();
  await expect.poll(() => isSpread(cluster, { gateways: 3, most: 1_500 }), SHARE).toBe(true);

  const second = await seedJobs(cluster, "held", 5_500);
  const submitted = await submitMany(urlsOf(cluster), "held", 500);
  for (const jobIds of [first, second, [...submitted.values()]]) {
    for (const jobId of jobIds.slice(-WATCHED_OF_EACH)) watchers.watch(jobId);
  }
  await expect.poll(() => countOwned(cluster), SHARE).toBe(10_000);
  expect(await isSpread(cluster, { gateways: 3, most: 5_000 })).toBe(true);
  await cluster.add();
  await expect.poll(() => isSpread(cluster, { gateways: 4, most: 2_750 }), SHARE).toBe(true);

  await cluster.finishJobs();
  await expect.poll(() => countUnfinished(cluster), SHARE).toBe(0);
  await expect
    .poll(() => watchers.watches.filter(({ hasEnded }) => !hasEnded).length, PATIENCE)
    .toBe(0);
  expect(watchers.watches.flatMap(({ broken }) => broken)).toEqual([]);
  const jobIds = new Set([...first, ...second, ...submitted.values()]);
  expect(jobIds.size).toBe(10_000);
  expect(await readSucceeded(cluster)).toEqual(jobIds);
  // None of those from before, and the others once.
  expect(readPosts(cluster).toSorted()).toEqual([...submitted.keys()].toSorted());
}, 180_000);

const urlsOf = (cluster: Cluster): readonly string[] => cluster.members().map(({ url }) => url);

/** Whether so many gateways own jobs, and none more than this, or less than half of its share. */
async function isSpread(
  cluster: Cluster,
  { gateways, most }: { readonly gateways: number; readonly most: number },
): Promise<boolean> {
  const owners = await readOwners(cluster);
  const least = (await countOwned(cluster)) / gateways / 2;
  return owners.length === gateways && owners.every((owned) => owned <= most && owned >= least);
}

async function countOwned(cluster: Cluster): Promise<number> {
  return (await readOwners(cluster)).reduce((sum, owned) => sum + owned, 0);
}

async function countUnfinished({ database }: Cluster): Promise<number> {
  const { rows } = await database.query<{ count: number }>(
    "select count(*)::int as count from jobs where finished_at is null",
  );
  return rows[0]?.count ?? -1;
}

/** The ids of the jobs that succeeded and whose histories end with that. */
async function readSucceeded({ database }: Cluster): Promise<ReadonlySet<string>> {
  const { rows } = await database.query<{ id: string }>(
    `select id from jobs join job_events as told on job_id = id and told.version = jobs.version
     where jobs.status = 'SUCCEEDED' and told.status = 'SUCCEEDED'`,
  );
  return new Set(rows.map(({ id }) => id));
}

function readPosts({ upstream }: Cluster): readonly string[] {
  return upstream.requests.flatMap(({ call, body }) =>
    call === "submit" ? BODY.parse(JSON.parse(body)).prompt : [],
  );
}
