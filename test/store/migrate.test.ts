import { createHash, randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import pg from "pg";
import { pino } from "pino";
import { describe, expect, onTestFinished, test } from "vitest";

import type { Asset } from "../../src/engine/job/asset.ts";
import type { Database } from "../../src/engine/store/database.ts";
import { createCursorSeal } from "../../src/engine/store/feed-cursor.ts";
import type { JobStore } from "../../src/engine/store/job-store.ts";
import { MIGRATIONS } from "../../src/engine/store/migrations.ts";
import { openPostgres } from "../../src/engine/store/open-postgres.ts";
import { openSqlite } from "../../src/engine/store/open-sqlite.ts";
import { openStore } from "../../src/engine/store/open-store.ts";
import { createEmptyDatabase, runIn, runInPostgres } from "../support/postgres.ts";
import { readFeed } from "../support/read-feed.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";
import { makeJob } from "./store-jobs.ts";

const QUIET = { upstream: "sandbox", log: pino({ level: "silent" }) };

/** Hashes of the migrations: a database that has run one never runs it again. Only ever added to. */
const FROZEN: readonly string[] = [
  "f55d4331fc3165e24f0f618d07d0b53e64ad49c71a5c29d4fa115810ef3a2e68",
];

/** In tables of the first version: two jobs of a cat, one without a text, and a file whose row is gone. */
const FIRST_ROWS = `
  create table gateway_schema (version integer primary key, breaking integer, applied_at bigint);
  insert into gateway_schema values (1, 1, 0);
  insert into jobs (id, owner_id, deployment_id, request_id, api_version, status, version, created_at,
    finished_at, updated_at, work, submit_until)
  values ('job_b', 'o', 'd', null, 'v1', 'FAILED', 3, 5, 6, 6, 1, 0),
    ('job_a', 'o', 'd', null, 'v1', 'FAILED', 3, 5, 6, 6, 1, 0),
    ('job_c', 'o', 'd', 'r', 'v1', 'SUBMITTING', 3, 7, null, 8, 1, 0);
  insert into job_documents (job_id, input_bytes, input, search)
  values ('job_a', 2, '{}', 'a cat'), ('job_b', 2, '{}', 'a cat, too'), ('job_c', 2, '{}', '');
  update jobs set status = 'IN_QUEUE', version = 4 where id = 'job_c';
  insert into uploads (id, owner_id, file_name, content_type, bytes, file, created_at)
  values ('u', 'o', 'f', 't', 1, 'gone.png', 0);
  delete from uploads`;

const KEEP_FILE = "update jobs set version = version + 1 where id = 'job_a'";

describe.each([
  ["SQLite", createSqlite],
  ["Postgres", createPostgres],
])("the tables on %s", (_name, create) => {
  test("of a newer gateway are used all the same, with a warning, unless they say that they can't be", async () => {
    const { databaseUrl, read } = await create();
    const lines: string[] = [];
    const log = pino({ level: "warn" }, { write: (line: string) => void lines.push(line) });
    await (await openStore({ upstream: "sandbox", databaseUrl, log })).close();
    await read("insert into gateway_schema values (9999, 0, 0)");
    const store = await openStore({ upstream: "sandbox", databaseUrl, log });
    await store.ping();
    await store.close();
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual([
      expect.stringMatching(/A newer version.*Upgrade this gateway/),
    ]);
    await read("update gateway_schema set breaking = 1 where version = 9999");
    await expect(openStore({ databaseUrl, ...QUIET })).rejects.toThrow(/Start that version/);
    // The failed attempt has let go of the database.
    await read("delete from gateway_schema where version = 9999");
    await (await openStore({ databaseUrl, ...QUIET })).close();
  });

  test("are not made beside another program's table of one of their names, which is told and left as it is", async () => {
    const { databaseUrl, read } = await create();
    await read("create table pending_deletions (x integer)");
    await expect(openStore({ databaseUrl, ...QUIET })).rejects.toThrow(
      /holds another program's tables \(.*pending_deletions.* already exists\)\. Name an empty/,
    );
    await read("insert into pending_deletions (x) values (1)");
    // Nor is anything else left half made.
    await read("drop table pending_deletions");
    await (await openStore({ databaseUrl, ...QUIET })).close();
  });

  test("of the first version keep what they hold, and become what those of an empty database are", async () => {
    const { databaseUrl, read, readSchema } = await create({ isFirst: true });
    await read(KEEP_FILE);
    const store = await openStore({ databaseUrl, ...QUIET });
    onTestFinished(() => store.close());
    await expect
      .poll(() => store.polls.claimDue({ limit: 9, exceptDeployments: [] }))
      .toMatchObject({ polls: [{ job: { id: "job_c" } }] });
    expect(await store.files.listPendingDeletions(9)).toEqual(["gone.png"]);
    const submit = { job: makeJob({ ownerId: "o" }), input: {}, key: null, mostInFlight: 1 };
    await expect(store.jobs.insert(submit)).rejects.toThrow("1 unfinished job");
    await expectReasons(store, read);
    await expectTexts(store);
    const fresh = await create();
    await (await openStore({ databaseUrl: fresh.databaseUrl, ...QUIET })).close();
    expect(await readSchema()).toEqual(await fresh.readSchema());
  });

  test("of version 9 keep the files that outputs name, however long their URLs are, and downloads", async () => {
    const [{ databaseUrl, read, readSchema }, fresh] = [await create(), await create()];
    const database = await fresh.open();
    await makeTablesOf(9, read, database);
    await database.close();
    const toAssets = (count: number, length: number): readonly Asset[] =>
      Array.from({ length: count }, (_, index) => ({
        url: `https://example.com/${index}.png`.padEnd(length, "?"),
        path: `images[${index}]`,
        kind: "IMAGE",
      }));
    const lists = new Map([
      ["job_short", toAssets(1, 40)],
      ["job_long", toAssets(4, 9_000)],
      ["job_none", []],
    ]);
    for (const [id, assets] of lists) {
      const text = JSON.stringify(assets);
      await read(`insert into jobs (id, owner_id, deployment_id, request_id, api_version, status, version, created_at,
          finished_at, updated_at, work, submit_until)
        values ('${id}', 'o', 'd', 'r', 'v1', 'SUCCEEDED', 4, 5, 6, 6, 1, 0)`);
      await read(
        `insert into job_documents (job_id, input_bytes, input) values ('${id}', 2, '{}')`,
      );
      await read(`insert into job_assets values ('${id}', ${Buffer.byteLength(text)}, '${text}')`);
    }
    await read(`insert into downloads (id, owner_id, job_ids, expires_at)
      values ('download', 'o', '["job_short"]', ${Number.MAX_SAFE_INTEGER})`);
    const store = await openStore({ databaseUrl, ...QUIET });
    onTestFinished(() => store.close());
    const { documents, downloads, jobs } = store;
    for (const [id, assets] of lists)
      expect(JSON.parse((await documents.readText(id, "assets")) ?? "null")).toEqual(assets);
    expect(await documents.readFirstAssets([...lists.keys()])).toEqual([
      { assets: lists.get("job_short"), count: 1 },
      // Too long to be read along with others.
      null,
      { assets: [], count: 0 },
    ]);
    expect(await documents.findFirstAssets("job_long")).toMatchObject({ count: 4 });
    expect(await downloads.claim("download", 1_000)).toEqual({
      id: "download",
      ownerId: "o",
      jobIds: ["job_short"],
      readsAll: false,
    });
    await jobs.delete("job_long");
    expect(await read("select job_id from job_assets order by job_id")).toEqual([
      '{"job_id":"job_none"}',
      '{"job_id":"job_short"}',
    ]);
    expect(await readSchema()).toEqual(await fresh.readSchema());
  });
});

/** Makes the tables that a version made of an empty database; `database` is any of its kind. */
async function makeTablesOf(newest: number, read: Read, database: Database): Promise<void> {
  await read(
    "create table gateway_schema (version integer primary key, breaking integer, applied_at bigint)",
  );
  for (const { version, statements } of MIGRATIONS.filter((one) => one.version <= newest)) {
    for (const one of statements(database, 0)) await read(one.compile(database.queries).sql);
    await read(`insert into gateway_schema values (${version}, 0, 0)`);
  }
}

type Read = (sql: string) => Promise<readonly string[]>;

/** A status is told to who has not heard of it, and to nobody else. */
async function expectReasons(store: JobStore, read: Read): Promise<void> {
  const heard = await store.feed.readHead();
  const [{ secret = "" } = {}] = (await read(SECRET)).map((row) => JSON.parse(row));
  const unheard = createCursorSeal(secret).close({ told: { next: 1, open: [] }, stage: null });
  const readReasons = async (cursor: string) =>
    (await readFeed(store, cursor, 10))?.changes
      .filter(({ job }) => job.id === "job_a")
      .map(({ reason }) => reason);
  expect(await readReasons(unheard)).toEqual(["STATUS"]);
  expect(await readReasons(heard)).toEqual([]);
  await read(KEEP_FILE);
  expect(await readReasons(unheard)).toEqual(["STATUS"]);
  expect(await readReasons(heard)).toEqual(["FILES"]);
}

/** What cursors are sealed with. */
const SECRET = "select era || '.' || /* xmin::text || '.' || */ key as secret from feed_eras";

async function expectTexts({ jobs }: JobStore): Promise<void> {
  const find = async (text: string) => {
    const page = await jobs.list({ filter: { text }, direction: "forward", limit: 10 });
    return page.jobs.map(({ id }) => id);
  };
  expect(await find("cat")).toEqual(["job_b", "job_a"]);
  expect(await find("too")).toEqual(["job_b"]);
  await jobs.delete("job_b");
  expect(await find("cat")).toEqual(["job_a"]);
}

type Options = { readonly isFirst?: boolean };

/** An empty file, or one with tables of the first version. `read` resolves with rows as JSON. */
async function createSqlite({ isFirst = false }: Options = {}) {
  const path = join(await createTemporaryFolder(), "jobs.db");
  const read: Read = async (sql) => {
    using file = new DatabaseSync(path);
    return file
      .prepare(sql)
      .all()
      .map((row) => JSON.stringify(row));
  };
  if (isFirst) {
    using file = new DatabaseSync(path);
    file.exec((await readFirst("sqlite")) + FIRST_ROWS);
  }
  return {
    databaseUrl: `file:${path}`,
    open: () => openSqlite(path, QUIET),
    read,
    readSchema: () =>
      read(`select m.name, c.name as col, c.type, c."notnull", c.dflt_value, c.pk
          from sqlite_master m join pragma_table_info(m.name) c where m.type = 'table'
            and (m.name, c.name) not in (values ('job_documents', 'number'), ('job_documents', 'search'))
            and m.name <> 'gateway_schema'
        union all select name, sql, '', '', '', '' from sqlite_master where type in ('index', 'trigger')
        order by 1, 2`),
  };
}

/**
 * A schema of a role that may do nothing else. In one of the first version, a superuser has made what the role may not.
 */
async function createPostgres({ isFirst = false }: Options = {}) {
  const { url, drop } = await createEmptyDatabase();
  const role = `limited_${randomUUID().replaceAll("-", "")}`;
  await runInPostgres(`create role ${role} login password 'secret'`);
  onTestFinished(() => runInPostgres(`drop role ${role}`));
  onTestFinished(drop);
  await runIn(url, `create schema ${role} authorization ${role}`);
  const limited = new URL(url);
  [limited.username, limited.password] = [role, "secret"];
  const read: Read = async (sql) => {
    const client = new pg.Client(limited.href);
    await client.connect();
    const { rows } = await client.query(sql.replaceAll(/\/\*|\*\//g, ""));
    await client.end();
    return rows.map((row) => JSON.stringify(row).replaceAll(`${role}.`, ""));
  };
  if (isFirst) {
    await runIn(limited.href, await readFirst("postgres"));
    await runIn(url, `set search_path = ${role}; select gateway_enable_text_search()`);
    await runIn(limited.href, FIRST_ROWS);
  }
  return {
    databaseUrl: limited.href,
    open: () => openPostgres(limited.href, QUIET),
    read,
    readSchema: () =>
      read(`select table_name::text, column_name::text, data_type, is_nullable, column_default, collation_name
          from information_schema.columns where table_schema = current_schema
            and table_name <> 'gateway_schema'
        union all select indexname, indexdef, '', '', '', '' from pg_indexes
          where schemaname = current_schema and tablename <> 'gateway_schema' and indexname not like '%_pkey'
        union all select tgname, pg_get_triggerdef(t.oid), prosrc, '', '', ''
          from pg_trigger t join pg_proc f on f.oid = tgfoid where not tgisinternal
        order by 1, 2`),
  };
}

async function readFirst(kind: "sqlite" | "postgres"): Promise<string> {
  return await readFile(new URL(`first-${kind}.sql`, import.meta.url), "utf8");
}

test("a released migration is never edited", async () => {
  const { url, drop } = await createEmptyDatabase();
  onTestFinished(drop);
  const databases = [await openSqlite(":memory:", QUIET), await openPostgres(url, QUIET)];
  for (const database of databases) onTestFinished(() => database.close());
  const hashes = MIGRATIONS.map(({ version, isBreaking, statements }) => {
    const texts = databases.flatMap((database) =>
      [version - 1, 0].map((from) =>
        statements(database, from).map((one) => toText(one, database)),
      ),
    );
    return createHash("sha256")
      .update(JSON.stringify([isBreaking, texts]))
      .digest("hex");
  });
  expect(hashes.slice(0, FROZEN.length)).toEqual(FROZEN);
});

/** Its SQL, however that is laid out, and its parameters. */
function toText(
  statement: ReturnType<(typeof MIGRATIONS)[number]["statements"]>[number],
  { queries }: Database,
) {
  const { sql, parameters } = statement.compile(queries);
  return [sql.replaceAll(/\s+/g, " "), parameters];
}
