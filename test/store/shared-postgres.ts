import pg from "pg";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll } from "vitest";

import type { JobStore } from "../../src/engine/store/job-store.ts";
import { openStore, type StoreOptions } from "../../src/engine/store/open-store.ts";
import { createDatabase } from "../support/postgres.ts";
import { EMPTY } from "./store-jobs.ts";
import { PART_TABLES } from "../support/part-tables.ts";

/** A database that each test of a `describe` finds empty. What shares it is closed after the test, the last first. */
export function useSharedPostgres() {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let client: pg.Client;
  const opened: { close(): Promise<unknown> }[] = [];

  beforeAll(async () => {
    database = await createDatabase();
    client = new pg.Client(database.url);
    await client.connect();
  });
  afterEach(async () => {
    for (const one of opened.splice(0).toReversed())
      await one.close().catch(() => "already closed");
    await client.query(EMPTY);
  });
  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  return {
    url: () => database.url,

    use<One extends { close(): Promise<unknown> }>(one: One): One {
      opened.push(one);
      return one;
    },

    async open(options: Partial<StoreOptions> = {}): Promise<JobStore> {
      const log = pino({ level: "silent" });
      const store = await openStore({
        upstream: "sandbox",
        databaseUrl: database.url,
        parts: PART_TABLES,
        log,
        ...options,
      });
      opened.push(store);
      return store;
    },

    /** A connection of its own. */
    async connect(): Promise<pg.Client> {
      const own = new pg.Client(database.url);
      opened.push({ close: () => own.end() });
      await own.connect();
      return own;
    },

    async query(statement: string): Promise<unknown[]> {
      return (await client.query<Record<string, unknown>>(statement)).rows;
    },
  };
}
