import { type Kysely, sql } from "kysely";
import type { Logger } from "pino";

import { SetupError } from "../../runtime/coded-error.ts";
import type { Database } from "./database.ts";
import { MIGRATIONS, type PartTables } from "./migrations.ts";
import { changeTriggers } from "./part-triggers.ts";
import type { Tables } from "./tables.ts";

/** In place of a part's name. */
const ENGINE = "engine";

/**
 * Brings the tables of the engine and of these parts up to date, with their triggers, wholly or not at all. Gateways that
 * start at the same time wait for each other. Tables of a newer version are used as they are, with a warning, unless its
 * changes are breaking. Rejects with a `SetupError`.
 */
export async function migrate(
  database: Database,
  parts: readonly PartTables[],
  log: Pick<Logger, "warn">,
): Promise<void> {
  const { nowMs, queries } = database;
  const all = [{ name: ENGINE, migrations: MIGRATIONS }, ...parts];
  await queries.transaction().execute(async (transaction) => {
    await database.lock(transaction, "schema");
    const known = await readVersions(transaction, database, all, log);
    for (const { name: part, migrations } of all) {
      for (const { version, isBreaking, statements } of migrations) {
        if (version <= (known.get(part) ?? 0)) continue;
        for (const statement of statements(database)) await statement.execute(transaction);
        const breaking = Number(isBreaking);
        await transaction
          .insertInto("gateway_schema")
          .values({ part, version, breaking, applied_at: nowMs })
          .execute();
      }
    }
    await changeTriggers(transaction, database, parts);
  });
}

/** By the names of parts; empty for an empty database, which gets the table of versions. */
async function readVersions(
  transaction: Kysely<Tables>,
  { hasTable, isShared, nameType }: Database,
  parts: readonly PartTables[],
  log: Pick<Logger, "warn">,
): Promise<ReadonlyMap<string, number>> {
  if ((await hasTable("gateway_schema").execute(transaction)).rows.length === 0) {
    await sql`create table gateway_schema (
      part ${nameType} not null,
      version integer not null,
      breaking integer not null,
      applied_at bigint not null,
      primary key (part, version)
    )`.execute(transaction);
    return new Map();
  }
  const rows = await transaction.selectFrom("gateway_schema").selectAll().execute();
  // Before the first release, rows named no part.
  if (rows.every(({ part }) => part !== ENGINE)) {
    throw new SetupError(
      `The tables were made by a version of this gateway from before the first release, and this one can't read them. Let its jobs end with that version, then ${isShared ? "point DATABASE_URL at another database" : "move the file away"}: its jobs and keys are not carried over.`,
    );
  }
  const newest = new Map(parts.map(({ name, migrations }) => [name, migrations.at(-1)?.version]));
  const newer = rows.filter(({ part, version }) => version > (newest.get(part) ?? version));
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
  const versions = Map.groupBy(rows, ({ part }) => part);
  return new Map(
    [...versions].map(([part, of]) => [part, Math.max(...of.map(({ version }) => version))]),
  );
}
