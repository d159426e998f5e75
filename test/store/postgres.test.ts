import { sql } from "kysely";
import pg from "pg";
import { pino } from "pino";
import { describe, expect, onTestFinished, test } from "vitest";

import type { Job } from "../../src/engine/job/job.ts";
import type { JobStore } from "../../src/engine/store/job-store.ts";
import { openPostgres } from "../../src/engine/store/open-postgres.ts";
import { openStore } from "../../src/engine/store/open-store.ts";
import { createDatabase, createEmptyDatabase, runIn, runInPostgres } from "../support/postgres.ts";
import { describeJobStore } from "./job-store.contract.ts";
import { useSharedPostgres } from "./shared-postgres.ts";
import { usePostgres } from "./store-context.ts";
import { ACCEPTED, failToOpen, HOLD, insertJob, see, toPutBack, UNANSWERED } from "./store-jobs.ts";
import { PART_TABLES } from "../support/part-tables.ts";

const QUIET = { upstream: "sandbox", log: pino({ level: "silent" }), parts: PART_TABLES };

describe("the job store on Postgres", () => {
  describeJobStore(usePostgres());
});

test("while the disk of Postgres is full no job is taken in and no poll claimed, and all goes on once there is room", async () => {
  const database = await createDatabase();
  onTestFinished(() => database.drop());
  const store = await openStore({ ...QUIET, databaseUrl: database.url });
  onTestFinished(() => store.close());
  const begin = [
    () => insertJob(store),
    () => store.polls.claimDue({ limit: 1, exceptDeployments: [] }),
    () => store.ping(),
  ];
  // What Postgres says where it can't extend a file.
  await runIn(
    database.url,
    `create function fill_disk() returns trigger language plpgsql as $$
      begin raise 'could not extend file' using errcode = 'disk_full'; end $$;
    create trigger fill_disk before insert on jobs execute function fill_disk();
    create trigger fill_disk before insert on write_probes execute function fill_disk()`,
  );
  for (const act of begin)
    await expect(act()).rejects.toMatchObject({ name: "DatabaseDiskError", kind: "full" });
  expect(await store.jobs.count({})).toBe(0);
  await runIn(database.url, "drop function fill_disk cascade");
  for (const act of begin) await act();
  expect(await store.jobs.count({})).toBe(1);
});

describe("the connections to Postgres", () => {
  const { url } = useSharedPostgres();

  test("of readers and of polls are planned along the indexes, each of them and no other", async () => {
    const opened = await openPostgres(url(), QUIET);
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
    const [off, on] = ["off", "on"].map((value) => ({ seqscan: value, bitmapscan: value }));
    for (const row of readers) expect(row).toMatchObject({ ...off, sort: "off" });
    for (const row of await sixOf(queries))
      expect(row).toMatchObject({ ...on, sort: "on", hashjoin: "on" });
    expect(await readSettings(pollQueries)).toMatchObject({ ...off, hashjoin: "off" });
  });

  test("are made anew after Postgres cut all of them, and fail the transaction that was between two statements alone", async () => {
    const opened = await openPostgres(url(), QUIET);
    onTestFinished(() => opened.close());
    const ask = () => sql`select 1`.execute(opened.queries);
    // One of two is idle then.
    await Promise.all([ask(), ask()]);
    const transaction = opened.queries.transaction().execute(async (queries) => {
      await sql`select 1`.execute(queries);
      await runInPostgres(
        `select pg_terminate_backend(pid, 5000) from pg_stat_activity
          where datname = '${new URL(url()).pathname.slice(1)}' and application_name <> ''`,
      );
      await sql`select 1`.execute(queries);
    });
    await expect(transaction).rejects.toThrow();
    await Promise.all([ask(), ask()]);
  });
});

test("gateways may make the first tables at the same moment", async () => {
  const { url: databaseUrl, drop } = await createEmptyDatabase();
  onTestFinished(drop);
  const stores = await Promise.all(
    Array.from({ length: 4 }, () => openStore({ ...QUIET, databaseUrl })),
  );
  for (const store of stores) expect(await store.jobs.count({})).toBe(0);
  await Promise.all(stores.map((store) => store.close()));
});

