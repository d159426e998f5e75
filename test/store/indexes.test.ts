import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { type CompiledQuery, Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { pino } from "pino";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";

import { createChannels } from "../../src/engine/diagnostics/channels.ts";
import { NO_POLLS } from "../../src/engine/job/polls.ts";
import type { Database } from "../../src/engine/store/database.ts";
import { createJobStore, type JobStore } from "../../src/engine/store/job-store.ts";
import type { JobFilter, JobRange, WalkBudget } from "../../src/engine/store/list-jobs.ts";
import {
  openPostgres,
  POLL_SETTINGS,
  READER_SETTINGS,
} from "../../src/engine/store/open-postgres.ts";
import { openStore } from "../../src/engine/store/open-store.ts";
import type { Tables } from "../../src/engine/store/tables.ts";
import { WakeUps } from "../../src/engine/store/wake-ups.ts";
import { collectStatements } from "../support/collect-statements.ts";
import { loadFromParts } from "../support/load-from-parts.ts";
import { createDatabase, runIn } from "../support/postgres.ts";
import { readFeed } from "../support/read-feed.ts";
import type { IndexCases, Read } from "./index-cases.ts";
import { LOCAL_VIEWER } from "../support/viewers.ts";
import { makeJob } from "./store-jobs.ts";
import { PART_TABLES } from "../support/part-tables.ts";

const QUIET = { upstream: "sandbox", log: pino({ level: "silent" }), parts: PART_TABLES };

// As the gateway's own pools do.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

const OWN = { ownerId: "mine" };
const LIMIT = 21;
const AFTER = { createdAt: new Date(5), id: "job_1" };
const SINCE = { createdAfter: new Date(3), createdBefore: new Date(9) };

type Columns = readonly string[];
/** A read, the index that it goes along, and the columns that it has to be found by there: no row is passed over. */
type Row = readonly [title: string, read: Read, along: string, columns: Columns];

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
const TAG_FILTERS: typeof FILTERS = [
  [{ tag: "common" }, ["tag"]],
  [{ ...SINCE, tag: "common" }, ["tag", "created_at"]],
  [{ isStarred: true }, ["tag"]],
  [{ ...SINCE, isStarred: true }, ["tag", "created_at"]],
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

const ONE_STEP: WalkBudget = { ...threeSteps(), isSpent: () => true };
const JOBS = "(SEARCH|SCAN) jobs USING .*INDEX";
const TAGS = "SEARCH job_tags USING .*INDEX";
const READS: readonly Row[] = [
  ...FILTERS.flatMap((one) => readsOf(JOBS, one)),
  ["deployments of an owner", ({ jobs }) => jobs.listDeploymentIds("mine"), JOBS, ["owner_id"]],
  [
    "a deployment of an owner",
    ({ jobs }) => jobs.findDeployments(["d"], "mine"),
    JOBS,
    ["owner_id"],
  ],
  [
    "jobs that are overdue",
    ({ jobs }) => jobs.listOverdue(new Date(30_000), LIMIT),
    JOBS,
    ["sent_at"],
  ],
  ["the feed of an owner", (store) => readFeedOf(store, "mine"), JOBS, ["owner_id", "changed"]],
  ["the feed of everybody", (store) => readFeedOf(store), JOBS, ["changed"]],
  ...TAG_FILTERS.flatMap((one) => readsOf(TAGS, one)),
  [
    "a count of each of an owner's tags",
    ({ jobs }) => jobs.countTags("mine", { startsWith: "o", limit: LIMIT }, ONE_STEP),
    TAGS,
    ["owner_id", "tag"],
  ],
  ...WALKS.flatMap(([filter, table, columns]) => {
    const isOfAll = filter.text !== undefined && filter.ownerId === undefined;
    const how = table === "job_texts" ? "PRIMARY KEY" : isOfAll ? "INDEX" : "COVERING INDEX";
    return pagesOf(`(SEARCH|SCAN) ${table} USING ${how}`, filter, columns, columns);
  }),
];

/** Pages and counts of everybody's jobs and of an owner's. */
function readsOf(along: string, [filter, columns]: (typeof FILTERS)[number]): readonly Row[] {
  const read = (some: JobFilter, by: Columns): readonly Row[] => [
    ...pagesOf(along, some, by),
    [`a count by ${nameOf(some)}`, ({ jobs }) => jobs.count(some), along, by],
  ];
  return [...read(filter, columns), ...read({ ...filter, ...OWN }, ["owner_id", ...columns])];
}

function pagesOf(
  along: string,
  filter: JobFilter,
  columns: Columns,
  later: Columns = [...columns, "created_at"],
): readonly Row[] {
  const list = (range: Partial<JobRange>) => (store: JobStore) =>
    store.jobs.list({ direction: "forward", limit: LIMIT, filter, ...range }, threeSteps());
  const listWhole: Read = ({ jobs }) =>
    jobs.listWhole({ direction: "forward", limit: LIMIT, filter }, 16_384, threeSteps());
  return [
    [`a page by ${nameOf(filter)}`, list({}), along, columns],
    [`a later page by ${nameOf(filter)}`, list({ after: AFTER }), along, later],
    [`a page with documents by ${nameOf(filter)}`, listWhole, along, columns],
  ];
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

/** Finds none that is old enough. */
const deleteOld: Read = ({ jobs }) =>
  jobs.deleteOld({ finishedForMs: 0, sentForMs: Date.now() + 60_000 }, LIMIT);

const insertNoted = ({ jobs }: JobStore) =>
  jobs.insert({
    job: makeJob(),
    input: {},
    key: { key: null, fingerprint: "f", repeats: "found" },
  });

const insertLimited = ({ jobs }: JobStore, id: string = randomUUID()) =>
  jobs.insert({
    job: makeJob({ id, ownerId: "mine" }),
    input: { prompt: "a cat" },
    key: { key: id, fingerprint: "f" },
    mostInFlight: 20_000,
  });

/**
 * "mine" has jobs of one deployment alone: a filter lets through nothing where each of its conditions does. What was
 * created first was sent last.
 */
const seed = (first: number, last: number) => `
  set session_replication_role = replica;
  insert into jobs (id, owner_id, kind, deployment_id, upstream, api_version, status, version, created_at, sent_at, updated_at, work, submit_until)
    select 'job_' || n, case when n % 10 = 0 then 'mine' else 'theirs' end, 'lora',
      case n % 10 when 0 then 'e' when 1 then 'd' else 'f' end, 'sandbox', 'v1',
      case n % 30 when 0 then 'IN_QUEUE' when 10 then 'FAILED' else 'SUCCEEDED' end, 1, n, 40000 - n, n, 1, 0
    from generate_series(${first}, ${last}) n;
  insert into job_tags (job_id, tag, owner_id, created_at)
    select id, case when owner_id = 'mine' then 'own' else 'common' end, owner_id, created_at from jobs
    union all select id, 'rare', owner_id, created_at from jobs where created_at % 400 = 10
    on conflict do nothing;
  insert into job_texts (owner_id, created_at, job_id, search)
    select owner_id, created_at, id, case when created_at % 100 = 10 then 'a cat ' else 'a dog ' end || md5(id)
    from jobs where created_at between ${first} and ${last}`;
const ANALYZE = "vacuum analyze jobs, job_tags, job_texts";

/** What a part adds, by `index-cases.ts` of its tests. */
const OF_PARTS = (await loadFromParts<{ readonly indexCases: IndexCases }>("index-cases.ts")).map(
  ({ indexCases }) => indexCases,
);

/** Each of 900 jobs names three uploads. */
const ofOthers: IndexCases["seed"] = (numbers, nowMs) => `
  insert into jobs (id, owner_id, kind, deployment_id, upstream, api_version, status, version, created_at, updated_at, work, submit_until)
    select 'job_' || n, 'mine', 'lora', 'd', 'sandbox', 'v1', 'SUCCEEDED', 1, n, n, 1, 0 from ${numbers(1, 900)};
  insert into uploads (id, owner_id, file_name, content_type, bytes, file, created_at)
    select 'upl_' || n, 'mine', 'f', 'image/png', 1, n || '.png', n from ${numbers(1, 50_000)};
  insert into upload_uses (upload_id, job_id)
    select 'upl_' || n, 'job_' || (n % 900 + 1) from ${numbers(1, 2_700)};
  insert into sign_ins (id_hash, owner_id, scopes, signed_by, needs_approval, created_at, ends_at)
    select 'sign_' || n, 'owner_' || (n / 20), '[]', 'k', 0, n, ${nowMs} + n * 1000
    from ${numbers(-10, 50_000)};
  insert into kept_files (job_id, number, url, state, bytes)
    select 'job_' || (n % 900 + 1), n, 'https://a.example/', 'KEPT', 1 from ${numbers(1, 90_000)};
  insert into late_costs (job_id, owner_id, upstream, kind, deployment_id, api_version, request_id, ended_at, due_at)
    select 'job_' || n, 'mine', case n % 2 when 0 then 'sandbox' else 'another' end, 'model', 'm' || n % 2, 'v1', 'r',
      ${nowMs}, ${nowMs} + case when n <= 100 then -n else 60000 end from ${numbers(1, 20_000)};
  ${OF_PARTS.map(({ seed: ofPart }) => ofPart(numbers, nowMs)).join("")}`;

const OTHER_TABLES = new RegExp(
  ["upload", "sign_ins", "kept_files", "late_costs", ...OF_PARTS.map(({ tables }) => tables)].join(
    "|",
  ),
);

const OTHER_READS: IndexCases["reads"] = [
  ...OF_PARTS.flatMap(({ reads }) => reads),
  ["uploads of jobs", ({ uploads }) => uploads.readOfJobs(["job_1", "job_2"], "mine")],
  [
    "uploads of jobs, to an approver",
    ({ uploads }) => uploads.readOfJobs(["job_1", "job_2"], "mine", true),
  ],
  ["uploads, to an approver", ({ uploads }) => uploads.readMany(["upl_1"], "mine", true)],
  ["uploads", ({ uploads }) => uploads.readMany(["upl_1", "upl_2"], "mine")],
  ["a sign-in", ({ signIns }) => signIns.find("sign_150")],
  ["sign-ins that are in use", ({ signIns }) => signIns.listOpen(["sign_150", "sign_151"])],
  ["sign-ins that have expired", ({ signIns }) => signIns.deleteExpired(5)],
  ["an owner's sign-ins", (store) => openAndEnd(store)],
  ["whether copies are to come", ({ files }) => files.findPending(["job_1", "job_2"])],
  [
    "late costs that are due",
    ({ lateCosts }) => lateCosts.claimDue({ limit: LIMIT, exceptDeployments: ["m3"] }),
  ],
  ["a late cost", (store) => settleLateCost(store)],
  ["a count of kept files", ({ files }) => files.countKept(["job_1", "job_2"], 500)],
];

async function settleLateCost({ lateCosts }: JobStore): Promise<void> {
  const { costs } = await lateCosts.claimDue({ limit: 1, exceptDeployments: [] });
  for (const claimed of costs) await lateCosts.settle(claimed, 1);
}

async function openAndEnd({ signIns }: JobStore): Promise<void> {
  const { credential } = LOCAL_VIEWER;
  const one = { hash: "next", ownerId: "owner_7", scopes: [], credential, endsAt: Date.now() };
  await signIns.open(one, 20);
  await signIns.end("next");
}

describe("on SQLite", () => {
  let store: JobStore;
  let file: DatabaseSync;
  let statements: string[];

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), "runcomfy-graphql-"));
    const path = join(folder, "jobs.db");
    const collected = collectStatements();
    ({ statements } = collected);
    store = await openStore({
      ...QUIET,
      databaseUrl: `file:${path}`,
      channels: collected.channels,
    });
    file = new DatabaseSync(path);
    return async () => {
      file.close();
      await store.close();
      await rm(folder, { recursive: true });
    };
  });

  /** The steps of each statement's plan; of a table, `job_tags` and `jobs` are other words. */
  async function explain(read: Read, of = /./): Promise<readonly string[]> {
    statements.length = 0;
    await read(store);
    return statements
      .filter((text) => of.test(text))
      .flatMap((text) => file.prepare(`explain query plan ${text}`).all())
      .map(({ detail }) => String(detail));
  }

  test.each(READS)(
    "%s goes along one index, and looks up what that found",
    async (title, read, along, columns) => {
      const steps = (await explain(read)).filter((step) =>
        / job(s|_tags|_texts) USING /.test(step),
      );
      const isLookUp = (step: string) => /\((id=\?|.*created_at=\? AND job_id=\?)\)$/.test(step);
      const walked = steps.filter((step) => !isLookUp(step));
      expect(walked.length).toBeGreaterThan(0);
      for (const step of walked) {
        expect(step).toMatch(new RegExp(`^${along}`));
        for (const column of columns)
          expect(step.replace("<expr>", "created_at")).toContain(column);
      }
      if (title.startsWith("a count")) expect(steps).toEqual(walked);
    },
  );

  test("what no longer repeats is forgotten along its end", async () => {
    const plans = await explain(insertNoted);
    const [expired, noted] = plans.filter((detail) => detail.includes(" repeatable_submits "));
    expect(expired).toMatch(/^SEARCH .* INTEGER PRIMARY KEY \(rowid=\?\)$/);
    expect(noted).toMatch(/^SEARCH .* INDEX repeatable_submits_by_end \(until<\?\)$/);
  });

  test("jobs that are old enough to be deleted are found along an index", async () => {
    const steps = (await explain(deleteOld)).filter((step) => step.includes(" jobs "));
    expect(new Set(steps.filter((step) => !step.includes("(id=?)")))).toEqual(
      new Set(["SEARCH jobs USING INDEX jobs_by_status (status=? AND <expr><?)"]),
    );
  });

  test("a submit with a limit reads no row of its owner's other jobs", async () => {
    const steps = await explain(insertLimited);
    for (const step of steps.filter((one) => one.includes(" jobs ")))
      expect(step).not.toContain("owner_id");
    expect(steps).toContainEqual(
      expect.stringMatching(
        /^SEARCH unfinished_jobs USING PRIMARY KEY \(owner_id=\? AND upstream=\?\)/,
      ),
    );
  });

  test.each(OTHER_READS)("%s is found by an index", async (_title, read) => {
    const numbers = (first: number, last: number) =>
      `(with recursive s (n) as (select ${first} union all select n + 1 from s where n < ${last}) select n from s)`;
    if (file.prepare("select id from uploads limit 1").get() === undefined)
      file.exec(ofOthers(numbers, "unixepoch() * 1000"));
    const steps = await explain(read, OTHER_TABLES);
    expect(steps.length).toBeGreaterThan(0);
    // The walk itself, and lists that were given.
    for (const scan of steps.filter((one) => one.startsWith("SCAN")))
      expect(scan).toMatch(
        /^SCAN (waiting|json_each|tried|oldest|kept|CONSTANT ROW|\(subquery|\d+ CONSTANT)/,
      );
  });
});

