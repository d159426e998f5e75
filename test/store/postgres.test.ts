import { fork } from "node:child_process";
import { once } from "node:events";

import { sql } from "kysely";
import pg from "pg";
import { pino } from "pino";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";

import { SetupError } from "../../src/runtime/coded-error.ts";
import { createJob } from "../../src/job/job.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import { openPostgres } from "../../src/store/open-postgres.ts";
import { openStore } from "../../src/store/open-store.ts";
import {
  createDatabase,
  createEmptyDatabase,
  runInPostgres,
  useDatabase,
} from "../support/postgres.ts";
import { describeJobStore } from "./job-store.contract.ts";
import { useSharedPostgres } from "./shared-postgres.ts";

const log = pino({ level: "silent" });
const FACTS = {
  upstream: "sandbox",
  ownerId: "mine",
  deploymentId: "d",
  apiVersion: "v1",
  now: new Date(0),
};

describe("the job store on Postgres", () => {
  const { url } = useDatabase();

  /** Found before Postgres' own: the clock of polls, which stands still unless a test moves it. */
  const CLOCK = `
    create schema clock;
    create table clock.clock (now timestamptz not null);
    insert into clock.clock values ('2026-01-02');
    create function clock.statement_timestamp() returns timestamptz stable language sql
      as $$ select now from clock.clock $$;
    do $$ begin
      execute format('alter database %I set search_path = clock, pg_catalog, public', current_database());
    end $$`;

  async function execute(statements: string): Promise<void> {
    const client = new pg.Client(url());
    await client.connect();
    await client.query(statements);
    await client.end();
  }

  beforeAll(() => execute(CLOCK));

  describeJobStore(async (channels) => {
    // No heartbeat's statement among those that a test counts.
    const heartbeatMs = 600_000;
    const open = (upstream = "sandbox") =>
      openStore({ upstream, databaseUrl: url(), log, channels, heartbeatMs });
    let store = await open();
    return {
      store,
      execute,
      pass: (ms) => execute(`update clock.clock set now = now + interval '${ms} milliseconds'`),
      async restart(upstream) {
        await store.close();
        store = await open(upstream);
        return store;
      },
      async discard() {
        await store.close().catch(() => "already closed");
      },
    };
  });
});

test("while the disk of Postgres is full no job is taken in and no poll claimed, and all goes on once there is room", async () => {
  const database = await createDatabase();
  onTestFinished(() => database.drop());
  const store = await openStore({ upstream: "sandbox", databaseUrl: database.url, log });
  onTestFinished(() => store.close());
  const client = new pg.Client(database.url);
  await client.connect();
  onTestFinished(() => client.end());
  const begin = [
    () => store.jobs.insert({ job: createJob(FACTS), input: {}, key: null }),
    () => store.polls.claimDue({ limit: 1, exceptDeployments: [] }),
    () => store.ping(),
  ];
  // What Postgres says where it can't extend a file.
  await client.query(`
    create function fill_disk() returns trigger language plpgsql as $$
      begin raise 'could not extend file' using errcode = 'disk_full'; end $$;
    create trigger fill_disk before insert on jobs execute function fill_disk();
    create trigger fill_disk before insert on write_probes execute function fill_disk()`);
  for (const act of begin)
    await expect(act()).rejects.toMatchObject({ name: "DatabaseDiskError", kind: "full" });
  expect(await store.jobs.count({})).toBe(0);
  await client.query("drop function fill_disk cascade");
  for (const act of begin) await act();
  expect(await store.jobs.count({})).toBe(1);
});

test("what owners read, and what polls do, is planned along the indexes, on each connection for it and on no other", async () => {
  const database = await createDatabase();
  onTestFinished(() => database.drop());
  const opened = await openPostgres(database.url, { upstream: "sandbox", log });
  onTestFinished(() => opened.close());
  const { queries, reads, pollQueries } = opened;
  const readSettings = async (pool: typeof queries) => {
    const { rows } = await sql<Record<string, unknown>>`
      select pg_backend_pid() as pid, current_setting('enable_seqscan') as seqscan,
        current_setting('enable_bitmapscan') as bitmapscan, current_setting('enable_sort') as sort,
        current_setting('enable_hashjoin') as hashjoin`.execute(pool);
    return rows[0];
  };
  const sixOf = (pool: typeof queries) =>
    Promise.all(Array.from({ length: 6 }, () => readSettings(pool)));
  const readers = await sixOf(reads);
  expect(new Set(readers.map((row) => row?.["pid"])).size).toBe(6);
  for (const row of readers) {
    expect(row).toMatchObject({ seqscan: "off", bitmapscan: "off", sort: "off" });
  }
  for (const row of await sixOf(queries)) {
    expect(row).toMatchObject({ seqscan: "on", bitmapscan: "on", sort: "on", hashjoin: "on" });
  }
  expect(await readSettings(pollQueries)).toMatchObject({ seqscan: "off", hashjoin: "off" });
});