describe("gateways that share a Postgres", () => {
  const { open, connect, query } = useSharedPostgres();
  const openTwo = async () => [await open(), await open()] as const;
  const WAITING = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;

  test("compare who approves a job once that is locked, as it may have been released meanwhile", async () => {
    const store = await open();
    const hold = { ...HOLD, options: { ...HOLD.options, hold: true } };
    const { id } = await insertJob(store, { status: "HELD", ownerId: "mine" }, { hold });
    const client = await connect();
    await client.query("begin");
    await client.query("update jobs set updated_at = updated_at where id = $1", [id]);
    const approving = store.holds.approve(id, "agent");
    await expect.poll(async () => (await query(WAITING)).length).toBe(1);
    // As `release` does for a credential that needs approval.
    await client.query(
      "update holds set by_hand = 0, needs_approval = 1, approval_added_by = 'agent' where job_id = $1",
      [id],
    );
    await client.query("commit");
    expect(await approving).toBeNull();
    const [facts] = await store.holds.readMany([id]);
    expect(facts?.needsApproval).toBe(true);
  });

  test("share what an owner has in flight and what it has used of its rates", async () => {
    const [a, b] = await openTwo();
    const submit = (store: JobStore, ownerId: string) =>
      insertJob(store, { ownerId }, { mostInFlight: 1 });
    // Holds up every submit that has been counted, before it can be committed.
    const client = await connect();
    await client.query("begin; lock table job_documents");
    const calls = [submit(a, "greedy"), submit(b, "greedy"), submit(a, "quiet")];
    await expect.poll(async () => (await query(WAITING)).length).toBe(3);
    await client.query("commit");
    const ends = (await Promise.allSettled(calls)).map(({ status }) => status);
    expect(ends.slice(0, 2).toSorted()).toEqual(["fulfilled", "rejected"]);
    expect(ends[2]).toBe("fulfilled");

    expect(await a.quotas.count("jobs", "greedy")).toMatchObject({ count: 1 });
    expect(await b.quotas.count("jobs", "greedy")).toMatchObject({ count: 2 });
    expect(await b.quotas.count("submits", "greedy")).toMatchObject({ count: 1 });
    expect(await b.quotas.count("jobs", "quiet")).toMatchObject({ count: 1 });
  });

  test("pause a deployment for all of them, after the submits that had not seen the pause and before all others", async () => {
    const [a, b] = await openTwo();
    const client = await connect();
    // Holds up what has been inserted, before it can be committed.
    await client.query("begin; lock table job_documents");
    const before = insertJob(a, { id: "job_before" });
    const isWaiting = (count: number) =>
      expect.poll(async () => (await query(WAITING)).length).toBe(count);
    await isWaiting(1);
    const pausing = b.pausedDeployments.pause("d", "r");
    await isWaiting(2);
    const after = insertJob(a, { id: "job_after" }).catch((error: unknown) => error);
    await isWaiting(3);
    const elsewhere = insertJob(b, { id: "job_elsewhere", deploymentId: "e" });
    await isWaiting(4);
    await client.query("commit");
    await pausing;
    expect(await query("select id from jobs where id <> 'job_elsewhere'")).toEqual([
      { id: "job_before" },
    ]);
    expect(await after).toMatchObject({ code: "DEPLOYMENT_PAUSED" });
    await Promise.all([before, elsewhere]);
  });

  test("count what an owner has in flight without waiting for each other, and lose nothing", async () => {
    const store = await open();
    const jobs: Job[] = [];
    for (let index = 0; index < 300; index++)
      jobs.push(await insertJob(store, { id: `job_${index}` }));
    const sum = async () => (await query("select sum(amount)::int from unfinished_jobs"))[0];
    // Two that change many jobs each, and so often enough to merge what is there, while others change more of them.
    const [first, second] = [await connect(), await connect()];
    const change = (client: pg.Client, from: number, to: number) =>
      client.query(
        `update jobs set detached_since = 1 where substr(id, 5)::int between ${from} and ${to}`,
      );
    for (const client of [first, second])
      await client.query("begin; set local lock_timeout = '5s'");
    await change(first, 0, 149);
    await change(second, 150, 249);
    for (const job of jobs.slice(250)) await see(store, job, UNANSWERED);
    expect(await sum()).toEqual({ sum: 250 });
    await second.query("commit");
    expect(await sum()).toEqual({ sum: 150 });
    await first.query("rollback");
    expect(await sum()).toEqual({ sum: 150 });
    await query("delete from jobs");
    expect(await sum()).toMatchObject({ sum: expect.toBeOneOf([0, null]) });
  });

  describe("have polls that", () => {
    /** The ids of jobs that were accepted just now, and whose polls are due. */
    async function accept(store: JobStore, count: number): Promise<string[]> {
      const jobs = [];
      for (let index = 0; index < count; index++) jobs.push(await insertJob(store));
      const accepted = await Promise.all(jobs.map((job) => see(store, job, ACCEPTED)));
      await makeDue();
      return accepted.map(({ id }) => id).toSorted();
    }

    const claim = async (store: JobStore, limit = 10) =>
      (await store.polls.claimDue({ limit, exceptDeployments: [] })).polls;

    async function claimIds(store: JobStore, limit?: number): Promise<string[]> {
      return (await claim(store, limit)).map(({ job }) => job.id).toSorted();
    }

    const makeDue = () => query("update polls set due_at = due_at - 60000");

    test("are each claimed by one of those that claim at once", async () => {
      const stores = [...(await openTwo()), await open()];
      const [first] = stores;
      if (first === undefined) throw new Error("three are open");
      const ids = await accept(first, 40);
      const claims = await Promise.all(
        stores.map(async (store) => {
          const claimed: string[] = [];
          for (let round = 0; round < 5; round++) claimed.push(...(await claimIds(store, 2)));
          return claimed;
        }),
      );
      const claimed = claims.flat();
      expect(new Set(claimed).size).toBe(claimed.length);
      const rest = await claimIds(first, 1_000);
      expect([...claimed, ...rest].toSorted()).toEqual(ids);
    });

    test("are taken over where a claim expired, and neither where it was put back nor by whom it was made", async () => {
      const [gone, other] = await openTwo();
      const [first = "", second = ""] = await accept(gone, 2);
      expect((await claim(gone)).map(({ isTakenOver }) => isTakenOver)).toEqual([false, false]);
      await gone.close();
      expect(await claim(other)).toEqual([]);
      await makeDue();
      const polls = await claim(other);
      expect(polls.map(({ job }) => job.id).toSorted()).toEqual([first, second]);
      expect(polls.map(({ isTakenOver }) => isTakenOver)).toEqual([true, true]);
      await other.polls.putBack(polls.map((poll) => toPutBack(poll)));
      await makeDue();
      expect((await claim(other)).map(({ isTakenOver }) => isTakenOver)).toEqual([false, false]);
    });

    test("are put back by several at once, in whatever order, without a deadlock", async () => {
      const [a, b] = await openTwo();
      await accept(a, 50);
      for (let round = 0; round < 8; round++) {
        const polls = (await claim(a, 50)).map((poll) => toPutBack(poll));
        expect(polls).toHaveLength(50);
        await Promise.all([a.polls.putBack(polls), b.polls.putBack(polls.toReversed())]);
        await makeDue();
      }
    });

    test("are claimed and put back while all other connections are taken", async () => {
      const store = await open();
      const [id = ""] = await accept(store, 1);
      const job = await store.jobs.read(id);
      if (job === null) throw new Error("the job was inserted");
      const client = await connect();
      await client.query("begin");
      await client.query("select from jobs where id = $1 for update", [id]);
      const saves = Promise.all(
        Array.from({ length: 20 }, () => store.jobs.save(job, { ...job, version: 3 }, null)),
      );
      await expect.poll(async () => (await query(WAITING)).length).toBe(6);
      await store.polls.putBack((await claim(store)).map((poll) => toPutBack(poll)));
      await store.polls.mendTimes();
      await client.query("commit");
      expect((await saves).filter(Boolean)).toHaveLength(1);
    });
  });
});

