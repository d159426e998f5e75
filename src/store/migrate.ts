import { type Kysely, sql } from "kysely";
import type { Logger } from "pino";

import type { Database, DatabaseKind } from "./database.ts";
import { databaseNowMs } from "./database-clock.ts";
import { MIGRATIONS } from "./migrations.ts";
import { StoreError } from "./store-error.ts";
import type { Tables } from "./tables.ts";

/**
 * Brings the tables up to date, wholly or not at all. Gateways that start at once wait for each other. Tables that a
 * newer program made are used as they are, with a warning, unless it says that this one can't. Rejects with a
 * `StoreError`.
 */
export async function migrate(
  { kind, queries }: Pick<Database, "kind" | "queries">,
  log: Pick<Logger, "warn">,
): Promise<void> {
  await queries.transaction().execute(async (transaction) => {
    if (kind === "postgres") {
      const lock = sql`hashtextextended('runcomfy-graphql:schema', 0)`;
      await sql`select pg_advisory_xact_lock(${lock})`.execute(transaction);
    }
    if (await hasTable(transaction, kind, "gateway_migrations")) throw unreleased();
    const isNew = !(await hasTable(transaction, kind, "gateway_schema"));
    const known = isNew ? 0 : await readVersion(transaction, log);
    if (isNew) await createSchemaTable(transaction);
    for (const [index, migration] of MIGRATIONS.entries()) {
      const version = index + 1;
      if (version <= known) continue;
      for (const statement of migration.statements(kind)) await statement.execute(transaction);
      const breaking = Number(migration.isBreaking);
      await transaction
        .insertInto("gateway_schema")
        .values({ version, breaking, applied_at: databaseNowMs(kind) })
        .execute();
    }
  });
}

async function readVersion(
  transaction: Kysely<Tables>,
  log: Pick<Logger, "warn">,
): Promise<number> {
  const rows = await transaction.selectFrom("gateway_schema").selectAll().execute();
  const newer = rows.filter(({ version }) => version > MIGRATIONS.length);
  if (newer.some(({ breaking }) => breaking === 1)) throw tooNew();
  if (newer.length > 0) {
    log.warn(
      "A newer version of this gateway has changed the tables, in ways that this one can live with. Bring it up to date soon.",
    );
  }
  return Math.max(0, ...rows.map(({ version }) => version));
}

async function createSchemaTable(transaction: Kysely<Tables>): Promise<void> {
  await sql`create table gateway_schema (
    version integer primary key,
    breaking integer not null,
    applied_at bigint not null
  )`.execute(transaction);
}

async function hasTable(
  transaction: Kysely<Tables>,
  kind: DatabaseKind,
  name: string,
): Promise<boolean> {
  const found =
    kind === "postgres"
      ? sql`select 1 where to_regclass(${name}) is not null`
      : sql`select 1 from sqlite_master where type = 'table' and name = ${name}`;
  return (await found.execute(transaction)).rows.length > 0;
}

function unreleased(): StoreError {
  return new StoreError(
    "The database was made by a version of this gateway from before its first release, and can't be read any more. Delete the database file (with the files beside it that begin with its name) or empty the Postgres database, or point DATABASE_URL at another one.",
  );
}

function tooNew(): StoreError {
  return new StoreError(
    "A newer version of this gateway has changed the tables in a way that this one can't work with. Start that version, or point DATABASE_URL at another database.",
  );
}
