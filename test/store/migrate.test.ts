import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import pg from "pg";
import { pino } from "pino";
import { describe, expect, onTestFinished, test } from "vitest";

import { openStore } from "../../src/store/open-store.ts";
import { createEmptyDatabase } from "../support/postgres.ts";
import { createTemporaryFolder } from "../support/temporary-folder.ts";

const LATER = "insert into gateway_schema values (9999, 0, 0)";

describe.each([
  ["SQLite", openSqlite],
  ["Postgres", openPostgres],
])("the tables on %s", (_name, openDatabase) => {
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
});

async function openSqlite() {
  const path = join(await createTemporaryFolder(), "jobs.db");
  return {
    databaseUrl: `file:${path}`,
    async execute(sql: string) {
      const file = new DatabaseSync(path);
      file.exec(sql);
      file.close();
    },
  };
}

async function openPostgres() {
  const { url, drop } = await createEmptyDatabase();
  onTestFinished(drop);
  return {
    databaseUrl: url,
    async execute(sql: string) {
      const client = new pg.Client(url);
      await client.connect();
      await client.query(sql);
      await client.end();
    },
  };
}