describe("opening a Postgres", () => {
  test("says what is wrong with the URL, and never its password", async () => {
    const { url, drop } = await createDatabase();
    await drop();
    const withPassword = new URL(url);
    withPassword.password = "s3cret";
    const wrong: [string, RegExp][] = [
      ["postgres://me:s3cret@127.0.0.1:1/jobs", /127\.0\.0\.1:1\/jobs can't be reached/],
      [withPassword.href, /refuses the user or the password/],
      [url, /has no such database/],
      ["postgres://me:s3cret#x@host/db", /can't be read as a URL/],
      ["postgresql://me:s3cret/x@host:5432/db", /can't be read as a URL/],
    ];
    for (const [databaseUrl, what] of wrong)
      expect((await failToOpen(databaseUrl)).message).toMatch(what);
  });

  async function query(databaseUrl: string, statement: string): Promise<unknown[]> {
    const client = new pg.Client(databaseUrl);
    await client.connect();
    const { rows } = await client.query<Record<string, unknown>>(statement);
    await client.end();
    return rows;
  }

  async function createDatabaseWith(statement: string): Promise<string> {
    const { url, drop } = await createEmptyDatabase();
    onTestFinished(drop);
    await runIn(url, statement);
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
    const opened = await openPostgres(url, { ...QUIET, mostSilenceMs: 500 });
    await opened.close();
    expect(await query(url, "select * from seen")).toEqual([{ statement_timeout: "5min" }]);
  });

  test("says that the tables took too long to be brought up to date, and changes nothing", async () => {
    const url = await createDatabaseWith(atLast("raise query_canceled"));
    expect((await failToOpen(url)).message).toMatch(/took too long.*Start the gateway again/);
    expect(await query(url, "select to_regclass('jobs') as jobs")).toEqual([{ jobs: null }]);
  });
});
