import { type Kysely, type RawBuilder, sql } from "kysely";

import { codeOf } from "../../runtime/coded-error.ts";
import type { Semaphore } from "../../runtime/semaphore.ts";
import type { Tables } from "./tables.ts";

/** `bytes` is the size of the documents that are written, where there are any. */
export type Write = <T>(
  statements: (queries: Kysely<Tables>) => Promise<T>,
  bytes?: number,
) => Promise<T>;

/** An open database; its tables exist once `migrate` has run. */
export type Database = Dialect & {
  /** The one whose jobs this gateway follows, as `nameUpstream` names it. */
  readonly upstream: string;
  readonly queries: Kysely<Tables>;
  /** Does all of some statements or none. On SQLite they may run twice; nothing is left of the first time. */
  readonly write: Write;
  /** The same for one statement, which needs no transaction of its own. */
  readonly writeOne: Write;
  /** For writes that wait for a lock of their owner's: on Postgres they leave connections to all others. */
  readonly ownerWrites: Semaphore;
  /** For what owners ask for: on Postgres nobody's reads keep a write waiting for a connection. */
  readonly reads: Kysely<Tables>;
  /** Milliseconds of the clock for polls: on Postgres the database's, on SQLite the process's monotonic one. */
  readonly pollMs: RawBuilder<number>;
  /** For polls: on Postgres they never wait behind other queries for a connection, nor for the disk. */
  readonly pollQueries: Kysely<Tables>;
  /** Comes before what needs its outcome stored: rejects with a `DatabaseDiskError` while the disk or the file fails. */
  checkDisk(): Promise<void>;
  /** Rejects unless the database answers, and is still the one that was opened. */
  ping(): Promise<void>;
  /** Stops waiting for Postgres: unanswered and later statements fail. */
  hangUp(): void;
  close(): Promise<void>;
};

type DatabaseKind = "sqlite" | "postgres";

/** What a database says in words of its own. */
export type Dialect = {
  /** For migrations alone, which are frozen. */
  readonly kind: DatabaseKind;
  /** The type of ids and names: they sort by their bytes on both; Postgres would sort by the language of the machine. */
  readonly nameType: RawBuilder<unknown>;
  /** Milliseconds since 1970 by the database's clock, the only one that all gateways share. */
  readonly nowMs: RawBuilder<number>;
  /** A random number for each row. */
  readonly random: RawBuilder<unknown>;
  /** Whether several gateways share the database. */
  readonly isShared: boolean;
  /** Whether a query may return rows that it updates. */
  readonly updatesInQueries: boolean;
  /** Reads the secret of the feed's era, and which changes have been committed, as `xmin:xmax:xip,xip`. */
  readonly selectEra: RawBuilder<{ readonly secret: string; readonly snapshot: string }>;
  /** Ends a query for rows that are updated then: it passes over those that another gateway has locked. */
  readonly skipLocked: RawBuilder<unknown>;
  /** Where a row is, which holds for a statement. */
  readonly rowId: RawBuilder<unknown>;
  /** Whether a row is one of those of a query for their `rowId`s. */
  isRowOf(query: RawBuilder<unknown>): RawBuilder<unknown>;
  /** Whether the column `search` holds a text of at least three characters, both folded. */
  holdsText(text: string): RawBuilder<unknown>;
  /** Finds a row if there is a table of that name. */
  hasTable(name: string): RawBuilder<unknown>;
  /** A table of texts, which are one parameter; their column is `value`. */
  toTexts(texts: readonly string[]): RawBuilder<unknown>;
  /** A table of objects, which are one parameter, with a name and a column for each of these properties. */
  toRecords(
    name: string,
    types: Readonly<Record<string, "text" | "integer" | "bigint">>,
    records: readonly object[],
  ): RawBuilder<unknown>;
  /**
   * Why a deployment is paused, null where it isn't, for a statement of a transaction: no pause commits from then on until
   * the transaction ends.
   */
  readPause(upstreams: readonly string[], deploymentId: string): RawBuilder<string | null>;
  /** Makes a trigger that acts on each row after a change; a temporary one acts on SQLite for this process alone. */
  createTrigger(trigger: Trigger): readonly RawBuilder<unknown>[];
  /** Drops one that is not temporary. */
  dropTrigger(name: string): readonly RawBuilder<unknown>[];
  /** Keeps other gateways from locking the same name until the transaction ends. */
  lock(transaction: Kysely<Tables>, name: string): Promise<void>;
  /**
   * Keeps other gateways from using the database until the transaction ends; see `SHARE_DATABASE`. False where one does and
   * goes on for 3 s: the transaction can't go on then.
   */
  lockOutGateways(transaction: Kysely<Tables>): Promise<boolean>;
};

/** On Postgres, a gateway shares this lock for as long as the connection that does so lasts. */
const GATEWAYS = "hashtextextended('runcomfy-graphql:gateways:' || current_schema(), 0)";
export const SHARE_DATABASE = `select pg_advisory_lock_shared(${GATEWAYS})`;
const LOCK_TIMED_OUT = "55P03";

