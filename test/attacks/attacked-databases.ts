import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { createDatabase, runIn } from "../support/postgres.ts";

/** Where a gateway is attacked with rows that no client could make. */
export type AttackedDatabase = Awaited<ReturnType<typeof openSqlite>>;

export const ATTACKED_DATABASES = [
  ["SQLite", openSqlite],
  ["Postgres", openPostgres],
] as const;

async function openSqlite() {
  const folder = mkdtempSync(join(tmpdir(), "runcomfy-graphql-"));
  const path = join(folder, "jobs.db");
  return {
    url: `file:${path}`,
    async execute(sql: string) {
      using file = new DatabaseSync(path);
      file.exec(`pragma busy_timeout = 10000; begin; ${sql} commit`);
    },
    drop: async () => rmSync(folder, { recursive: true }),
  };
}

async function openPostgres() {
  const { url, drop } = await createDatabase();
  return {
    url,
    drop,
    // Without triggers, which would take most of the time.
    execute: (sql: string) => runIn(url, `set session_replication_role = replica; ${sql}`),
  };
}
