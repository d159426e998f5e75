import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { CompiledQuery, Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";
import { pino } from "pino";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";

import { createChannels } from "../../src/engine/diagnostics/channels.ts";
import { NO_POLLS } from "../../src/engine/job/polls.ts";
import type { Database } from "../../src/engine/store/database.ts";
import { createJobStore, type JobStore } from "../../src/engine/store/job-store.ts";
import type { JobFilter, JobRange, WalkBudget } from "../../src/engine/store/list-jobs.ts";
import { createPolls, type PollTable } from "../../src/engine/store/polls.ts";
import { openPostgres, READER_SETTINGS } from "../../src/engine/store/open-postgres.ts";
import { openStore } from "../../src/engine/store/open-store.ts";
import type { Tables } from "../../src/engine/store/tables.ts";
import { WakeUps } from "../../src/engine/store/wake-ups.ts";
import type { WebhookClaims } from "../../src/parts/webhooks/claims.ts";
import { FROM_START } from "../../src/parts/webhooks/due-webhooks.ts";
import { createDownloadRows } from "../../src/parts/downloads/download-rows.ts";
import { createWebhookStore } from "../../src/parts/webhooks/webhook-store.ts";
import { collectStatements } from "../support/collect-statements.ts";
import { createDatabase, runIn } from "../support/postgres.ts";
import { readFeed } from "../support/read-feed.ts";
import { makeJob } from "./store-jobs.ts";
import { PART_TABLES } from "../support/part-tables.ts";

const QUIET = { upstream: "sandbox", log: pino({ level: "silent" }), parts: PART_TABLES };

type Read = (store: JobStore) => Promise<unknown>;

// As the gateway's own pools do.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

const OWN = { ownerId: "mine" };
const LIMIT = 21;
const AFTER = { createdAt: new Date(5), id: "job_1" };
const SINCE = { createdAfter: new Date(3), createdBefore: new Date(9) };

type Columns = readonly string[];
/** With the columns that each has to be found along: no row is passed over. */
const FILTERS: readonly (readonly [JobFilter, Columns])[] = [
  [{}, []],
  [{ statuses: ["CANCELLED"] }, ["status"]],
  [{ statuses: ["FAILED", "IN_QUEUE"] }, ["status"]],
  [{ deploymentId: "d" }, ["deployment_id"]],
  [{ deploymentId: "d", statuses: ["CANCELLED"] }, ["deployment_id", "status"]],
  [SINCE, ["created_at"]],
  [{ ...SINCE, statuses: ["FAILED"] }, ["status", "created_at"]],
  [{ ...SINCE, deploymentId: "d" }, ["deployment_id", "created_at"]],
];
const READS: readonly (readonly [string, Read, Columns])[] = [
  ...FILTERS.flatMap(readsOf),
  ["deployments of an owner", ({ jobs }) => jobs.listDeploymentIds("mine"), ["owner_id"]],
  ["a deployment of an owner", ({ jobs }) => jobs.findDeployments(["d"], "mine"), ["owner_id"]],
  ["the feed of an owner", (store) => readFeedOf(store, "mine"), ["owner_id", "changed"]],
  ["the feed of everybody", (store) => readFeedOf(store), ["changed"]],
];

/** The same for tags, along the columns of `job_tags`. */
const TAG_FILTERS: typeof FILTERS = [
  [{ tag: "common" }, ["tag"]],
  [{ ...SINCE, tag: "common" }, ["tag", "created_at"]],
  [{ isStarred: true }, ["tag"]],
  [{ ...SINCE, isStarred: true }, ["tag", "created_at"]],
];
const ONE_STEP: WalkBudget = { ...threeSteps(), isSpent: () => true };
const TAG_READS: typeof READS = [
  ...TAG_FILTERS.flatMap(readsOf),
  [
    "a count of each of an owner's tags",
    ({ jobs }) => jobs.countTags("mine", { startsWith: "o", limit: LIMIT }, ONE_STEP),
    ["owner_id", "tag"],
  ],
];

/** With the table along whose index each is walked, and the columns that have to be found by it. */
const WALKS: readonly (readonly [JobFilter, string, Columns])[] = [
  [{ text: "cat" }, "jobs", []],
  [{ ...SINCE, text: "cat" }, "jobs", ["created_at"]],
  [{ ...OWN, text: "cat" }, "job_texts", ["owner_id"]],
  [{ ...OWN, ...SINCE, text: "cat" }, "job_texts", ["owner_id", "created_at"]],
  [{ ...OWN, text: "cat", statuses: ["FAILED", "IN_QUEUE"] }, "jobs", ["owner_id", "status"]],
  [{ ...OWN, text: "cat", deploymentId: "e" }, "jobs", ["owner_id", "deployment_id", "status"]],
  [{ text: "cat", tag: "rare" }, "job_tags", ["tag"]],
  [{ tag: "rare", statuses: ["FAILED"] }, "job_tags", ["tag"]],
  [{ isStarred: false }, "jobs", []],
  [{ ...OWN, isStarred: false, statuses: ["FAILED"] }, "jobs", ["owner_id", "status"]],
  [{ ...OWN, isStarred: true, deploymentId: "e" }, "job_tags", ["owner_id", "tag"]],
  [{ ...OWN, isStarred: true, tag: "own" }, "job_tags", ["owner_id", "tag"]],
  [
    { ...OWN, text: "cat", tag: "own", statuses: ["FAILED"], deploymentId: "e" },
    "job_tags",
    ["owner_id", "tag"],
  ],
];
const WALK_READS = WALKS.flatMap(([filter, table, columns]) =>
  pagesOf(filter, columns).map(([title, read, all]) => [title, read, table, all] as const),
);

/** Pages and counts of everybody's jobs and of an owner's. */
function readsOf([filter, columns]: readonly [JobFilter, Columns]) {
  const ofOwner = { ...filter, ...OWN };
  const count = (some: JobFilter, along: Columns) =>
    [`a count by ${nameOf(some)}`, ({ jobs }: JobStore) => jobs.count(some), along] as const;
  return [
    ...pagesOf(filter, columns),
    count(filter, columns),
    ...pagesOf(ofOwner, ["owner_id", ...columns]),
    count(ofOwner, ["owner_id", ...columns]),
  ];
}

function pagesOf(filter: JobFilter, columns: Columns) {
  const list = (range: Partial<JobRange>) => (store: JobStore) =>
    store.jobs.list({ direction: "forward", limit: LIMIT, filter, ...range }, threeSteps());
  return [
    [`a page by ${nameOf(filter)}`, list({}), columns],
    [`a later page by ${nameOf(filter)}`, list({ after: AFTER }), [...columns, "created_at"]],
  ] as const;
}

function nameOf(filter: JobFilter): string {
  return Object.keys(filter).join(", ") || "nothing";
}

async function readFeedOf(store: JobStore, ownerId?: string): Promise<unknown> {
  return await readFeed(store, await store.feed.readHead(), 200, ownerId);
}

/** Lets a walk make three steps. */
function threeSteps(): WalkBudget {
  let steps = 0;
  return {
    step: async (run) => ({ value: await run(), ms: 0 }),
    isSpent: () => ++steps >= 3,
  };
}

let sqlite: {
  readonly store: JobStore;
  readonly file: DatabaseSync;
  readonly statements: string[];
};

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "runcomfy-graphql-"));
  const path = join(folder, "jobs.db");
  const { channels, statements } = collectStatements();
  const store = await openStore({ ...QUIET, databaseUrl: `file:${path}`, channels });
  const file = new DatabaseSync(path);
  sqlite = { store, file, statements };
  return async () => {
    file.close();
    await store.close();
    await rm(folder, { recursive: true });
  };
});

