import pg from "pg";
import { pino } from "pino";
import { afterEach, beforeEach } from "vitest";

import type { JobStore } from "../../src/store/job-store.ts";
import { openStore } from "../../src/store/open-store.ts";
import { createDatabase } from "../support/postgres.ts";

const log = pino({ level: "silent" });

/** A database for each test of a `describe`, and the stores that share it; what is still open is closed after the test. */
export function useSharedPostgres() {
  let database: Awaited<ReturnType<typeof createDatabase>>;
  const stores: JobStore[] = [];

  beforeEach(async () => {
    database = await createDatabase();
  });

  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
    await database.drop();
  });

  return {
    url: () => database.url,

    async open(leaseMs = 60_000): Promise<JobStore> {
      const store = await openStore({ databaseUrl: database.url, log, leaseMs });
      stores.push(store);
      return store;
    },

    /** As when it is stopped in an orderly way. */
    async close(store: JobStore): Promise<void> {
      stores.splice(stores.indexOf(store), 1);
      await store.close();
    },

    async query(statement: string): Promise<unknown[]> {
      const client = new pg.Client(database.url);
      await client.connect();
      try {
        return (await client.query<Record<string, unknown>>(statement)).rows;
      } finally {
        await client.end();
      }
    },
  };
}