/** A store on Postgres whose statements are explained as its connections run them. */
async function openExplained(seed: string) {
  const { url, drop } = await createDatabase();
  const opened = await openPostgres(url, QUIET);
  const client = new pg.Client(url);
  await client.connect();
  await runIn(url, `set session_replication_role = replica; ${seed}`);
  const statements: (CompiledQuery & { readonly settings: string })[] = [];
  const pools = ["", READER_SETTINGS, POLL_SETTINGS].map((settings) => {
    const pool = new pg.Pool({ connectionString: url, max: 2 });
    return new Kysely<Tables>({
      dialect: new PostgresDialect({ pool }),
      log: ({ query }) => void statements.push({ ...query, settings }),
    });
  });
  const [queries = opened.queries, reads = queries, pollQueries = queries] = pools;
  const database: Database = {
    ...opened,
    ...{ queries, reads, pollQueries },
    write: (act) => queries.transaction().execute(act),
    writeOne: (act) => act(queries),
  };
  const store = createJobStore({ database, changes: new WakeUps(), channels: createChannels() });
  return {
    store,
    client,
    /** The scans of those of its statements; `undo` takes back what it did, so that it can do it again. */
    async explain(read: Read, of = /./, undo: () => Promise<unknown> = async () => undefined) {
      statements.length = 0;
      await read(store);
      const made = statements.filter(({ sql }) => of.test(sql) && !/^(begin|commit)/.test(sql));
      await undo();
      await client.query("begin");
      const scans: Scan[] = [];
      for (const { sql, parameters, settings } of made) {
        await client.query(`reset all; ${settings}`);
        const { rows } = await client.query(`explain (analyze, format json) ${sql}`, [
          ...parameters,
        ]);
        scans.push(...findNodes(rows).filter(isScan).map(toScan));
      }
      await client.query("rollback");
      return scans;
    },
    async close() {
      await Promise.all([...pools.map((pool) => pool.destroy()), client.end()]);
      await store.close();
      await drop();
    },
  };
}

