import { randomUUID } from "node:crypto";

import pg from "pg";
import { inject } from "vitest";

/** A new, empty database in the run's Postgres; `drop` also cuts off whoever still uses it. */
export async function createDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `test_${randomUUID().replaceAll("-", "")}`;
  await runInPostgres(`create database ${name}`);
  const url = new URL(inject("postgresUrl"));
  url.pathname = `/${name}`;
  return {
    url: url.href,
    async drop() {
      await runInPostgres(`drop database ${name} with (force)`);
    },
  };
}

/** Runs a statement as the superuser, in the database `postgres`. */
export async function runInPostgres(statement: string): Promise<void> {
  const client = new pg.Client(inject("postgresUrl"));
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