describe("gateways that share a Postgres", () => {
  const { url, open } = useSharedPostgres();

  async function insertJobs(store: JobStore, count: number): Promise<string[]> {
    const jobs = Array.from({ length: count }, (_, index) =>
      createJob({
        ownerId: "local",
        deploymentId: "d",
        upstream: "sandbox",
        apiVersion: "v1",
        now: new Date(index),
      }),
    );
    await Promise.all(
      jobs.map((job) =>
        store.jobs.insert({ job: { ...job, status: "IN_QUEUE" }, input: {}, key: null }),
      ),
    );
    return jobs.map((job) => job.id);
  }

  async function createEmpty(): Promise<string> {
    const { url, drop } = await createEmptyDatabase();
    onTestFinished(drop);
    return url;
  }

  test("share what an owner has in flight and what it has used of its rates", async () => {
    const [a, b] = [await open(), await open()];
    const submit = (store: JobStore, ownerId: string) => {
      const facts = {
        ownerId,
        deploymentId: "d",
        upstream: "sandbox",
        apiVersion: "v1",
        now: new Date(0),
      };
      return store.jobs.insert({
        job: createJob(facts),
        input: {},
        key: null,
        leaseMs: 60_000,
        mostInFlight: 5,
      });
    };
    const calls = Array.from({ length: 20 }, (_, index) => submit(index % 2 ? a : b, "greedy"));
    const ends = await Promise.allSettled([...calls, submit(a, "quiet")]);
    expect(ends.slice(0, -1).filter(({ status }) => status === "fulfilled")).toHaveLength(5);
    expect(ends.at(-1)).toMatchObject({ status: "fulfilled" });

    expect(await a.quotas.count("jobs", "greedy")).toMatchObject({ count: 1 });
    expect(await b.quotas.count("jobs", "greedy")).toMatchObject({ count: 2 });
    expect(await b.quotas.count("submits", "greedy")).toMatchObject({ count: 1 });
    expect(await b.quotas.count("jobs", "quiet")).toMatchObject({ count: 1 });
  });

  test("all make the first tables at the same moment", async () => {
    const databaseUrl = await createEmpty();
    const opened = await Promise.all(
      Array.from({ length: 8 }, () => openStore({ upstream: "sandbox", databaseUrl, log })),
    );
    for (const store of opened) expect(await store.jobs.count({})).toBe(0);
    await Promise.all(opened.map((store) => store.close()));
  });

  test("all make the first tables at the same moment from processes of their own", async () => {
    const databaseUrl = await createEmpty();
    const children = Array.from({ length: 4 }, () =>
      fork(new URL("open-store-child.ts", import.meta.url), [databaseUrl]),
    );
    const messages = await Promise.all(
      children.map(async (child) => (await once(child, "message"))[0]),
    );
    expect(messages).toEqual(["open", "open", "open", "open"]);
    await Promise.all(
      children.map(async (child) => {
        child.kill("SIGKILL");
        await once(child, "exit");
      }),
    );
  });

  test("let one insert win that is raced under one key", async () => {
    const [a, b] = [await open(), await open()];
    for (let round = 0; round < 10; round++) {
      const key = { key: `key-${round}`, fingerprint: "f" };
      const job = () =>
        createJob({
          ownerId: "local",
          deploymentId: "d",
          upstream: "sandbox",
          apiVersion: "v1",
          now: new Date(0),
        });
      const answers = await Promise.all([
        a.jobs.insert({ job: job(), input: {}, key }),
        b.jobs.insert({ job: job(), input: {}, key }),
        a.jobs.insert({ job: job(), input: {}, key }),
        b.jobs.insert({ job: job(), input: {}, key }),
      ]);
      expect(answers.filter(Boolean)).toHaveLength(1);
    }
    expect(await a.jobs.count({})).toBe(10);
  });

  test("let one save win that is raced for one version", async () => {
    const [a, b] = [await open(), await open()];
    const [id] = await insertJobs(a, 1);
    const job = await a.jobs.read(id ?? "");
    if (job === null) throw new Error("the job was inserted");
    const saves = await Promise.all(
      [a, b, a, b].map((store) =>
        store.jobs.save({ ...job, version: 2, status: "IN_PROGRESS" }, null),
      ),
    );
    expect(saves.filter(Boolean)).toHaveLength(1);
    expect((await b.jobs.readHistories([job.id]))[0]).toHaveLength(2);
  });

  test("serve again after Postgres cut all their connections", async () => {
    const store = await open();
    await insertJobs(store, 5);
    const name = new URL(url()).pathname.slice(1);
    const cut = () =>
      runInPostgres(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`,
      );
    // Some are idle and some are at work, in the middle of a transaction too.
    const work = Promise.allSettled(Array.from({ length: 40 }, () => insertJobs(store, 1)));
    await cut();
    await work;
    await cut();
    await expect
      .poll(() =>
        store.ping().then(
          () => "answers",
          () => "fails",
        ),
      )
      .toBe("answers");
    expect(await store.jobs.count({})).toBeGreaterThanOrEqual(5);
  });
});

test("a connection that is lost between two statements of a transaction fails that one and no more", async () => {
  const database = await createDatabase();
  const opened = await openPostgres(database.url, { upstream: "sandbox", log });
  const name = new URL(database.url).pathname.slice(1);
  const transaction = opened.queries.transaction().execute(async (queries) => {
    await sql`select 1`.execute(queries);
    await runInPostgres(
      `select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '${name}'`,
    );
    await sql`select 1`.execute(queries);
  });
  await expect(transaction).rejects.toThrow();
  await sql`select 1`.execute(opened.queries);
  await opened.close();
  await database.drop();
});

describe("opening a Postgres", () => {
  async function failToOpen(databaseUrl: string): Promise<SetupError> {
    const error = await openStore({ upstream: "sandbox", databaseUrl, log }).then(
      () => new Error("it opened"),
      (reason: unknown) => reason,
    );
    if (!(error instanceof SetupError)) throw error;
    expect(error.message).not.toContain("s3cret");
    expect(String(error.cause)).not.toContain("s3cret");
    return error;
  }

  async function urlWith(change: (url: URL) => void): Promise<string> {
    const database = await createDatabase();
    const url = new URL(database.url);
    await database.drop();
    change(url);
    return url.href;
  }

  test("says where nothing listens", async () => {
    const error = await failToOpen("postgres://me:s3cret@127.0.0.1:1/jobs");
    expect(error.message).toMatch(/127\.0\.0\.1:1\/jobs can't be reached/);
  });

  test("says that the password is wrong", async () => {
    const url = await urlWith((changed) => {
      changed.password = "s3cret";
    });
    expect((await failToOpen(url)).message).toMatch(/refuses the user or the password/);
  });

  test("says that there is no such database", async () => {
    expect((await failToOpen(await urlWith(() => undefined))).message).toMatch(
      /has no such database/,
    );
  });

  test.for(["postgres://me:s3cret#x@host/db", "postgresql://me:s3cret/x@host:5432/db"])(
    "says that a URL can't be read: %s",
    async (url) => {
      expect((await failToOpen(url)).message).toMatch(/can't be read as a URL/);
    },
  );

  async function query(databaseUrl: string, statement: string): Promise<unknown[]> {
    const client = new pg.Client(databaseUrl);
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(statement)).rows;
    } finally {
      await client.end();
    }
  }

  async function createDatabaseWith(statement: string): Promise<string> {
    const { url, drop } = await createEmptyDatabase();
    onTestFinished(drop);
    await query(url, statement);
    return url;
  }

  /** Runs this before the last of the tables is made. */
  const atLast = (statement: string) => `
    create table seen (statement_timeout text);
    create function at_last() returns event_trigger language plpgsql as $$
      begin
        if current_query() like '%create table quotas%' then ${statement}; end if;
      end $$;
    create event trigger at_last on ddl_command_start when tag in ('CREATE TABLE')
      execute function at_last()`;

  test("says that a server is too old, and which version it has and needs", async () => {
    const url = await createDatabaseWith(`
      create schema old;
      create function old.current_setting(text) returns text language sql as $$ select '12.22' $$;
      do $$ begin
        execute format('alter database %I set search_path = old, pg_catalog, public', current_database());
      end $$`);
    expect((await failToOpen(url)).message).toMatch(/version 12\.22.*needs 13 or newer.*Upgrade/);
  });

  test("waits minutes for a migration of a large table, also in silence", async () => {
    const url = await createDatabaseWith(
      atLast("insert into seen values (current_setting('statement_timeout')); perform pg_sleep(1)"),
    );
    const opened = await openPostgres(url, { upstream: "sandbox", log, mostSilenceMs: 500 });
    await opened.close();
    expect(await query(url, "select * from seen")).toEqual([{ statement_timeout: "5min" }]);
  });

  test("says that the tables took too long to be brought up to date, and changes nothing", async () => {
    const url = await createDatabaseWith(atLast("raise query_canceled"));
    expect((await failToOpen(url)).message).toMatch(/took too long.*Start the gateway again/);
    expect(await query(url, "select to_regclass('jobs') as jobs")).toEqual([{ jobs: null }]);
  });

  test("refuses a database that a newer program wrote", async () => {
    const database = await createDatabase();
    const store = await openStore({ upstream: "sandbox", databaseUrl: database.url, log });
    await store.close();
    await query(database.url, "insert into gateway_schema values (9999, 1, 0)");
    expect((await failToOpen(database.url)).message).toMatch(/newer version/);
    await database.drop();
  });
});
