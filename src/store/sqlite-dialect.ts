import type { DatabaseSync, SQLInputValue } from "node:sqlite";

import {
  CompiledQuery,
  type DatabaseConnection,
  type QueryResult,
  type SqliteDatabase,
  SqliteDialect,
  type SqliteDialectConfig,
  SqliteDriver,
  type SqliteStatement,
} from "kysely";
import { LRUCache } from "lru-cache";

import { codeOf } from "../runtime/coded-error.ts";
import { clock } from "../runtime/environment.ts";
import { DatabaseBusyError, SQLITE_BUSY } from "./database-error.ts";
import type { DiskWatch } from "./disk-watch.ts";

/** How long one statement waits for another program's lock, and the others behind it: longer than a commit takes. */
const PATIENCE_MS = 1_000;
const BETWEEN_TRIES_MS = 20;
const BEGIN = "begin immediate";
const MAX_PREPARED = 200;
/** Those of long lists of ids come in every length. */
const MAX_PREPARED_LENGTH = 4_000;

/**
 * Lets Kysely speak to Node's own SQLite. While another program holds the lock, a statement waits without blocking the
 * process, and then rejects with a `DatabaseBusyError`; the ones right after it do not wait. The database has to be
 * opened without a time-out of its own. What the disk or the file fails rejects with a `DatabaseDiskError`.
 */
export function createSqliteDialect(sqlite: DatabaseSync, disk: DiskWatch): SqliteDialect {
  const config: SqliteDialectConfig = {
    database: toKyselyDatabase(sqlite),
    onCreateConnection: async (connection) =>
      void Object.assign(connection, { executeQuery: waitForLock(connection, disk) }),
  };
  return Object.assign(new SqliteDialect(config), {
    createDriver: () => new ImmediateDriver(config),
  });
}

class ImmediateDriver extends SqliteDriver {
  /** A transaction that only reads at first could not wait for the lock later. */
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw(BEGIN));
  }
}

function waitForLock(connection: DatabaseConnection, disk: DiskWatch) {
  const execute = connection.executeQuery.bind(connection);
  let gaveUpAt = -Infinity;
  return async <Row>(query: CompiledQuery): Promise<QueryResult<Row>> => {
    const askedAt = clock.monotonic();
    // All share the connection: if each waited, the last one, and the reads behind it, would wait for the sum.
    const until = askedAt - gaveUpAt < PATIENCE_MS ? askedAt : askedAt + PATIENCE_MS;
    for (;;) {
      try {
        const result = await execute<Row>(query);
        // Whatever else succeeds may have needed no lock: a read, or a write to a table in memory.
        if (query.sql === BEGIN) gaveUpAt = -Infinity;
        return result;
      } catch (error) {
        if (codeOf(error) !== SQLITE_BUSY) throw disk.note(error);
        if (clock.monotonic() >= until) {
          gaveUpAt = clock.monotonic();
          throw new DatabaseBusyError({ cause: error });
        }
      }
      await clock.sleep(BETWEEN_TRIES_MS);
    }
  };
}

function toKyselyDatabase(database: DatabaseSync): SqliteDatabase {
  // To prepare a statement takes longer than to run most of them.
  const prepared = new LRUCache<string, SqliteStatement>({
    max: MAX_PREPARED,
    memoMethod: (sql) => toKyselyStatement(database, sql),
  });
  return {
    close: () => database.close(),
    prepare(sql) {
      // A full disk has rolled the transaction back already; a second rollback would fail and hide the reason.
      const isNothing = sql === "rollback" && !database.isTransaction;
      const text = isNothing ? "select 1 where false" : sql;
      return text.length > MAX_PREPARED_LENGTH
        ? toKyselyStatement(database, text)
        : prepared.memo(text);
    },
  };
}

function toKyselyStatement(database: DatabaseSync, sql: string): SqliteStatement {
  const statement = database.prepare(sql);
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...parameters.map(toInput)),
    run: (parameters) => statement.run(...parameters.map(toInput)),
    iterate: (parameters) => statement.iterate(...parameters.map(toInput)),
  };
}

function toInput(value: unknown): SQLInputValue {
  if (value === null || typeof value === "string" || typeof value === "number") return value;
  throw new TypeError(`a ${typeof value} can't be bound to an SQLite statement; convert it first`);
}
