import { type Kysely, sql } from "kysely";
import type { Logger } from "pino";

import { SetupError } from "../../runtime/coded-error.ts";
import type { Database } from "./database.ts";
import { MIGRATIONS } from "./migrations.ts";
import type { Tables } from "./tables.ts";

const OLDEST = Math.min(...MIGRATIONS.map(({ version }) => version));
const NEWEST = Math.max(...MIGRATIONS.map(({ version }) => version));

/**
 * Brings the tables up to date, wholly or not at all. Gateways that start at once wait for each other. Tables of a newer
 * program are used as they are, with a warning, unless it says that this one can't. Rejects with a `SetupError`.
 */
export async function migrate(database: Database, log: Pick<Logger, "warn">): Promise<void> {
  const { nowMs, queries } = database;
  await queries.transaction().execute(async (transaction) => {
    await database.lock(transaction, "schema");
    const known = await readVersion(transaction, database, log);
    for (const { version, isBreaking, statements } of MIGRATIONS) {
      if (version <= known) continue;
      for (const statement of statements(database)) await statement.execute(transaction);
      const breaking = Number(isBreaking);
      await transaction
        .insertInto("gateway_schema")
        .values({ version, breaking, applied_at: nowMs })
        .execute();
    }
  });
}

/** 0 for an empty database, which gets the table of versions. */
async function readVersion(
  transaction: Kysely<Tables>,
  { hasTable, isShared }: Database,
  log: Pick<Logger, "warn">,
): Promise<number> {
  if ((await hasTable("gateway_schema").execute(transaction)).rows.length === 0) {
    await sql`create table gateway_schema (
      version integer primary key,
      breaking integer not null,
      applied_at bigint not null
    )`.execute(transaction);
    return 0;
  }
  const rows = await transaction.selectFrom("gateway_schema").selectAll().execute();
  const known = Math.max(0, ...rows.map(({ version }) => version));
  if (known < OLDEST) {
    throw new SetupError(
      `The tables were made by a version of this gateway from before the first release, and this one can't read them. Let its jobs end with that version, then ${isShared ? "point DATABASE_URL at another database" : "move the file away"}: its jobs and keys are not carried over.`,
    );
  }
  const newer = rows.filter(({ version }) => version > NEWEST);
  if (newer.some(({ breaking }) => breaking === 1)) {
    throw new SetupError(
      "A newer version of this gateway has changed the tables in a way that this one can't work with. Start that version, or point DATABASE_URL at another database.",
    );
  }
  if (newer.length > 0) {
    log.warn(
      "A newer version of this gateway has changed the tables in ways that this one can live with. Upgrade this gateway soon.",
    );
  }
  return known;
}