test.each(READS)("on SQLite, %s passes over no row", async (_title, read, columns) => {
  const plans = (await explainOnSqlite(read)).filter((detail) => detail.includes(" jobs "));
  expect(plans.length).toBeGreaterThan(0);
  for (const plan of plans) {
    expect(plan).toContain(" INDEX ");
    for (const column of columns) expect(plan.replace("<expr>", "created_at")).toContain(column);
  }
});

test.each(TAG_READS)(
  "on SQLite, %s goes along the jobs of the tag and looks each up",
  async (title, read, columns) => {
    const [tags = "", ...jobs] = (await explainOnSqlite(read)).filter(
      (detail) => !/^(CO-ROUTINE|SCAN (counted|places|seen)$)/.test(detail),
    );
    expect(tags).toMatch(/^SEARCH job_tags USING (COVERING )?INDEX/);
    for (const column of columns) expect(tags.replace("<expr>", "created_at")).toContain(column);
    expect(jobs).toHaveLength(title.startsWith("a count") ? 0 : 1);
    for (const one of jobs) expect(one).toMatch(/^SEARCH jobs USING INDEX \w+ \(id=\?\)$/);
  },
);

test.each(WALK_READS)(
  "on SQLite, a step of %s reads one index, and looks up what that found",
  async (title, read, table, columns) => {
    const steps = (await explainOnSqlite(read)).filter((detail) => / (INDEX|KEY) /.test(detail));
    const isLookUp = (step: string) => /\((id=\?|.*created_at=\? AND job_id=\?)\)$/.test(step);
    const walked = steps.filter((step) => !isLookUp(step));
    expect(walked.length).toBeGreaterThan(0);
    const isOfAll = title.includes("text") && !title.includes("ownerId");
    const how = table === "job_texts" ? "PRIMARY KEY" : isOfAll ? "INDEX" : "COVERING INDEX";
    for (const step of walked) {
      expect(step).toMatch(new RegExp(`^(SEARCH|SCAN) ${table} USING ${how}`));
      for (const column of columns) expect(step.replace("<expr>", "created_at")).toContain(column);
    }
    expect(steps.some(isLookUp)).toBe(table !== "job_texts");
  },
);

