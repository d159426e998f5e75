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

/**
 * Only ever added to: a migration that has run somewhere is never edited but to leave an index to `build-indexes.ts`,
 * which asks what is there.
 */
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
        if (kind === "sqlite")
          await sql`create index jobs_by_change on jobs (changed, id) where changed > 0`.execute(
            db,
          );
        const triggers = kind === "postgres" ? POSTGRES_CHANGE_TRIGGERS : SQLITE_CHANGE_TRIGGERS;
        for (const statement of triggers) await statement.execute(db);
      },
    },
    "0003-sharing": {
      // Null where the previous version writes the row, and then it says that nothing is known.
      async up(db: Kysely<unknown>) {
        if (kind === "postgres") {
          await sql`set local lock_timeout = '5s'`.execute(db);
          // In the order of every statement that names both; what follows in this transaction needs it too.
          await sql`lock table jobs in access exclusive mode`.execute(db);
        }
        for (const column of ["shares_from", "answered_at"]) {
          await sql`alter table gateways add column ${sql.id(column)} bigint`.execute(db);
        }
      },
    },
    "0004-owners": {
      // The previous version's jobs, written before or meanwhile, are all of one owner.
      async up(db: Kysely<unknown>) {
        // As rate-limiter-flexible has it.
        await db.schema
          .createTable("rates")
          .addColumn("key", "varchar(255)", (column) => column.primaryKey())
          .addColumn("points", "integer", (column) => column.notNull().defaultTo(0))
          .addColumn("expire", "bigint")
          .execute();
        if (kind === "postgres") await sql`set local lock_timeout = '5s'`.execute(db);
        // The database makes the key up, also for an era that the previous version begins.
        for (const statement of kind === "postgres" ? POSTGRES_ERA_KEY : SQLITE_ERA_KEY) {
          await statement.execute(db);
        }
        await sql`alter table jobs add column job_owner ${kind === "postgres" ? name : sql`text`}
          not null default 'local'`.execute(db);
        if (kind === "sqlite") await indexOwners(db);
      },
    },
  };
}

type Index = {
  readonly name: string;
  readonly columns: readonly string[];
  readonly where?: string | undefined;
};

/** The indexes that jobs are listed along. */
const LIST_INDEXES: readonly Index[] = [
  { name: "jobs_by_age", columns: ["created_at", "id"] },
  { name: "jobs_by_deployment", columns: ["deployment_id", "created_at", "id"] },
  { name: "jobs_by_status", columns: ["status", "created_at", "id"] },
  { name: "jobs_by_change", columns: ["changed", "id"], where: "changed > 0" },
];

/**
 * As `build-indexes.ts` does on Postgres. And the indexes from before take the owner in: a new column stands behind the
 * documents, and to get there SQLite reads through all of them, 100 times as long for a page of jobs with 1 MB each. It
 * takes it from the index instead where that has it.
 */
async function indexOwners(db: Kysely<unknown>): Promise<void> {
  for (const { name, columns, where } of LIST_INDEXES) {
    await db.schema.dropIndex(name).ifExists().execute();
    await createIndex(db, { name, columns: [...columns, "job_owner"], where });
    const ownName = name.replace("jobs_by", "jobs_by_owner_and");
    await createIndex(db, { name: ownName, columns: ["job_owner", ...columns], where });
  }
}

async function createIndex(db: Kysely<unknown>, { name, columns, where }: Index): Promise<void> {
  const rows = where === undefined ? sql`` : sql`where ${sql.raw(where)}`;
  const places = sql.join(columns.map((column) => sql.id(column)));
  await sql`create index ${sql.id(name)} on jobs (${places}) ${rows}`.execute(db);
}

const NEW_JOB_COLUMNS = [
  ["changed", sql`bigint not null default 0`],
  ["submit_until", sql`bigint`],
  ["late_request_id", sql`text`],
] as const;

const POSTGRES_ERA_KEY = [
  sql`alter table feed_eras
    add column key text not null default gen_random_uuid()::text || gen_random_uuid()::text`,
];

/** SQLite can't add a column whose default is made up; and no other gateway uses the table meanwhile. */
const SQLITE_ERA_KEY = [
  sql`drop table feed_eras`,
  sql`create table feed_eras (number integer primary key, era text not null,
    key text not null default (lower(hex(randomblob(32)))))`,
];

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
