import { randomUUID } from "node:crypto";

import pg from "pg";
import { inject } from "vitest";

/** One in the run's Postgres; `drop` also cuts off its remaining users. */
type TestDatabase = { readonly url: string; drop(): Promise<void> };

/** A new one with the gateway's tables, and nothing in them. */
export function createDatabase(): Promise<TestDatabase> {
  return createFrom("template1");
}

/** A new one as a gateway finds it that is the first. */
export function createEmptyDatabase(): Promise<TestDatabase> {
  return createFrom("template0");
}

async function createFrom(template: string): Promise<TestDatabase> {
  const name = `test_${randomUUID().replaceAll("-", "")}`;
  await runInPostgres(`create database ${name} template ${template}`);
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
export function runInPostgres(statement: string): Promise<void> {
  return runIn(inject("postgresUrl"), statement);
}

/** Runs a statement as the user of a URL. */
export async function runIn(url: string, statement: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
