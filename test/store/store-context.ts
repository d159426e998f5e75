import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { sql } from "kysely";
import pg from "pg";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";

import type { Channels } from "../../src/engine/diagnostics/channels.ts";
import type { Database } from "../../src/engine/store/database.ts";
import { createJobStore, type JobStore } from "../../src/engine/store/job-store.ts";
import { openPostgres } from "../../src/engine/store/open-postgres.ts";
import { openSqlite } from "../../src/engine/store/open-sqlite.ts";
import { WakeUps } from "../../src/engine/store/wake-ups.ts";
import { collectStatements } from "../support/collect-statements.ts";
import { PART_TABLES } from "../support/part-tables.ts";
import { createDatabase, runIn } from "../support/postgres.ts";
import { type Context, EMPTY } from "./store-jobs.ts";

const QUIET = { upstream: "sandbox", log: pino({ level: "silent" }), parts: PART_TABLES };

type Server = {
  open(): Promise<Database>;
  execute(sql: string): Promise<void>;
  pass(ms: number): Promise<void>;
};

/** A store on SQLite; `empty` deletes what tests write besides jobs. */
export function useSqlite(empty?: string): Context {
  const clock = { ms: 0 };
  const folders: string[] = [];
  afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

  return useStore(async (channels) => {
    const folder = await mkdtemp(join(tmpdir(), "runcomfy-graphql-"));
    folders.push(folder);
    let run: (statement: string) => Promise<unknown>;
    return {
      async open() {
        const options = { ...QUIET, channels, monotonic: () => clock.ms };
        const database = await openSqlite(join(folder, "jobs.db"), options);
        run = (statement) => sql.raw(statement).execute(database.queries);
        return database;
      },
      async execute(statements) {
        for (const statement of statements.split(";")) await run(statement);
      },
      async pass(ms) {
        clock.ms += ms;
      },
    };
  }, empty);
}

/** Found before Postgres' own: the clock of polls, which stands still unless a test moves it. */
const CLOCK = `
  create schema clock;
  create table clock.clock (now timestamptz not null);
  insert into clock.clock values ('2026-01-02');
  create function clock.statement_timestamp() returns timestamptz stable language sql
    as $$ select now from clock.clock $$;
  do $$ begin
    execute format('alter database %I set search_path = clock, pg_catalog, public', current_database());
  end $$`;

/** The same on Postgres. */
export function usePostgres(empty?: string): Context {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let client: pg.Client;

  beforeAll(async () => {
    database = await createDatabase();
    await runIn(database.url, CLOCK);
    client = new pg.Client(database.url);
    await client.connect();
  });
  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  const execute = async (statements: string) => void (await client.query(statements));
  return useStore(
    async (channels) => ({
      open: () => openPostgres(database.url, { ...QUIET, channels }),
      execute,
      pass: (ms) => execute(`update clock.clock set now = now + interval '${ms} milliseconds'`),
    }),
    empty,
  );
}

/** A store that the tests share, from whose tables each finds nothing of the others. */
export function useStore(
  start: (channels: Channels) => Promise<Server>,
  empty: string = "",
): Context {
  const { channels, statements } = collectStatements();
  let server: Server;
  let database: Database;
  let store: JobStore;
  let isRestarted = true;

  const toStore = (upstream: string) =>
    createJobStore({ database: { ...database, upstream }, changes: new WakeUps(), channels });

  async function open(): Promise<void> {
    database = await server.open();
    store = toStore("sandbox");
  }

  beforeAll(async () => {
    server = await start(channels);
  });
  beforeEach(async () => {
    if (isRestarted) await open();
    isRestarted = false;
    statements.length = 0;
  });
  afterEach(async () => {
    await server.execute(empty === "" ? EMPTY : `${EMPTY}; ${empty}`);
    if (isRestarted) await store.close();
  });
  afterAll(async () => {
    if (!isRestarted) await store.close();
  });

  return {
    store: () => store,
    channels,
    statements,
    execute: (all) => server.execute(all),
    async count(table) {
      const counted = sql<{
        readonly count: number;
      }>`select count(*) as count from ${sql.table(table)}`;
      const { rows } = await counted.execute(database.queries);
      return Number(rows[0]?.count);
    },
    pass: (ms) => server.pass(ms),
    as: toStore,
    async restart() {
      await store.close();
      isRestarted = true;
      await open();
    },
  };
}