type Scan = ReturnType<typeof toScan>;

function toScan(node: PlanNode) {
  const passedOver = Number(node["Rows Removed by Filter"] ?? 0);
  return {
    table: String(node["Relation Name"]),
    index: String(node["Index Name"] ?? node["Node Type"]),
    by: String(node["Index Cond"]),
    found: Number(node["Actual Rows"]),
    passedOver,
    read: (Number(node["Actual Rows"]) + passedOver) * Number(node["Actual Loops"]),
  };
}

describe("on Postgres", () => {
  let opened: Awaited<ReturnType<typeof openExplained>>;

  beforeAll(async () => {
    opened = await openExplained("");
    return opened.close;
  });

  test("what no longer repeats is forgotten along its end", async () => {
    await opened.client.query(`insert into repeatable_submits (owner_id, fingerprint, job_id, until)
      select 'mine', 'f' || n, 'j', n from generate_series(1, 20000) n`);
    const scans = await opened.explain(insertNoted, /delete from "repeatable_submits"/);
    expect(scans.length).toBeGreaterThan(1);
    for (const scan of scans) expect(scan.read).toBeLessThanOrEqual(100);
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
      for (const step of steps) await opened.client.query(step);
    });

    test.each(READS)(
      "%s goes along one index and passes over no row",
      async (title, read, along, columns) => {
        const [table] = /job\w+/.exec(along) ?? [];
        const scans = (await opened.explain(read)).filter((scan) =>
          /^job(s|_tags|_texts)$/.test(scan.table),
        );
        const isLookUp = (scan: Scan) =>
          scan.index.endsWith("_pkey") && (table === "jobs" || scan.table !== table);
        const walked = scans.filter((scan) => !isLookUp(scan));
        expect(walked.length).toBeGreaterThan(0);
        for (const scan of scans) expect(scan.passedOver).toBe(0);
        for (const scan of walked) {
          expect(scan.table).toBe(table);
          for (const column of columns) expect(scan.by).toContain(column);
          if (!along.includes(".*")) expect(scan.found).toBeLessThanOrEqual(5_000);
        }
        for (const scan of scans.filter(isLookUp))
          expect(scan.found).toBeLessThanOrEqual(scan.by.includes("(id = ANY") ? LIMIT : 1);
        if (title.startsWith("a count")) expect(scans).toEqual(walked);
        if (title.includes("overdue")) expect(walked.map(({ found }) => found)).toEqual([LIMIT]);
      },
    );

    test("jobs that are old enough to be deleted are found along an index that passes over no other", async () => {
      const scans = (await opened.explain(deleteOld)).filter(({ table }) => table === "jobs");
      expect(scans.length).toBeGreaterThan(0);
      for (const { read } of scans) expect(read).toBe(0);
    });
  });
});

