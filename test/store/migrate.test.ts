import { createHash, randomUUID } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { sql } from "kysely";
import pg from "pg";
import { pino } from "pino";
import { describe, expect, onTestFinished, test } from "vitest";

import type { Database } from "../../src/engine/store/database.ts";
import { type Migration, MIGRATIONS, type PartTables } from "../../src/engine/store/migrations.ts";
import { openPostgres } from "../../src/engine/store/open-postgres.ts";
import { openSqlite } from "../../src/engine/store/open-sqlite.ts";
import { openStore } from "../../src/engine/store/open-store.ts";
import { loadFromParts } from "../support/load-from-parts.ts";
import { createEmptyDatabase, runIn, runInPostgres } from "../support/postgres.ts";
import { PART_TABLES } from "../support/part-tables.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const QUIET = { upstream: "sandbox", log: pino({ level: "silent" }) };

/** A part adds its hashes by `frozen-tables.ts` of its tests. */
const OF_PARTS = await loadFromParts<{
  readonly MIGRATIONS: typeof FROZEN;
  readonly TRIGGERS?: typeof FROZEN_TRIGGERS;
}>("frozen-tables.ts");

/** Hashes of the migrations: a database that has run one never runs it again. Only ever added to. */
const FROZEN: Readonly<Record<string, readonly string[]>> = {
  engine: ["524f233a72a995209fe72c9ed420e304bf52dac0d15cf80e8b1602f391a6531a"],
  ...Object.assign({}, ...OF_PARTS.map((part) => part.MIGRATIONS)),
};

/** Of the triggers of parts, which are made anew only under another name. */
const FROZEN_TRIGGERS: Readonly<Record<string, string>> = Object.assign(
  {},
  ...OF_PARTS.map((part) => part.TRIGGERS),
);

/** A part whose tables have so many versions. */
function makePart(name: string, versions: number, isBreaking = false): PartTables {
  const migrations = Array.from({ length: versions }, (_, index) => ({
    version: index + 1,
    isBreaking: isBreaking && index > 0,
    // The first table refers to the engine's.
    statements: () => [
      sql`create table ${sql.table(`${name}_${index + 1}`)} (job_id text references jobs (id))`,
    ],
  }));
  return { name, migrations };
}

