import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import pg from "pg";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";

import type { Database } from "../../src/store/database.ts";
import type { JobStore } from "../../src/store/job-store.ts";
import { MIGRATIONS } from "../../src/store/migrations.ts";
import { openPostgres } from "../../src/store/open-postgres.ts";
import { openSqlite } from "../../src/store/open-sqlite.ts";
import { openStore } from "../../src/store/open-store.ts";
import { createEmptyDatabase, runInPostgres } from "../support/postgres.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const log = pino({ level: "silent" });
const upstream = "sandbox";

/** Of the first version, with two jobs of a cat and one without a text. */
const OLD_JOBS = `
  create table gateway_schema (version integer primary key, breaking integer, applied_at bigint);
  insert into gateway_schema values (1, 1, 0);
  insert into jobs (id, owner_id, deployment_id, api_version, status, version, created_at, finished_at,
    updated_at, work, submit_until)
  values ('job_b', 'o', 'd', 'v1', 'FAILED', 3, 5, 6, 6, 1, 0),
    ('job_a', 'o', 'd', 'v1', 'FAILED', 3, 5, 6, 6, 1, 0), ('job_c', 'o', 'd', 'v1', 'FAILED', 3, 7, 8, 8, 1, 0);
  insert into job_documents (job_id, input_bytes, input, search)
  values ('job_a', 2, '{}', 'a cat'), ('job_b', 2, '{}', 'a cat, too'), ('job_c', 2, '{}', '')`;

test("a SQLite file of the first version keeps the texts by which its jobs are found", async () => {
  const path = join(await createTemporaryFolder(), "jobs.db");
  const database = await openSqlite(":memory:", { upstream, log });
  onTestFinished(() => database.close());
  const file = new DatabaseSync(path);
  for (const statement of firstMigration(database)) file.exec(statement);
  file.exec(OLD_JOBS);
  file.close();
  const store = await openStore({ upstream, databaseUrl: `file:${path}`, log });
  onTestFinished(() => store.close());
  await expectTexts(store);
});

test("a Postgres of the first version keeps them, and what a superuser made for them is no hindrance", async () => {
  const other = await createEmptyDatabase();
  onTestFinished(other.drop);
  const database = await openPostgres(other.url, { upstream, log });
  onTestFinished(() => database.close());
  const { url, drop } = await createEmptyDatabase();
  const role = `limited_${randomUUID().replaceAll("-", "")}`;
  await runInPostgres(`create role ${role} login password 'secret'`);
  onTestFinished(() => runInPostgres(`drop role ${role}`));
  onTestFinished(drop);
  const superuser = new pg.Client(url);
  await superuser.connect();
  await superuser.query(`create schema ${role} authorization ${role}`);
  const limited = new URL(url);
  [limited.username, limited.password] = [role, "secret"];
  const client = new pg.Client(limited.href);
  await client.connect();
  for (const statement of firstMigration(database)) await client.query(statement);
  await superuser.query(`set search_path = ${role}; select gateway_enable_text_search()`);
  await client.query(OLD_JOBS);
  await client.end();

  const store = await openStore({ upstream, databaseUrl: limited.href, log });
  onTestFinished(() => store.close());
  await expectTexts(store);
  const { rows } = await superuser.query("select 1 from pg_extension where extname = 'pg_trgm'");
  await superuser.end();
  expect(rows).toHaveLength(1);
});

function firstMigration(database: Database): readonly string[] {
  const [first] = MIGRATIONS;
  const statements = first?.statements(database) ?? [];
  return statements.map((statement) => statement.compile(database.queries).sql);
}

async function expectTexts({ jobs }: JobStore): Promise<void> {
  const find = async (text: string) =>
    (await jobs.list({ filter: { text }, direction: "forward", limit: 10 })).jobs.map(
      ({ id }) => id,
    );
  expect(await find("cat")).toEqual(["job_b", "job_a"]);
  expect(await find("too")).toEqual(["job_b"]);
  await jobs.delete("job_b");
  expect(await find("cat")).toEqual(["job_a"]);
}