test("on Postgres, a submit reads as many rows with 10,000 jobs queued as with none", async () => {
  const { client, store, explain, close } = await openExplained("");
  onTestFinished(close);
  const countRead = async (id: string) => {
    const scans = await explain(
      () => insertLimited(store, id),
      /./,
      () => store.jobs.withdraw(id),
    );
    return scans.reduce((sum, scan) => sum + scan.read, 0);
  };
  const before = await countRead("job_a");
  await client.query(`
    insert into jobs (id, owner_id, kind, deployment_id, upstream, request_id, api_version, status, version, created_at, updated_at, work, submit_until)
      select 'job_' || n, 'mine', 'lora', 'd', 'sandbox', 'r', 'v1', 'IN_QUEUE', 1, n, n, 1, 0 from generate_series(1, 10000) n`);
  expect(await countRead("job_b")).toBeLessThanOrEqual(before + MOST_COUNTS);
});

/** Between two merges. */
const MOST_COUNTS = 128;

const MAX_DUE = 50;
const JOB_IDS = Array.from({ length: MAX_DUE }, (_, index) => `job_${index * 7 + 1}`);
const POLLS = `
  insert into jobs (id, owner_id, kind, deployment_id, upstream, request_id, api_version, status, version, created_at, updated_at, work, submit_until)
    select 'job_' || n, 'mine', 'lora', 'd' || n % 10, (array['sandbox', 'another', 'sandbox workflows'])[n % 3 + 1], 'r', 'v1', 'IN_QUEUE', 1, n, n, 1, 0
    from generate_series(1, 10000) n;
  insert into polls (job_id, deployment_id, upstream, due_at)
    select id, deployment_id, upstream, extract(epoch from clock_timestamp()) * 1000 + (created_at - 5000) * 10 from jobs`;