describe.each([
  ["SQLite", createSqlite],
  ["Postgres", createPostgres],
])("the tables on %s", (_name, create) => {
  test("of a newer gateway are used all the same, with a warning, unless they say that they can't be", async () => {
    const { databaseUrl, read } = await create();
    const lines: string[] = [];
    const log = pino({ level: "warn" }, { write: (line: string) => void lines.push(line) });
    await (await openStore({ upstream: "sandbox", databaseUrl, log })).close();
    await read("insert into gateway_schema values ('engine', 9999, 0, 0)");
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

  test("are not made beside another program's table of one of their names, which is reported and left as it is", async () => {
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

  test("of a version before the first release are refused and left as they are, with what to do", async () => {
    const { databaseUrl, read } = await create();
    await read(
      "create table gateway_schema (version integer primary key, breaking integer, applied_at bigint)",
    );
    await read("insert into gateway_schema values (2, 1, 0), (12, 0, 0)");
    await expect(openStore({ databaseUrl, ...QUIET })).rejects.toThrow(
      /Let its jobs end with that version.*(move the file away|another database).*not carried over/,
    );
    expect(await read("select version from gateway_schema order by version")).toEqual([
      '{"version":2}',
      '{"version":12}',
    ]);
  });

  test("of a part are made after the engine's once it is on, version by version, and stay when it is off", async () => {
    const { databaseUrl, read } = await create();
    const versions = () => read("select part, version from gateway_schema order by part, version");
    const open = async (...parts: readonly PartTables[]) =>
      await (await openStore({ databaseUrl, ...QUIET, parts })).close();
    await open(makePart("notes", 1));
    await open();
    await open(makePart("notes", 2), makePart("stamps", 1));
    await open(makePart("stamps", 1));
    expect(await versions()).toEqual([
      '{"part":"engine","version":14}',
      '{"part":"notes","version":1}',
      '{"part":"notes","version":2}',
      '{"part":"stamps","version":1}',
    ]);
    for (const table of ["notes_1", "notes_2", "stamps_1"])
      expect(await read(`select job_id from ${table}`)).toEqual([]);
  });

  test("of a newer version of a part are used with a warning, unless they say that they can't be, or the part is off", async () => {
    const { databaseUrl } = await create();
    const lines: string[] = [];
    const log = pino({ level: "warn" }, { write: (line: string) => void lines.push(line) });
    const open = async (...parts: readonly PartTables[]) =>
      await (await openStore({ upstream: "sandbox", databaseUrl, log, parts })).close();
    await open(makePart("notes", 2), makePart("stamps", 2, true));
    await open(makePart("notes", 1));
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual([
      expect.stringMatching(/A newer version.*Upgrade this gateway/),
    ]);
    await expect(open(makePart("notes", 2), makePart("stamps", 1))).rejects.toThrow(
      /Start that version/,
    );
    await open();
    expect(lines).toHaveLength(1);
  });

  test("say to versions before the first release that these can't work with them", async () => {
    const { databaseUrl, read } = await create();
    await (await openStore({ databaseUrl, ...QUIET })).close();
    expect(await read("select version, breaking from gateway_schema where version > 13")).toEqual([
      '{"version":14,"breaking":1}',
    ]);
  });
});

type Read = (sql: string) => Promise<readonly string[]>;

/** An empty file. `read` resolves with rows as JSON. */
async function createSqlite() {
  const path = join(await createTemporaryFolder(), "jobs.db");
  const read: Read = async (sql) => {
    using file = new DatabaseSync(path);
    return file
      .prepare(sql)
      .all()
      .map((row) => JSON.stringify(row));
  };
  return { databaseUrl: `file:${path}`, read };
}

/** A schema of a role that may do nothing else. */
async function createPostgres() {
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
    const { rows } = await client.query(sql);
    await client.end();
    return rows.map((row) => JSON.stringify(row));
  };
  return { databaseUrl: limited.href, read };
}

describe("a migration", () => {
  type Statements = ReturnType<Migration["statements"]>;

  /** What is done to either database. */
  const toTexts = (databases: readonly Database[], toStatements: (of: Database) => Statements) =>
    databases.map((database) => toStatements(database).map((one) => toText(one, database)));
  const toHash = (value: unknown) =>
    createHash("sha256").update(JSON.stringify(value)).digest("hex");

  async function openBoth(): Promise<readonly Database[]> {
    const { url, drop } = await createEmptyDatabase();
    onTestFinished(drop);
    const databases = [await openSqlite(":memory:", QUIET), await openPostgres(url, QUIET)];
    for (const database of databases) onTestFinished(() => database.close());
    return databases;
  }

  test("that was released is never edited", async () => {
    const databases = await openBoth();
    const all = [{ name: "engine", migrations: MIGRATIONS }, ...PART_TABLES];
    const hashes = all.map(({ name, migrations }) => [
      name,
      migrations
        .slice(0, FROZEN[name]?.length)
        .map(({ isBreaking, statements }) => toHash([isBreaking, toTexts(databases, statements)])),
    ]);
    expect(Object.fromEntries(hashes)).toEqual(FROZEN);
  });

  test("leaves the triggers of parts alone, as these are edited under another name only", async () => {
    const databases = await openBoth();
    const [sqlite] = databases;
    const triggers = PART_TABLES.flatMap((part) => (sqlite && part.triggers?.(sqlite)) ?? []);
    const hashes = triggers.map(({ name }) => [
      name,
      toHash(
        toTexts(databases, (database) =>
          PART_TABLES.flatMap((part) => part.triggers?.(database) ?? [])
            .filter((one) => one.name === name)
            .flatMap((one) => database.createTrigger(one)),
        ),
      ),
    ]);
    expect(Object.fromEntries(hashes)).toEqual(FROZEN_TRIGGERS);
  });

  test("of the engine's makes nothing for a part", async () => {
    const databases = await openBoth();
    const texts = JSON.stringify(MIGRATIONS.map((one) => toTexts(databases, one.statements)));
    // RunComfy's own webhooks are no part.
    const own = texts.replaceAll("upstream_webhook", "");
    for (const { name } of PART_TABLES) expect(own).not.toContain(name.slice(0, -1));
  });
});

/** Its SQL, however that is laid out, and its parameters. */
function toText(statement: ReturnType<Migration["statements"]>[number], { queries }: Database) {
  const { sql, parameters } = statement.compile(queries);
  return [sql.replaceAll(/\s+/g, " "), parameters];
}
