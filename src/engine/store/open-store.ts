import type { Logger } from "pino";

import type { Channels } from "../diagnostics/channels.ts";
import { createChannels } from "../diagnostics/channels.ts";
import { SetupError } from "../../runtime/coded-error.ts";
import type { Database } from "./database.ts";
import { createJobStore, type JobStore } from "./job-store.ts";
import type { PartTables } from "./migrations.ts";
import { openSqlite } from "./open-sqlite.ts";
import { checkTriggers } from "./part-triggers.ts";
import { startWakeUps, WakeUps } from "./wake-ups.ts";

export type StoreOptions = {
  /** `file:<path>` (relative to the working directory), `:memory:`, or `postgres://…`. */
  readonly databaseUrl: string;
  /** The one whose jobs are to be followed, as `nameUpstream` names it. */
  readonly upstream: string;
  readonly log: Logger;
  /** The tables of the parts that are on; none by default. */
  readonly parts?: readonly PartTables[];
  /** How often the connection for other gateways' notifications has to answer; 5 s by default. */
  readonly heartbeatMs?: number;
  readonly channels?: Channels;
  /** On SQLite: milliseconds of the clock by which polls are due, which never goes back. */
  readonly monotonic?: () => number;
};

/** Opens the database, and brings its tables up to date. Rejects with a `SetupError`. */
export async function openStore(options: StoreOptions): Promise<JobStore> {
  const { channels = createChannels() } = options;
  const database = await openDatabase({ ...options, channels });
  try {
    const changes = database.isShared
      ? await startWakeUps({
          databaseUrl: options.databaseUrl,
          queries: database.queries,
          heartbeatMs: options.heartbeatMs ?? 5_000,
          checkShared: () => checkTriggers(database, options.parts ?? []),
          log: options.log,
        })
      : new WakeUps();
    return createJobStore({ database, changes, channels });
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
  if (/^postgres(ql)?:\/\//.test(databaseUrl)) {
    // Loaded only where it is wanted.
    const { openPostgres } = await import("./open-postgres.ts");
    return await openPostgres(databaseUrl, options);
  }
  throw new SetupError(
    "DATABASE_URL names no database that is known here. Write file:<path>, :memory: or postgres://user:password@host:5432/database.",
  );
}
