import { Writable } from "node:stream";

import pg from "pg";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";

import { buildIndexes } from "../../src/store/build-indexes.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import { openStore } from "../../src/store/open-store.ts";
import { StoreError } from "../../src/store/store-error.ts";
import { createDatabase } from "../support/postgres.ts";

const INDEXES = [
  "jobs_by_change",
  "jobs_by_owner_and_age",
  "jobs_by_owner_and_change",
  "jobs_by_owner_and_deployment",
  "jobs_by_owner_and_status",
];

let database: Awaited<ReturnType<typeof createDatabase>>;
let client: pg.Client;
let holder: pg.Client;
let logged: string;
const stores: JobStore[] = [];

beforeEach(async () => {
  logged = "";
  database = await createDatabase();
  client = new pg.Client(database.url);
  holder = new pg.Client(database.url);
  await Promise.all([client.connect(), holder.connect()]);
});

afterEach(async () => {
  await Promise.all([client.end(), holder.end()]);
  await Promise.all(stores.splice(0).map((store) => store.close()));
  await database.drop();
});

async function open(): Promise<void> {
  const sink = new Writable({
    write(line, _encoding, done) {
      logged += String(line);
      done();
    },
  });
  stores.push(await openStore({ databaseUrl: database.url, log: pino(sink) }));
}

/** A transaction that every build has to wait for, though it has no lock on the jobs. */
async function hold(): Promise<void> {
  await holder.query("begin isolation level repeatable read");
  await holder.query("select 1");
}

async function dropAll(): Promise<void> {
  for (const name of INDEXES) await client.query(`drop index ${name}`);
}

async function listIndexes(isValid: boolean): Promise<string[]> {
  const { rows } = await client.query(
    `select relname from pg_index join pg_class on pg_class.oid = indexrelid
      where indrelid = 'jobs'::regclass and indisvalid = $1 order by relname`,
    [isValid],
  );
  return rows.map(({ relname }) => String(relname)).filter((name) => INDEXES.includes(name));
}

/** What is waited for here comes within a second on a machine that has nothing else to do. */
const PATIENCE = { timeout: 15_000 };

const BUILDERS = `select pid from pg_stat_activity
  where datname = current_database() and query like 'create index concurrently%'`;

async function whenBuilding(): Promise<void> {
  await expect.poll(async () => (await client.query(BUILDERS)).rowCount, PATIENCE).toBe(1);
}

test("while indexes are built all others read and write, and the start waits and says why", async () => {
  await open();
  await dropAll();
  await hold();
  let isOpen = false;
  const opening = open().then(() => (isOpen = true));
  await whenBuilding();
  // As the previous version does it, in a transaction and one by one.
  await client.query("begin");
  await client.query(
    `insert into jobs (id, deployment_id, api_version, status, version, created_at, updated_at, input)
    values ('job_old', 'd', 'v1', 'IN_QUEUE', 1, 0, 0, '{}')`,
  );
  await client.query("commit");
  await client.query("update jobs set version = 2, status = 'FAILED' where id = 'job_old'");
  expect((await client.query("select id from jobs")).rows).toEqual([{ id: "job_old" }]);
  await expect.poll(() => logged, PATIENCE).toContain("indexes of the jobs are being built");
  expect(isOpen).toBe(false);
  await holder.query("commit");
  await opening;
  expect(await listIndexes(true)).toEqual(INDEXES);
  expect(logged).toContain("indexes of the jobs are built");
  expect(
    await stores.at(-1)?.listJobs({ direction: "forward", limit: 2, filter: {} }),
  ).toHaveLength(1);
});

test("an index that a killed start left half built is built anew", async () => {
  await open();
  await dropAll();
  await hold();
  const opening = open();
  const failing = expect(opening).rejects.toBeInstanceOf(StoreError);
  await whenBuilding();
  await client.query(`select pg_terminate_backend(pid) from (${BUILDERS}) as builders`);
  await failing;
  await holder.query("commit");
  expect(await listIndexes(false)).toEqual(["jobs_by_change"]);
  await open();
  expect(await listIndexes(false)).toEqual([]);
  expect(await listIndexes(true)).toEqual(INDEXES);
});

test("one gateway builds, and those that start meanwhile wait until the indexes are there", async () => {
  await open();
  await dropAll();
  await hold();
  const opening = Promise.all([open(), open(), open()]);
  await whenBuilding();
  const waiting = `select 1 from pg_stat_activity where datname = current_database()
    and application_name = 'runcomfy-graphql indexes' and state = 'idle'`;
  await expect.poll(async () => (await client.query(waiting)).rowCount, PATIENCE).toBe(2);
  expect((await client.query(BUILDERS)).rowCount).toBe(1);
  await holder.query("commit");
  await opening;
  expect(await listIndexes(true)).toEqual(INDEXES);
});

test("a build that the server cuts short says what stands in the way", async () => {
  await open();
  await dropAll();
  await hold();
  const building = buildIndexes({ databaseUrl: database.url, log: pino({ level: "silent" }) });
  const failing = expect(building).rejects.toThrow(/End transactions .* start the gateway again/);
  await whenBuilding();
  await client.query(`select pg_cancel_backend(pid) from (${BUILDERS}) as builders`);
  await failing;
  await holder.query("commit");
});

test("a lock_timeout of the server's own cuts no build short", async () => {
  await open();
  await dropAll();
  const { rows } = await client.query("select quote_ident(current_database()) as name");
  await client.query(`alter database ${String(rows[0]?.name)} set lock_timeout = '100ms'`);
  await hold();
  const opening = open();
  const waiting = `${BUILDERS} and clock_timestamp() - query_start > interval '500 ms'`;
  await expect.poll(async () => (await client.query(waiting)).rowCount, PATIENCE).toBe(1);
  await holder.query("commit");
  await opening;
  expect(await listIndexes(true)).toEqual(INDEXES);
});

test("a user who does not own the jobs is told who has to build their indexes", async () => {
  await open();
  await dropAll();
  const { rows } = await client.query("select current_database() as name");
  const user = `user_of_${String(rows[0]?.name).replaceAll(/\W/g, "_")}`;
  await client.query(`create role ${user} login password 'x'`);
  await client.query(`grant all on schema public to ${user}`);
  await client.query(`grant all on all tables in schema public to ${user}`);
  const url = new URL(database.url);
  url.username = user;
  url.password = "x";
  try {
    await expect(
      buildIndexes({ databaseUrl: url.href, log: pino({ level: "silent" }) }),
    ).rejects.toThrow(/^The indexes of `jobs` have to be built by its owner: /);
  } finally {
    await client.query(`drop owned by ${user}; drop role ${user}`);
  }
});
