import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { type CompiledQuery, Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";

import { createJobStore } from "../../src/store/create-job-store.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import { openPostgres } from "../../src/store/open-postgres.ts";
import { openStore } from "../../src/store/open-store.ts";
import { startOwnership } from "../../src/store/ownership.ts";
import type { Tables } from "../../src/store/tables.ts";
import { createLonelyWakeUps } from "../../src/store/wake-ups.ts";
import { createDatabase } from "../support/postgres.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const PAGE = { direction: "forward", limit: 21 } as const;
const AFTER = { createdAt: new Date(5), id: "job_1" };

const READS: readonly (readonly [string, (store: JobStore) => Promise<unknown>])[] = [
  ["a page", (store) => store.listJobs({ ...PAGE, filter: OWN })],
  ["a later page", (store) => store.listJobs({ ...PAGE, filter: OWN, after: AFTER })],
  [
    "a deployment's page",
    (store) => store.listJobs({ ...PAGE, filter: { ...OWN, deploymentId: "d" } }),
  ],
  [
    "a page of some statuses",
    (store) => store.listJobs({ ...PAGE, filter: { ...OWN, statuses: ["FAILED", "IN_QUEUE"] } }),
  ],
  ["a count", (store) => store.countJobs(OWN)],
  ["a deployment's count", (store) => store.countJobs({ ...OWN, deploymentId: "d" })],
  ["the deployments", (store) => store.listDeploymentIds("mine")],
  ["a deployment", (store) => store.hasDeployment("d", "mine")],
  ["the feed", async (store) => store.readFeed(await store.readFeedHead(), 200, "mine")],
];

const OWN = { ownerId: "mine" };

test.each(READS)("on SQLite, %s of an owner walks past no job of others", async (_title, read) => {
  const path = join(await createTemporaryFolder(), "jobs.db");
  const statements: string[] = [];
  const store = await openStore({
    databaseUrl: `file:${path}`,
    log: pino({ level: "silent" }),
    onStatement: (sql) => statements.push(sql),
  });
  onTestFinished(() => store.close());
  const file = new DatabaseSync(path);
  onTestFinished(() => file.close());
  statements.length = 0;
  await read(store);
  const plans = statements
    .flatMap((sql) => file.prepare(`explain query plan ${sql}`).all())
    .map((row) => String(row["detail"]))
    .filter((detail) => detail.includes(" jobs "));
  expect(plans.length).toBeGreaterThan(0);
  for (const plan of plans) expect(plan).toMatch(/^SEARCH jobs .*\(job_owner=\?/);
});

describe("on Postgres", () => {
  const statements: CompiledQuery[] = [];
  let store: JobStore;
  let client: pg.Client;
  let close: () => Promise<void>;

  /** Others have many jobs and "mine" has some, none of them of the deployment that is asked for. */
  const SEED = `
    insert into jobs (id, job_owner, deployment_id, api_version, status, version, created_at, updated_at, input)
      select 'job_' || n, case when n % 10 = 0 then 'mine' else 'theirs' end,
        case when n % 10 = 0 then 'e' else 'd' end, 'v1',
        case n % 3 when 0 then 'IN_QUEUE' when 1 then 'FAILED' else 'SUCCEEDED' end, 1, n, n, '{}'
      from generate_series(1, 20000) n`;

  beforeAll(async () => {
    const { url, drop } = await createDatabase();
    const silent = pino({ level: "silent" });
    const opened = await openPostgres(url, { log: silent });
    client = new pg.Client(url);
    await client.connect();
    await client.query(SEED);
    await client.query("vacuum analyze jobs");
    const queries = new Kysely<Tables>({
      dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 2 }) }),
      log({ query }) {
        statements.push(query);
      },
    });
    const database = { ...opened, queries };
    const ownership = await startOwnership(opened, 60_000);
    store = createJobStore({ database, ownership, changes: createLonelyWakeUps(silent) });
    close = async () => {
      await Promise.all([queries.destroy(), client.end()]);
      await store.close();
      await drop();
    };
  });

  afterAll(() => close());

  test.each(READS)("%s of an owner walks past no job of others", async (_title, read) => {
    statements.length = 0;
    await read(store);
    const plans = [];
    for (const { sql, parameters } of statements) {
      const { rows } = await client.query(`explain (format json) ${sql}`, [...parameters]);
      plans.push(...findNodes(rows[0]["QUERY PLAN"]).filter(readsJobs));
    }
    expect(plans.length).toBeGreaterThan(0);
    for (const plan of plans) {
      expect(String(plan["Index Cond"])).toContain("job_owner = ");
    }
  });
});

type PlanNode = Readonly<Record<string, unknown>>;

/** Every node of a plan, from the top down. */
function findNodes(part: unknown): PlanNode[] {
  if (Array.isArray(part)) return part.flatMap(findNodes);
  if (typeof part !== "object" || part === null) return [];
  const node = { ...part };
  return [node, ...Object.values(node).flatMap(findNodes)];
}

/** A bitmap's rows are read as its index was. */
function readsJobs(node: PlanNode): boolean {
  const isOfJobs = node["Relation Name"] === "jobs" && node["Node Type"] !== "Bitmap Heap Scan";
  return isOfJobs || node["Node Type"] === "Bitmap Index Scan";
}
