import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import pg from "pg";
import { pino } from "pino";
import { describe, expect, onTestFinished, test } from "vitest";

import type { Database } from "../../src/store/database.ts";
import { createCursorSeal } from "../../src/store/feed-cursor.ts";
import { MIGRATIONS } from "../../src/store/migrations.ts";
import { openPostgres } from "../../src/store/open-postgres.ts";
import { openSqlite } from "../../src/store/open-sqlite.ts";
import { openStore } from "../../src/store/open-store.ts";
import { createEmptyDatabase } from "../support/postgres.ts";
import { readFeed } from "../support/read-feed.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const LATER = "insert into gateway_schema values (9999, 0, 0)";

describe.each([
  ["SQLite", createSqlite],
  ["Postgres", createPostgres],
])("the tables on %s", (name, openDatabase) => {
  test("of a newer gateway are used all the same, with a warning, unless they say that they can't be", async () => {
    const { databaseUrl, execute } = await openDatabase();
    const lines: string[] = [];
    const log = pino({ level: "warn" }, { write: (line: string) => void lines.push(line) });
    await (await openStore({ upstream: "sandbox", databaseUrl, log })).close();
    await execute(LATER);
    const store = await openStore({ upstream: "sandbox", databaseUrl, log });
    await store.ping();
    await store.close();
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual([
      expect.stringMatching(/A newer version.*Upgrade this gateway/),
    ]);
    await execute("update gateway_schema set breaking = 1 where version = 9999");
    await expect(openStore({ upstream: "sandbox", databaseUrl, log })).rejects.toThrow(
      /Start that version/,
    );
  });

  test("are not made beside another program's table of one of their names, which is told and left as it is", async () => {
    const { databaseUrl, execute } = await openDatabase();
    await execute("create table jobs (x integer)");
    await expect(
      openStore({ upstream: "sandbox", databaseUrl, log: pino({ level: "silent" }) }),
    ).rejects.toThrow(/holds another program's tables \(.*jobs.* already exists\)\. Name an empty/);
    await execute("insert into jobs (x) values (1)");
  });

  test("of the first version keep their jobs, whose status is told to who has not heard of it, and to nobody else", async () => {
    const { databaseUrl, execute, compile } = await openDatabase();
    for (const statement of await compile(MIGRATIONS.slice(0, 1))) await execute(statement);
    await execute(
      "create table gateway_schema (version integer primary key, breaking integer, applied_at bigint)",
    );
    await execute("insert into gateway_schema values (1, 1, 0)");
    await execute(`insert into jobs (id, owner_id, deployment_id, api_version, status, version,
      created_at, finished_at, updated_at, work, submit_until)
      values ('job_old', 'o', 'd', 'v1', 'SUCCEEDED', 3, 0, 1, 1, 1, 0)`);
    const keepFile = "update jobs set version = version + 1 where id = 'job_old'";
    await execute(keepFile);
    const store = await openStore({ databaseUrl, ...QUIET });
    onTestFinished(() => store.close());
    const heard = await store.feed.readHead();
    const [secret = ""] = await execute(READ_SECRET[name] ?? "");
    const unheard = createCursorSeal(secret).close({ told: { next: 1, open: [] }, stage: null });
    const read = async (cursor: string) => (await readFeed(store, cursor, 10))?.changes;
    expect(await read(unheard)).toMatchObject([{ job: { id: "job_old" }, reason: "STATUS" }]);
    expect(await read(heard)).toEqual([]);
    await execute(keepFile);
    expect(await read(unheard)).toMatchObject([{ reason: "STATUS" }]);
    expect(await read(heard)).toMatchObject([{ job: { version: 5 }, reason: "FILES" }]);
  });
});

/** What cursors are sealed with. */
const READ_SECRET: Readonly<Record<string, string>> = {
  SQLite: "select era || '.' || key as secret from feed_eras",
  Postgres: "select era || '.' || xmin::text || '.' || key as secret from feed_eras",
};

/** The SQL of migrations, as a database of that kind runs it. */
function toTexts(database: Database, migrations: typeof MIGRATIONS): readonly string[] {
  return migrations.flatMap(({ statements }) =>
    statements(database).map((statement) => statement.compile(database.queries).sql),
  );
}

const QUIET = { upstream: "sandbox", log: pino({ level: "silent" }) };

async function createSqlite() {
  const path = join(await createTemporaryFolder(), "jobs.db");
  return {
    databaseUrl: `file:${path}`,
    /** Resolves with the texts of what it selects. */
    async execute(sql: string): Promise<readonly string[]> {
      using file = new DatabaseSync(path);
      return file.prepare(sql).all().flatMap(Object.values).map(String);
    },
    async compile(migrations: typeof MIGRATIONS) {
      const database = await openSqlite(":memory:", QUIET);
      onTestFinished(() => database.close());
      return toTexts(database, migrations);
    },
  };
}

async function createPostgres() {
  const { url, drop } = await createEmptyDatabase();
  onTestFinished(drop);
  return {
    databaseUrl: url,
    async execute(sql: string): Promise<readonly string[]> {
      const client = new pg.Client(url);
      await client.connect();
      const { rows } = await client.query(sql);
      await client.end();
      return rows.flatMap(Object.values).map(String);
    },
    async compile(migrations: typeof MIGRATIONS) {
      const other = await createEmptyDatabase();
      onTestFinished(other.drop);
      const database = await openPostgres(other.url, QUIET);
      onTestFinished(() => database.close());
      return toTexts(database, migrations);
    },
  };
}