const POLL_READS: IndexCases["reads"] = [
  ["claimed", ({ polls }) => polls.claimDue({ limit: MAX_DUE, exceptDeployments: [] })],
  [
    "claimed but for those of some deployments",
    ({ polls }) => polls.claimDue({ limit: MAX_DUE, exceptDeployments: ["d1", "d2"] }),
  ],
  [
    "put back",
    ({ polls }) =>
      polls.putBack(JOB_IDS.map((jobId) => ({ ...NO_POLLS, jobId, token: 1, delayMs: 0 }))),
  ],
  ["made due", ({ polls }) => polls.makeDue(JOB_IDS)],
  ["mended", ({ polls }) => polls.mendTimes()],
  ["resumed", ({ polls }) => polls.resume(0)],
];

describe.each(["without", "with"])("on Postgres, %s statistics", (title) => {
  describe("of 10,000 polls of 10,000 jobs", () => {
    let opened: Awaited<ReturnType<typeof openExplained>>;

    beforeAll(async () => {
      opened = await openExplained(POLLS);
      if (title === "with") await opened.client.query("analyze jobs, polls");
      return opened.close;
    });

    test.each(POLL_READS)(
      "those that are %s are read along the indexes, and few others",
      async (_name, read) => {
        // As they were claimed before they were put back.
        const claim = () =>
          opened.client.query("update polls set due_at = 1 where job_id = any($1)", [JOB_IDS]);
        const scans = await opened.explain(read, /./, claim);
        expect(scans.length).toBeGreaterThan(0);
        for (const { index, read: rows } of scans) {
          expect(index).not.toContain("Seq Scan");
          expect(rows).toBeLessThanOrEqual(2 * MAX_DUE);
        }
      },
    );
  });

  describe("of 50,000 uploads, 50,000 sign-ins, 90,000 kept files, 20,000 late costs, and what parts have", () => {
    const MAX_READ = 2_500;
    let opened: Awaited<ReturnType<typeof openExplained>>;

    beforeAll(async () => {
      const numbers = (first: number, last: number) =>
        `generate_series(cast(${first} as bigint), ${last}) n`;
      const nowMs = "cast(extract(epoch from clock_timestamp()) * 1000 as bigint)";
      opened = await openExplained(ofOthers(numbers, nowMs));
      if (title === "with") await opened.client.query("vacuum analyze");
      return opened.close;
    });

    test.each(OTHER_READS)("%s is found by an index", async (_title, read) => {
      const scans = await opened.explain(read, OTHER_TABLES);
      expect(scans.length).toBeGreaterThan(0);
      for (const scan of scans) expect(scan.read).toBeLessThanOrEqual(MAX_READ);
    });
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

function isScan(node: PlanNode): boolean {
  return node["Relation Name"] !== undefined && node["Node Type"] !== "ModifyTable";
}
