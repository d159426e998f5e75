import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";

import pg from "pg";

import { startPostgres } from "../test/support/postgres-server.ts";

/** A Postgres of its own that counts statements. As the tests' one it waits for no disk. */
export type BenchPostgres = {
  /** Makes an empty database and resolves with its URL. */
  createDatabase(): Promise<string>;
  /** How many statements a database was sent so far, each `begin` and `commit` included; not those of `whenIdle`. */
  countStatements(databaseUrl: string): Promise<number>;
  /** Resolves when a gateway's database has no unfinished job left. */
  whenIdle(databaseUrl: string): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

const POLL_MS = 100;
const PATIENCE_MS = 30_000;

/** Starts one. */
export async function startBenchPostgres(): Promise<BenchPostgres> {
  await using opened = new AsyncDisposableStack();
  const server = opened.adopt(await startPostgres(), (one) => one.stop());
  // It can only be loaded at a start.
  await run(server.url, "alter system set shared_preload_libraries = pg_stat_statements");
  await server.restart();
  await run(server.url, "create extension pg_stat_statements");
  const resources = opened.move();
  return {
    async createDatabase() {
      const name = `bench_${randomUUID().replaceAll("-", "")}`;
      await run(server.url, `create database ${name}`);
      const url = new URL(server.url);
      url.pathname = `/${name}`;
      return url.href;
    },
    countStatements: (databaseUrl) =>
      readCount(
        server.url,
        `select sum(calls)::int as count from pg_stat_statements join pg_database on oid = dbid
         where '/' || datname = $1 and query not like '%unfinished_by_bench%'`,
        [new URL(databaseUrl).pathname],
      ),
    async whenIdle(databaseUrl) {
      const query =
        "select unfinished_by_bench as count from (select count(*)::int as unfinished_by_bench from jobs where finished_at is null)";
      const deadline = performance.now() + PATIENCE_MS;
      while ((await readCount(databaseUrl, query, [])) > 0) {
        if (performance.now() > deadline)
          throw new Error(`Jobs did not end in ${PATIENCE_MS} ms. Run it on a quieter machine.`);
        await delay(POLL_MS);
      }
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

async function run(url: string, statement: string): Promise<void> {
  await readRows(url, statement, []);
}

async function readCount(url: string, query: string, values: readonly string[]): Promise<number> {
  const [row] = await readRows(url, query, values);
  return row?.count ?? 0;
}

async function readRows(
  url: string,
  query: string,
  values: readonly string[],
): Promise<readonly { count: number | null }[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query<{ count: number | null }>(query, [...values])).rows;
  } finally {
    await client.end();
  }
}
