import { type Kysely, sql } from "kysely";
import { type Migration, Migrator } from "kysely/migration";

import type { Database, DatabaseKind } from "./database.ts";
import { StoreError } from "./store-error.ts";

/**
 * Brings the tables up to date, each migration whole or not at all. Processes that start at once wait for each other.
 * Rejects with a `StoreError` when the database belongs to a newer program.
 */
export async function migrate(database: Database): Promise<void> {
  const migrations = createMigrations(database.kind);
  const migrator = new Migrator({
    db: database.queries,
    provider: { getMigrations: () => Promise.resolve(migrations) },
    // Names of our own: another program's Kysely may live in the same Postgres.
    migrationTableName: "gateway_migrations",
    migrationLockTableName: "gateway_migrations_lock",
  });
  const { error } = await migrator.migrateToLatest();
  if (error === undefined) return;
  if (error instanceof Error && error.message.includes("previously executed migration")) {
    throw new StoreError(
      "The database was written by a newer version of this gateway. Start that version, or point DATABASE_URL at another database.",
      { cause: error },
    );
  }
  throw error;
}

/** Only ever added to: a migration that has run somewhere is never edited. */
function createMigrations(kind: DatabaseKind): Record<string, Migration> {
  // Byte order on both databases; Postgres would sort by the language of the machine.
  const name = kind === "postgres" ? sql`text collate "C"` : "text";
  return {
    "0001-jobs": {
      async up(db: Kysely<unknown>) {
        await db.schema
          .createTable("jobs")
          .addColumn("id", name, (column) => column.primaryKey())
          .addColumn("deployment_id", name, (column) => column.notNull())
          .addColumn("request_id", "text")
          .addColumn("api_version", "text", (column) => column.notNull())
          .addColumn("status", name, (column) => column.notNull())
          .addColumn("queue_position", "bigint")
          .addColumn("error_code", "text")
          .addColumn("error_message", "text")
          .addColumn("error_retryable", "integer")
          .addColumn("version", "integer", (column) => column.notNull())
          .addColumn("created_at", "bigint", (column) => column.notNull())
          .addColumn("started_at", "bigint")
          .addColumn("finished_at", "bigint")
          .addColumn("updated_at", "bigint", (column) => column.notNull())
          .addColumn("idempotency_key", name, (column) => column.unique())
          .addColumn("fingerprint", "text")
          .addColumn("owner", name)
          // The large ones last: SQLite reads a row up to the last column that is asked for.
          .addColumn("input", "text", (column) => column.notNull())
          .addColumn("output", "text")
          .execute();
        // Read backwards for "newest first"; new jobs go to the end of an index, which is where appending is cheap.
        await db.schema
          .createIndex("jobs_by_age")
          .on("jobs")
          .columns(["created_at", "id"])
          .execute();
        await db.schema
          .createIndex("jobs_by_deployment")
          .on("jobs")
          .columns(["deployment_id", "created_at", "id"])
          .execute();
        await db.schema
          .createIndex("jobs_by_status")
          .on("jobs")
          .columns(["status", "created_at", "id"])
          .execute();
        await db.schema
          .createTable("job_events")
          .addColumn("job_id", name, (column) =>
            column.notNull().references("jobs.id").onDelete("cascade"),
          )
          .addColumn("version", "integer", (column) => column.notNull())
          .addColumn("status", "text", (column) => column.notNull())
          .addColumn("queue_position", "bigint")
          .addColumn("at", "bigint", (column) => column.notNull())
          .addPrimaryKeyConstraint("job_events_key", ["job_id", "version"])
          .execute();
        await db.schema
          .createTable("gateways")
          .addColumn("id", name, (column) => column.primaryKey())
          .addColumn("lease_until", "bigint", (column) => column.notNull())
          .execute();
      },
    },
    "0002-feed": {
      // The previous version goes on working meanwhile: what is new has a default or is null, and triggers number its
      // writes too.
      async up(db: Kysely<unknown>) {
        await db.schema
          .createTable("pauses")
          .addColumn("id", name, (column) => column.primaryKey())
          .addColumn("noted_at", "bigint", (column) => column.notNull())
          .addColumn("paused_until", "bigint", (column) => column.notNull())
          .execute();
        await db.schema
          .createTable("spent_keys")
          .addColumn("key", name, (column) => column.primaryKey())
          .addColumn("job_id", "text", (column) => column.notNull())
          .addColumn("until", "bigint", (column) => column.notNull())
          .execute();
        await db.schema.createIndex("spent_keys_by_end").on("spent_keys").column("until").execute();
        // Unlogged on Postgres on purpose: it has to be empty after a crash.
        await sql`create ${kind === "postgres" ? sql`unlogged` : sql``} table feed_eras
          (number integer primary key, era text not null)`.execute(db);
        // The table that others use comes last, so that they wait as short as can be. Who can't have it soon gives up:
        // behind a lock that is waited for, all others would wait too.
        if (kind === "postgres") await sql`set local lock_timeout = '5s'`.execute(db);
        for (const [column, type] of NEW_JOB_COLUMNS) {
          await sql`alter table jobs add column ${sql.id(column)} ${type}`.execute(db);
        }
        // Without the rows from before, so that it is made at once however many those are.
        await sql`create index jobs_by_change on jobs (changed, id) where changed > 0`.execute(db);
        const triggers = kind === "postgres" ? POSTGRES_CHANGE_TRIGGERS : SQLITE_CHANGE_TRIGGERS;
        for (const statement of triggers) await statement.execute(db);
      },
    },
    "0003-sharing": {
      // Null where the previous version writes the row, and then it says that nothing is known.
      async up(db: Kysely<unknown>) {
        if (kind === "postgres") await sql`set local lock_timeout = '5s'`.execute(db);
        for (const column of ["shares_from", "answered_at"]) {
          await sql`alter table gateways add column ${sql.id(column)} bigint`.execute(db);
        }
      },
    },
  };
}

const NEW_JOB_COLUMNS = [
  ["changed", sql`bigint not null default 0`],
  ["submit_until", sql`bigint`],
  ["late_request_id", sql`text`],
] as const;

const POSTGRES_CHANGE_TRIGGERS = [
  sql`create function gateway_number_change() returns trigger language plpgsql as $$
    begin
      new.changed := pg_current_xact_id()::text::bigint;
      return new;
    end $$`,
  sql`create trigger jobs_number_insert before insert on jobs
    for each row execute function gateway_number_change()`,
  sql`create trigger jobs_number_update before update of version on jobs
    for each row when (old.version is distinct from new.version)
    execute function gateway_number_change()`,
];

const SQLITE_CHANGE_TRIGGERS = [
  sql`create table change_counter (id integer primary key, value integer not null)`,
  sql`insert into change_counter (id, value) values (1, 0)`,
  sql`create trigger jobs_number_insert after insert on jobs begin
    update change_counter set value = value + 1;
    update jobs set changed = (select value from change_counter) where id = new.id;
  end`,
  sql`create trigger jobs_number_update after update of version on jobs
  when old.version is not new.version begin
    update change_counter set value = value + 1;
    update jobs set changed = (select value from change_counter) where id = new.id;
  end`,
];
