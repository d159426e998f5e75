import pg from "pg";
import { pino } from "pino";
import { afterEach } from "vitest";

import type { JobStore } from "../../src/store/job-store.ts";
import { openStore } from "../../src/store/open-store.ts";
import { useDatabase } from "../support/postgres.ts";

const log = pino({ level: "silent" });

/** A database that each test of a `describe` finds empty, and the stores that share it; what is still open is closed after the test. */
export function useSharedPostgres() {
  const { url } = useDatabase();
  const stores: JobStore[] = [];

  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
  });

  return {
    url,

    async open(): Promise<JobStore> {
      const store = await openStore({ upstream: "sandbox", databaseUrl: url(), log });
      stores.push(store);
      return store;
    },

    /** As when it is stopped in an orderly way. */
    async close(store: JobStore): Promise<void> {
      stores.splice(stores.indexOf(store), 1);
      await store.close();
    },

    async query(statement: string): Promise<unknown[]> {
      const client = new pg.Client(url());
      await client.connect();
      try {
        return (await client.query<Record<string, unknown>>(statement)).rows;
      } finally {
        await client.end();
      }
    },
  };
}