export type Trigger = {
  readonly name: string;
  /** Such as `delete on jobs`. */
  readonly after: RawBuilder<unknown>;
  readonly when?: RawBuilder<unknown>;
  /** Statements, the last one without a semicolon. */
  readonly act: RawBuilder<unknown>;
  readonly isTemporary?: boolean;
};

/**
 * What follows `limit`. SQLite's planner uses a bound number, and so compiles the statement again at each run,
 * which may take ten times as long as the run.
 */
export function atMost(count: number): RawBuilder<number> {
  return sql`${count} + 0`;
}

export const SQLITE: Dialect = {
  kind: "sqlite",
  nameType: sql`text`,
  nowMs: sql`cast(unixepoch('subsec') * 1000 as integer)`,
  random: sql`random()`,
  isShared: false,
  updatesInQueries: false,
  selectEra: sql`select era || '.' || key as secret, ':' || (value + 1) as snapshot
    from feed_eras, change_counter`,
  // Transactions take turns.
  skipLocked: sql``,
  rowId: sql`rowid`,
  isRowOf: (query) => sql`rowid in (${query})`,
  holdsText(text) {
    // `like` is ten times faster where the first letters are rare, and far slower for a long text that is nearly there
    // everywhere. An `and` would compute both.
    const start = Array.from(text).slice(0, 3).join("").replaceAll(/[!%_]/g, "!$&");
    return sql`case when search like ${`%${start}%`} escape '!' then instr(search, ${text}) > 0 end`;
  },
  hasTable: (name) => sql`select 1 from sqlite_master where name = ${name}`,
  toTexts: (texts) => sql`(select value from json_each(${JSON.stringify(texts)}))`,
  toRecords(name, types, records) {
    const columns = Object.keys(types).map(
      (column) => sql`value ->> ${sql.lit(column)} as ${sql.ref(column)}`,
    );
    return sql`(select ${sql.join(columns)} from json_each(${JSON.stringify(records)}))
      as ${sql.ref(name)}`;
  },
  readPause: (upstreams, deploymentId) =>
    sql`(select reason from paused_deployments
      where upstream in (${sql.join(upstreams)}) and deployment_id = ${deploymentId} limit 1)`,
  createTrigger: ({ name, after, when = sql`true`, act, isTemporary = false }) => [
    sql`create ${sql.raw(isTemporary ? "temp" : "")} trigger ${sql.raw(name)} after ${after}
      when ${when} begin ${act}; end`,
  ],
  dropTrigger: (name) => [sql`drop trigger ${sql.raw(name)}`],
  // There is no other gateway that could.
  lock: () => Promise.resolve(),
  lockOutGateways: () => Promise.resolve(true),
};

export const POSTGRES: Dialect = {
  kind: "postgres",
  nameType: sql`text collate "C"`,
  nowMs: sql`(extract(epoch from clock_timestamp()) * 1000)::bigint`,
  random: sql`random()`,
  isShared: true,
  updatesInQueries: true,
  selectEra: sql`select era || '.' || xmin::text || '.' || key as secret,
    pg_current_snapshot()::text as snapshot from feed_eras`,
  skipLocked: sql`for update skip locked`,
  rowId: sql`ctid`,
  // An array is made first, so that its rows are fetched by their places; a join may read the whole table.
  isRowOf: (query) => sql`ctid = any(array(${query}))`,
  holdsText: (text) => sql`strpos(search, ${text}) > 0`,
  hasTable: (name) => sql`select 1 where to_regclass(${name}) is not null`,
  toTexts: (texts) =>
    sql`(select json_array_elements_text(${JSON.stringify(texts)}::json) as value)`,
  toRecords(name, types, records) {
    const columns = Object.entries(types).map(
      ([column, type]) => sql`${sql.ref(column)} ${sql.raw(type)}`,
    );
    return sql`json_to_recordset(${JSON.stringify(records)}::json)
      as ${sql.ref(name)} (${sql.join(columns)})`;
  },
  readPause: (upstreams, deploymentId) =>
    sql`gateway_read_pause(array[${sql.join(upstreams)}]::text[], ${deploymentId})`,
  createTrigger: ({ name, after, when = sql`true`, act }) => [
    sql`create function gateway_${sql.raw(name)}() returns trigger language plpgsql as $$
      begin
        ${act};
        return null;
      end $$`,
    sql`create trigger ${sql.raw(name)} after ${after} for each row when (${when})
      execute function gateway_${sql.raw(name)}()`,
  ],
  dropTrigger: (name) => [sql`drop function gateway_${sql.raw(name)}() cascade`],
  async lock(transaction, name) {
    await sql`select pg_advisory_xact_lock(hashtextextended(${`runcomfy-graphql:${name}`}, 0))`.execute(
      transaction,
    );
  },
  async lockOutGateways(transaction) {
    // One that has just stopped may still be on its way out.
    await sql`set local lock_timeout = '3s'`.execute(transaction);
    try {
      await sql`select pg_advisory_xact_lock(${sql.raw(GATEWAYS)})`.execute(transaction);
      return true;
    } catch (error) {
      if (codeOf(error) === LOCK_TIMED_OUT) return false;
      throw error;
    }
  },
};
