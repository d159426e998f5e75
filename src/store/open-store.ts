import type { Logger } from "pino";

import { createJobStore } from "./create-job-store.ts";
import type { Database } from "./database.ts";
import type { JobStore } from "./job-store.ts";
import { openPostgres } from "./open-postgres.ts";
import { openSqlite } from "./open-sqlite.ts";
import { startOwnership } from "./ownership.ts";
import { StoreError } from "./database-error.ts";
import { createLocalWakeUps, startWakeUps } from "./wake-ups.ts";

export type StoreOptions = {
  /** `file:<path>` (relative to the working directory), `:memory:`, or `postgres://…`. */
  readonly databaseUrl: string;
  readonly log: Logger;
  /** How long a gateway on Postgres counts as living after its last renewal; 6 s by default. */
  readonly leaseMs?: number;
  /** How often the connection that hears of other gateways' changes has to answer; 5 s by default. */
  readonly heartbeatMs?: number;
  /** Hears of each SQL statement. */
  readonly onStatement?: (sql: string) => void;
};

/** Opens the database, brings its tables up to date and takes the first lease. Rejects with a `StoreError`. */
export async function openStore(options: StoreOptions): Promise<JobStore> {
  const database = await openDatabase(options);
  try {
    const ownership = await startOwnership(database, options.leaseMs ?? 6_000);
    const changes =
      database.kind === "postgres"
        ? await startWakeUps({
            databaseUrl: options.databaseUrl,
            queries: database.queries,
            gatewayId: ownership.gatewayId,
            heartbeatMs: options.heartbeatMs ?? 5_000,
            log: options.log,
          })
        : createLocalWakeUps();
    return createJobStore({ database, ownership, changes });
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function openDatabase(options: StoreOptions): Promise<Database> {
  const { databaseUrl } = options;
  if (databaseUrl === ":memory:") return await openSqlite(databaseUrl, options);
  if (/^file:./.test(databaseUrl))
    return await openSqlite(databaseUrl.slice("file:".length), options);
  if (/^postgres(ql)?:\/\//.test(databaseUrl)) return await openPostgres(databaseUrl, options);
  throw new StoreError(
    "DATABASE_URL names no database that is known here. Write file:<path>, :memory: or postgres://user:password@host:5432/database.",
  );
}