test("on SQLite, what no longer repeats is forgotten along its end", async () => {
  const plans = await explainOnSqlite(insertNoted);
  const [expired, noted] = plans.filter((detail) => detail.includes(" repeatable_submits "));
  expect(expired).toMatch(/^SEARCH .* INDEX sqlite_autoindex_repeatable_submits_1 \(owner_id=\?/);
  expect(noted).toMatch(/^SEARCH .* INDEX repeatable_submits_by_end \(until<\?\)$/);
});

const insertNoted = ({ jobs }: JobStore) =>
  jobs.insert({
    job: makeJob(),
    input: {},
    key: { key: null, fingerprint: "f", repeats: "found" },
  });

test("on SQLite, a submit with a limit reads no row of its owner's other jobs", async () => {
  const steps = await explainOnSqlite(insertLimited);
  const ofJobs = steps.filter((detail) => detail.includes(" jobs "));
  for (const step of ofJobs) expect(step).not.toContain("owner_id");
  expect(steps).toContainEqual(
    expect.stringMatching(
      /^SEARCH unfinished_jobs USING PRIMARY KEY \(owner_id=\? AND upstream=\?\)/,
    ),
  );
});

const insertLimited = ({ jobs }: JobStore, id: string = randomUUID()) =>
  jobs.insert({
    job: makeJob({ id, ownerId: "mine" }),
    input: { prompt: "a cat" },
    key: { key: id, fingerprint: "f" },
    mostInFlight: 20_000,
  });

/** The steps of each statement's plan. */
async function explainOnSqlite(read: Read): Promise<readonly string[]> {
  sqlite.statements.length = 0;
  await read(sqlite.store);
  return sqlite.statements
    .flatMap((text) => sqlite.file.prepare(`explain query plan ${text}`).all())
    .map((row) => String(row["detail"]));
}

/** "mine" has jobs of one deployment alone: a filter lets through nothing where each of its conditions does. */
const seed = (first: number, last: number) => `
  set session_replication_role = replica;
  insert into jobs (id, owner_id, kind, deployment_id, upstream, api_version, status, version, created_at, updated_at, work, submit_until)
    select 'job_' || n, case when n % 10 = 0 then 'mine' else 'theirs' end, 'lora',
      case n % 10 when 0 then 'e' when 1 then 'd' else 'f' end, 'sandbox', 'v1',
      case n % 30 when 0 then 'IN_QUEUE' when 10 then 'FAILED' else 'SUCCEEDED' end, 1, n, n, 1, 0
    from generate_series(${first}, ${last}) n;
  insert into job_tags (job_id, tag, owner_id, created_at)
    select id, case when owner_id = 'mine' then 'own' else 'common' end, owner_id, created_at from jobs
    union all select id, 'rare', owner_id, created_at from jobs where created_at % 400 = 10
    on conflict do nothing;
  insert into job_texts (owner_id, created_at, job_id, search)
    select owner_id, created_at, id, case when created_at % 100 = 10 then 'a cat ' else 'a dog ' end || md5(id)
    from jobs where created_at between ${first} and ${last}`;
const ANALYZE = "vacuum analyze jobs, job_tags, job_texts";

describe("on Postgres", () => {
  const statements: CompiledQuery[] = [];
  let store: JobStore;
  let client: pg.Client;

  beforeAll(async () => {
    const { url, drop } = await createDatabase();
    const opened = await openPostgres(url, QUIET);
    client = new pg.Client(url);
    await client.connect();
    await client.query(READER_SETTINGS);
    const queries = connectLogged(url, statements);
    const database = { ...opened, queries, reads: queries };
    const channels = createChannels();
    store = createJobStore({ database, changes: new WakeUps(), channels });
    return async () => {
      await Promise.all([queries.destroy(), client.end()]);
      await store.close();
      await drop();
    };
  });

  async function explain(read: Read): Promise<readonly PlanNode[]> {
    statements.length = 0;
    await read(store);
    const nodes = [];
    for (const { sql: text, parameters } of statements) {
      const { rows } = await client.query(`explain (analyze, format json) ${text}`, [
        ...parameters,
      ]);
      nodes.push(...findNodes(rows[0]["QUERY PLAN"]));
    }
    return nodes;
  }

  test("what no longer repeats is forgotten along its end", async () => {
    await client.query(`insert into repeatable_submits (owner_id, fingerprint, job_id, until)
      select 'mine', 'f' || n, 'j', n from generate_series(1, 20000) n`);
    statements.length = 0;
    await insertNoted(store);
    const found = statements.find((one) => one.sql.includes('delete from "repeatable_submits"'));
    if (found === undefined) throw new Error("nothing was forgotten");
    const { sql: text, parameters } = found;
    const { rows } = await client.query(`explain (analyze, format json) ${text}`, [...parameters]);
    const scans = findNodes(rows[0]["QUERY PLAN"]).filter((node) => node["Relation Name"]);
    expect(scans.length).toBeGreaterThan(1);
    const names = new Set(scans.flatMap((scan) => scan["Index Name"] ?? []));
    expect(names).toEqual(new Set(["repeatable_submits_by_end", "repeatable_submits_pkey"]));
    for (const scan of scans) expect(scan["Rows Removed by Filter"] ?? 0).toBe(0);
    for (const scan of scans) expect(Number(scan["Actual Rows"])).toBeLessThanOrEqual(100);
  });

  // One after the other in the same tables.
  describe.each([
    ["without", [seed(1, 20_000)]],
    ["with", [ANALYZE]],
    [
      "with old",
      ["truncate jobs cascade", "truncate job_texts", seed(1, 10), ANALYZE, seed(11, 20_000)],
    ],
  ])("%s statistics", (_title, steps) => {
    beforeAll(async () => {
      for (const step of steps) await client.query(step);
    });

    test.each(READS)("%s passes over no row", async (_title, read, columns) => {
      const plans = (await explain(read)).filter(readsJobs);
      expect(plans.length).toBeGreaterThan(0);
      for (const plan of plans) {
        expect(plan["Rows Removed by Filter"] ?? 0).toBe(0);
        for (const column of columns) expect(String(plan["Index Cond"])).toContain(column);
      }
    });

    test.each(TAG_READS)("%s passes over no row", async (title, read, columns) => {
      const scans = (await explain(read)).filter((node) => node["Relation Name"] !== undefined);
      const [tags, ...jobs] = scans;
      expect(tags?.["Relation Name"]).toBe("job_tags");
      for (const column of columns) expect(String(tags?.["Index Cond"])).toContain(column);
      expect(jobs).toHaveLength(title.startsWith("a count") ? 0 : 1);
      for (const scan of jobs) expect(String(scan["Index Cond"])).toContain("(id = ");
      for (const scan of scans) expect(scan["Rows Removed by Filter"] ?? 0).toBe(0);
    });

    test.each(WALK_READS)(
      "a step of %s reads no row of another prefix, and looks up what it found",
      async (_title, read, table, columns) => {
        const scans = (await explain(read)).filter((node) => node["Relation Name"] !== undefined);
        const isLookUp = (scan: PlanNode) =>
          String(scan["Index Name"]).endsWith("_pkey") &&
          (table === "jobs" || scan["Relation Name"] !== table);
        const walked = scans.filter((scan) => !isLookUp(scan));
        expect(walked.length).toBeGreaterThan(0);
        for (const scan of walked) {
          expect(scan).toMatchObject({ "Relation Name": table, "Node Type": /Index/ });
          expect(scan["Rows Removed by Filter"] ?? 0).toBe(0);
          expect(Number(scan["Actual Rows"])).toBeLessThanOrEqual(5_000);
          for (const column of columns) expect(String(scan["Index Cond"])).toContain(column);
        }
        for (const scan of scans.filter(isLookUp)) {
          const isOfPage = String(scan["Index Cond"]).includes("(id = ANY");
          expect(Number(scan["Actual Rows"])).toBeLessThanOrEqual(isOfPage ? LIMIT : 1);
          expect(scan["Rows Removed by Filter"] ?? 0).toBe(0);
        }
      },
    );
  });
});

test("on Postgres, a submit reads as many rows with 10,000 jobs queued as with none", async () => {
  const { url, drop } = await createDatabase();
  onTestFinished(drop);
  const opened = await openPostgres(url, QUIET);
  onTestFinished(() => opened.close());
  const statements: CompiledQuery[] = [];
  const queries = connectLogged(url, statements);
  onTestFinished(() => queries.destroy());
  const database: Database = {
    ...opened,
    queries,
    write: (act) => queries.transaction().execute(act),
  };
  const store = createJobStore({ database, changes: new WakeUps(), channels: createChannels() });
  const client = new pg.Client(url);
  onTestFinished(() => client.end());
  await client.connect();

  /** Does again what a submit did. */
  async function countRead(id: string): Promise<number> {
    statements.length = 0;
    await insertLimited(store, id);
    await store.jobs.withdraw(id);
    await client.query("begin");
    let count = 0;
    for (const { sql: text, parameters } of statements.slice(0, -1)) {
      if (/^(begin|commit)/.test(text)) continue;
      const plan = await client.query(`explain (analyze, format json) ${text}`, [...parameters]);
      for (const node of findNodes(plan.rows).filter(isScan))
        count += Number(node["Actual Rows"]) + Number(node["Rows Removed by Filter"] ?? 0);
    }
    await client.query("rollback");
    return count;
  }

  const before = await countRead("job_a");
  await client.query(`
    insert into jobs (id, owner_id, kind, deployment_id, upstream, request_id, api_version, status, version, created_at, updated_at, work, submit_until)
      select 'job_' || n, 'mine', 'lora', 'd', 'sandbox', 'r', 'v1', 'IN_QUEUE', 1, n, n, 1, 0 from generate_series(1, 10000) n`);
  expect(await countRead("job_b")).toBeLessThanOrEqual(before + MOST_COUNTS);
});

/** Between two merges. */
const MOST_COUNTS = 128;

function isScan(node: PlanNode): boolean {
  return node["Relation Name"] !== undefined && node["Node Type"] !== "ModifyTable";
}

describe("of 10,000 polls of 10,000 jobs on Postgres", () => {
  const MAX_DUE = 50;
  const JOB_IDS = Array.from({ length: MAX_DUE }, (_, index) => `job_${index * 7 + 1}`);
  const statements: CompiledQuery[] = [];
  let opened: Awaited<ReturnType<typeof openPostgres>>;
  let polls: PollTable;

  const SEED = `
    set session_replication_role = replica;
    insert into jobs (id, owner_id, kind, deployment_id, upstream, request_id, api_version, status, version, created_at, updated_at, work, submit_until)
      select 'job_' || n, 'mine', 'lora', 'd' || n % 10, (array['sandbox', 'another', 'sandbox workflows'])[n % 3 + 1], 'r', 'v1', 'IN_QUEUE', 1, n, n, 1, 0
      from generate_series(1, 10000) n;
    insert into polls (job_id, deployment_id, upstream, due_at)
      select id, deployment_id, upstream, extract(epoch from clock_timestamp()) * 1000 + (created_at - 5000) * 10 from jobs`;

  beforeAll(async () => {
    const { url, drop } = await createDatabase();
    opened = await openPostgres(url, QUIET);
    await runIn(url, SEED);
    const pollQueries = connectLogged(url, statements);
    polls = createPolls({ ...opened, pollQueries });
    return async () => {
      await Promise.all([pollQueries.destroy(), opened.close()]);
      await drop();
    };
  });

  const toPutBack = (jobId: string) => ({ ...NO_POLLS, jobId, token: 1, delayMs: 0 });

  describe.each(["without", "with"])("%s statistics", (title) => {
    beforeAll(async () => {
      if (title === "with") await sql`analyze jobs, polls`.execute(opened.queries);
    });

    test.each([
      ["claimed", () => polls.claimDue({ limit: MAX_DUE, exceptDeployments: [] })],
      [
        "claimed but for those of some deployments",
        () => polls.claimDue({ limit: MAX_DUE, exceptDeployments: ["d1", "d2"] }),
      ],
      ["put back", () => polls.putBack(JOB_IDS.map((id) => toPutBack(id)))],
      ["hinted at", () => polls.hint(JOB_IDS)],
      ["mended", () => polls.mendTimes()],
      ["resumed", () => polls.resume(0)],
    ])("those that are %s are read along the indexes, and few others", async (_name, run) => {
      statements.length = 0;
      await run();
      const [statement] = statements;
      if (statement === undefined || statements.length > 1) throw new Error("not one statement");
      const { sql: text, parameters } = statement;
      // As they were claimed before they were put back.
      await sql`update polls set due_at = 1 where job_id in (${sql.join(JOB_IDS)})`.execute(
        opened.queries,
      );
      const explain = CompiledQuery.raw(`explain (analyze, format json) ${text}`, [...parameters]);
      // With the settings of the connection that does it.
      const { rows } = await opened.pollQueries.executeQuery(explain);
      const scans = findNodes(rows).filter(isScan);
      expect(scans.length).toBeGreaterThan(0);
      for (const scan of scans) {
        expect(scan["Node Type"]).toMatch(/Index|Bitmap/);
        const read = Number(scan["Actual Rows"]) + Number(scan["Rows Removed by Filter"] ?? 0);
        expect(read * Number(scan["Actual Loops"])).toBeLessThanOrEqual(2 * MAX_DUE);
      }
    });
  });
});

/** "mine" has 100 of 100,000 deliveries that wait, which are due, and 100 that ended; each job names three uploads. */
const ofWebhooks = (numbers: (first: number, last: number) => string, nowMs: string) => `
  insert into webhooks (id, owner_id, url, secret, created_at)
    select case when n = 0 then 'whk_mine' else 'whk_' || n end, case when n = 0 then 'mine' else 'o' || n end,
      'https://a.example/' || n, case when n % 2 = 0 then 'whsec_' end, n from ${numbers(0, 900)};
  insert into webhook_deliveries (id, webhook_id, event, created_at, due_at, ended_at, of_origin)
    select 'msg_' || n, case when n <= 200 then 'whk_mine' else 'whk_' || (n % 900 + 1) end, 'JOB_SUCCEEDED', n,
      case when n <= 100 then n when n > 200 then ${nowMs} + 3600000 end, case when n between 101 and 200 then n end,
      case when n > 200 then (n % 900 + 1) % 2 else 0 end
    from ${numbers(1, 100_000)};
  insert into jobs (id, owner_id, kind, deployment_id, upstream, api_version, status, version, created_at, updated_at, work, submit_until)
    select 'job_' || n, 'mine', 'lora', 'd', 'sandbox', 'v1', 'SUCCEEDED', 1, n, n, 1, 0 from ${numbers(1, 900)};
  insert into job_webhooks (job_id, webhook_id, url) select 'job_' || n, 'whk_' || n, 'https://a.example/' from ${numbers(1, 900)};
  update webhook_deliveries set job_id = 'job_' || (created_at % 900 + 1);
  insert into uploads (id, owner_id, file_name, content_type, bytes, file, created_at)
    select 'upl_' || n, 'mine', 'f', 'image/png', 1, n || '.png', n from ${numbers(1, 50_000)};
  insert into upload_uses (upload_id, job_id)
    select 'upl_' || n, 'job_' || (n % 900 + 1) from ${numbers(1, 2_700)};
  insert into sign_ins (id_hash, owner_id, scopes, signed_by, created_at, ends_at)
    select 'sign_' || n, 'owner_' || (n / 20), '[]', 'k', n, ${nowMs} + n * 1000
    from ${numbers(-10, 50_000)};
  insert into downloads (id, owner_id, job_ids, expires_at)
    select 'dl_' || n, 'o' || n % 5000, '[]', ${nowMs} + 3600000 from ${numbers(1, 20_000)};
  insert into kept_files (job_id, number, url, state, bytes)
    select 'job_' || (n % 900 + 1), n, 'https://a.example/', 'KEPT', 1 from ${numbers(1, 90_000)}`;

const WEBHOOK_READS: readonly (readonly [string, Read])[] = [
  ["what is due", (store) => createWebhookStore(store).claims.listDue(FROM_START)],
  ["a claim, and what became of it", (store) => claimAndSettle(createWebhookStore(store).claims)],
  ["origins that no job names", (store) => createWebhookStore(store).claims.deleteUnused("")],
  [
    "a page",
    (store) =>
      createWebhookStore(store).webhooks.listDeliveries("whk_mine", { limit: LIMIT, after: null }),
  ],
  [
    "a later page",
    (store) =>
      createWebhookStore(store).webhooks.listDeliveries("whk_mine", {
        limit: LIMIT,
        after: "msg_150",
      }),
  ],
  [
    "those of jobs",
    (store) => createWebhookStore(store).webhooks.readOfJobs(["job_1", "job_2"], "mine"),
  ],
  [
    "one that is to be made again",
    (store) => createWebhookStore(store).webhooks.redeliver("msg_150", "mine"),
  ],
  ["an owner's", (store) => createWebhookStore(store).webhooks.list("mine")],
  ["uploads of jobs", ({ uploads }) => uploads.readOfJobs(["job_1", "job_2"], "mine")],
  ["uploads", ({ uploads }) => uploads.readMany(["upl_1", "upl_2"], "mine")],
  ["a sign-in", ({ signIns }) => signIns.find("sign_150")],
  ["sign-ins that are in use", ({ signIns }) => signIns.listOpen(["sign_150", "sign_151"])],
  ["sign-ins that have expired", ({ signIns }) => signIns.deleteExpired(5)],
  ["an owner's sign-ins", (store) => openAndEnd(store)],
  ["whether copies are to come", ({ files }) => files.findPending(["job_1", "job_2"])],
  ["a download's files", ({ files }) => files.countKept(["job_1", "job_2"], 500)],
  ["a download to be claimed", (store) => createDownloadRows(store).claim("dl_1", 1_000)],
  [
    "a download to be made",
    (store) =>
      createDownloadRows(store).create(
        { id: `${Math.random()}`, ownerId: "o1", jobIds: [], readsAll: false },
        1_000,
      ),
  ],
];

async function openAndEnd({ signIns }: JobStore): Promise<void> {
  const one = { hash: "next", ownerId: "owner_7", scopes: [], signedBy: "k", endsAt: Date.now() };
  await signIns.open(one, 20);
  await signIns.end("next");
}

async function claimAndSettle(claims: WebhookClaims): Promise<void> {
  const { claimed } = await claims.claim("whk_mine");
  const [first] = claimed;
  if (first === undefined) throw new Error("nothing was claimed");
  const made = { at: 0, status: 500, durationMs: 1 };
  const ended = { state: "FAILED", made, retryMs: null, restMs: 0, isGone: false } as const;
  await claims.settle([{ claimed: first, ...ended }]);
}

describe("of 100,000 deliveries of 900 webhooks, 50,000 uploads, 50,000 sign-ins and 20,000 downloads", () => {
  const MAX_READ = 2_500;

  test.each(WEBHOOK_READS)("on SQLite, %s is found by an index", async (_title, read) => {
    const { file, statements, store } = sqlite;
    const numbers = (first: number, last: number) =>
      `(with recursive s (n) as (select ${first} union all select n + 1 from s where n < ${last}) select n from s)`;
    if (file.prepare("select id from webhooks limit 1").get() === undefined)
      file.exec(ofWebhooks(numbers, "unixepoch() * 1000"));
    statements.length = 0;
    await read(store);
    const texts = statements.filter((text) =>
      /webhook|upload|sign_ins|download|kept_files/.test(text),
    );
    expect(texts.length).toBeGreaterThan(0);
    const steps = texts.flatMap((text) => file.prepare(`explain query plan ${text}`).all());
    const scans = steps.map(({ detail }) => String(detail)).filter((one) => one.startsWith("SCAN"));
    // The walk itself, and lists that were given.
    for (const scan of scans)
      expect(scan).toMatch(
        /^SCAN (waiting|json_each|tried|oldest|kept|CONSTANT ROW|\(subquery|\d+ CONSTANT)/,
      );
  });

  describe.each(["without", "with"])("on Postgres, %s statistics", (title) => {
    const statements: CompiledQuery[] = [];
    const readStatements: CompiledQuery[] = [];
    let store: JobStore;
    let client: pg.Client;

    beforeAll(async () => {
      const { url, drop } = await createDatabase();
      const opened = await openPostgres(url, QUIET);
      const numbers = (first: number, last: number) =>
        `generate_series(cast(${first} as bigint), ${last}) n`;
      const nowMs = "cast(extract(epoch from clock_timestamp()) * 1000 as bigint)";
      await runIn(url, `set session_replication_role = replica; ${ofWebhooks(numbers, nowMs)}`);
      client = new pg.Client(url);
      await client.connect();
      if (title === "with") await client.query("vacuum analyze");
      const queries = connectLogged(url, statements);
      const reads = connectLogged(url, readStatements);
      const database = {
        ...opened,
        queries,
        reads,
        write: <Value>(act: (transaction: Kysely<Tables>) => Promise<Value>) =>
          queries.transaction().execute(act),
        writeOne: <Value>(act: (transaction: Kysely<Tables>) => Promise<Value>) => act(queries),
      };
      store = createJobStore({ database, changes: new WakeUps(), channels: createChannels() });
      return async () => {
        await Promise.all([queries.destroy(), reads.destroy(), client.end()]);
        await store.close();
        await drop();
      };
    });

    /** Reads as the gateway's readers do, and writes nothing. */
    async function explain({ sql: text, parameters }: CompiledQuery, settings: string) {
      await client.query(`begin; ${settings}`);
      try {
        const { rows } = await client.query(`explain (analyze, format json) ${text}`, [
          ...parameters,
        ]);
        return findNodes(rows);
      } finally {
        await client.query("rollback");
      }
    }

    test.each(WEBHOOK_READS)("%s is found by an index", async (_title, read) => {
      statements.length = readStatements.length = 0;
      await read(store);
      const nodes: PlanNode[] = [];
      for (const one of statements.filter(({ sql: text }) =>
        /webhook|sign_ins|(from|update) downloads/.test(text),
      ))
        nodes.push(...(await explain(one, "")));
      for (const one of readStatements) nodes.push(...(await explain(one, READER_SETTINGS)));
      const scans = nodes.filter(isScan);
      expect(scans.length).toBeGreaterThan(0);
      for (const scan of scans) {
        const count = Number(scan["Actual Rows"]) + Number(scan["Rows Removed by Filter"] ?? 0);
        expect(count * Number(scan["Actual Loops"])).toBeLessThanOrEqual(MAX_READ);
      }
    });
  });
});

/** Connections whose statements are noted with their parameters. */
function connectLogged(connectionString: string, statements: CompiledQuery[]): Kysely<Tables> {
  return new Kysely<Tables>({
    dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString, max: 2 }) }),
    log: ({ query }) => void statements.push(query),
  });
}

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
