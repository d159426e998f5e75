import { closeSync, existsSync, mkdirSync, openSync, realpathSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { DatabaseSync, type SQLInputValue, type SQLOutputValue } from "node:sqlite";
import { compileFunction } from "node:vm";

import {
  CompiledQuery,
  type DatabaseConnection,
  Kysely,
  type QueryResult,
  sql,
  type SqliteDatabase,
  SqliteDialect,
  type SqliteDialectConfig,
  SqliteDriver,
  type SqliteStatement,
} from "kysely";
import { LRUCache } from "lru-cache";
import type { Logger } from "pino";

import { clock } from "../../runtime/environment.ts";
import type { Channels } from "../diagnostics/channels.ts";
import { codeOf, SetupError } from "../../runtime/coded-error.ts";
import { type Database, SQLITE } from "./database.ts";
import {
  createDiskWatch,
  DatabaseBusyError,
  DatabaseReplacedError,
  type DiskWatch,
  SQLITE_BUSY,
} from "./database-error.ts";
import { Semaphore } from "../../runtime/semaphore.ts";
import { createGroupCommit } from "./group-commit.ts";
import { migrate } from "./migrate.ts";
import type { PartTables } from "./migrations.ts";
import { createSqlitePolls } from "./polls.ts";
import type { Tables } from "./tables.ts";

const IN_MEMORY = ":memory:";

/** What the file of the newest changes shrinks to, once a backup that held it up has ended. */
const MAX_WAL_BYTES = 64 * 1_048_576;

/**
 * A migrated SQLite database: `:memory:`, or a file (and its folder) that is made where it does not exist and that no
 * other gateway can open meanwhile. Rejects with a `SetupError`.
 */
export async function openSqlite(
  path: string,
  options: {
    readonly upstream: string;
    readonly log: Logger;
    readonly parts?: readonly PartTables[];
    readonly channels?: Channels | undefined;
    /** Milliseconds of a clock that never goes back. */
    readonly monotonic?: () => number;
    /** Opens the file, or a database in memory. */
    readonly connectTo?: (file: string) => DatabaseSync;
  },
): Promise<Database> {
  try {
    const database = connect(path, options);
    try {
      await migrate(database, options.parts ?? [], options.log);
      for (const statement of createSqlitePolls(database))
        await statement.execute(database.queries);
      // The lock proves that the submitting process is gone.
      await sql`update jobs set submit_until = 0 where status = 'SUBMITTING'`.execute(
        database.queries,
      );
      return database;
    } catch (error) {
      await database.close();
      throw error;
    }
  } catch (error) {
    if (error instanceof SetupError) throw error;
    throw new SetupError(`${path} ${explain(error)}`, { cause: error });
  }
}

function connect(path: string, options: Parameters<typeof openSqlite>[1]): Database {
  const { log, upstream, channels, monotonic = clock.monotonic } = options;
  // Without a time-out of its own, in which the process would do nothing else.
  const { connectTo = (path) => new DatabaseSync(path, { timeout: 0 }) } = options;
  using rollback = new DisposableStack();
  const file = path === IN_MEMORY ? IN_MEMORY : findFile(resolve(path));
  if (file !== IN_MEMORY) rollback.defer(lockFile(file));
  const sqlite = connectTo(file);
  rollback.defer(() => sqlite.close());
  // FULL: what was promised to a caller survives a power loss, not only a crash.
  sqlite.exec(
    `pragma journal_mode = wal; pragma synchronous = full; pragma journal_size_limit = ${MAX_WAL_BYTES}`,
  );
  sqlite.exec("pragma temp_store = memory");
  sqlite.function("poll_ms", () => Math.floor(monotonic()));
  const identity = readIdentity(file);
  const opened = rollback.move();
  const disk = createDiskWatch({
    write: (statements) => writes.write(statements),
    monotonic,
    log,
  });
  const queries = new Kysely<Tables>({
    dialect: createSqliteDialect(sqlite, disk),
    log: (event) => channels?.sql.publish(event.query.sql),
  });
  const writes = createGroupCommit(queries);
  return {
    ...SQLITE,
    upstream,
    queries,
    ...writes,
    // They take turns anyway.
    ownerWrites: new Semaphore({ atOnce: Infinity, maxWaiting: 0 }),
    reads: queries,
    pollMs: sql`poll_ms()`,
    pollQueries: queries,
    checkDisk: disk.check,
    async ping() {
      await sql`select 1`.execute(queries);
      // SQLite itself goes on with what nobody will find again.
      if (readIdentity(file) !== identity) throw new DatabaseReplacedError();
      await disk.check();
    },
    hangUp: () => undefined,
    async close() {
      // Waits its turn, so that what is being written is finished first.
      await writes.write(async () => undefined).catch(() => undefined);
      await queries.connection().execute(async () => opened.dispose());
    },
  };
}

/**
 * Makes this process the only gateway of a SQLite file until it lets go or dies: the kernel ends the lock, so a `kill -9`
 * leaves none behind. It is held on `<path>-lock`, so that backups can read the main file. The lock file is never deleted:
 * that would race with a process about to take it. Returns a function that releases it.
 */
function lockFile(path: string): () => void {
  const lock = new DatabaseSync(`${path}-lock`, { timeout: 0 });
  try {
    lock.exec("begin exclusive");
  } catch (error) {
    lock.close();
    if (codeOf(error) !== SQLITE_BUSY) throw error;
    throw new SetupError(
      `Another gateway uses ${path}, and SQLite serves one at a time. Stop the other one, choose another file, or use Postgres (DATABASE_URL=postgres://…) to run several.`,
      { cause: error },
    );
  }
  return () => lock.close();
}

/** Which file it is, whatever its name; null for none. */
function readIdentity(file: string): number | null {
  return statSync(file, { throwIfNoEntry: false })?.ino ?? null;
}

/** The real path of the file, so that two names of one file meet at one lock; it is made where there is none. */
function findFile(path: string): string {
  // Prompts and pictures are nobody else's.
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // Only when it is missing: to close any handle of a file drops the locks that this process has on it.
  if (!existsSync(path)) closeSync(openSync(path, "a"));
  const file = realpathSync(path);
  if (!statSync(file).isFile()) {
    throw new SetupError(
      `${path} is a folder or a device, not a file. Name a file in DATABASE_URL, for example file:data/gateway.db.`,
    );
  }
  return file;
}

/** What is wrong, by the codes of the system (text) and of SQLite (the low byte of a number). */
function explain(error: unknown): string {
  const code: unknown = codeOf(error);
  const detail = error instanceof Error ? error.message : String(error);
  // SQLite has no code of its own for it, nor for much else.
  if (code === 1 && detail.endsWith("already exists"))
    return `holds another program's tables (${detail}). Name an empty file or a new one in DATABASE_URL.`;
  switch (code) {
    case "ENOTDIR":
    case "EEXIST":
      return "lies below a file, where no folder can be. Name another path in DATABASE_URL.";
    case "EACCES":
    case "EPERM":
    case "EROFS":
    case 3:
    case 8:
    case 14:
    case 23:
      return "can't be written. Let the gateway's user write to the file and its folder, or name another path in DATABASE_URL.";
    case "ENOSPC":
    case "EDQUOT":
    case 13:
      return "does not fit: the disk is full. Free some space, then start again; nothing that was stored is lost.";
    case 5:
    case 6:
      return "is held by another program. Close that program, then start again.";
    case 11:
      return "is damaged. Restore it from a backup, or name another path in DATABASE_URL.";
    case 26:
      return "is no SQLite database. Name another path in DATABASE_URL; the file was left as it is.";
    default:
      return "can't be opened. Check the path in DATABASE_URL and the disk it is on.";
  }
}

/** How long one statement waits for another program's lock, and the others behind it: longer than a commit takes. */
const PATIENCE_MS = 1_000;
const BETWEEN_TRIES_MS = 20;
const BEGIN = "begin immediate";
const MAX_PREPARED = 200;
/** Those of long lists of ids come in every length. */
const MAX_PREPARED_LENGTH = 4_000;

/**
 * Lets Kysely speak to Node's own SQLite. While another program holds the lock, a statement waits without blocking the
 * process, and then rejects with a `DatabaseBusyError`; the ones right after it do not wait. What the disk or the file
 * fails rejects with a `DatabaseDiskError`.
 */
function createSqliteDialect(sqlite: DatabaseSync, disk: DiskWatch): SqliteDialect {
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
  const names = statement.columns().map(({ name }) => name);
  const toRow = createToRow(names);
  // Node makes objects that are dictionaries: twice as slow to make and to read.
  statement.setReturnArrays(true);
  return {
    reader: names.length > 0,
    all: (parameters) => statement.all(...parameters.map(toInput)).map(toRow),
    run: (parameters) => statement.run(...parameters.map(toInput)),
    iterate: (parameters) => statement.iterate(...parameters.map(toInput)),
  };
}

type Row = Readonly<Record<string, SQLOutputValue>>;

/** Its code is written out for these columns: to set each by its name takes as long as the statement. */
function createToRow(names: readonly string[]) {
  const members = names.map((name, index) => `${JSON.stringify(name)}: values[${index}]`);
  const toRow = compileFunction(`return { ${members.join()} };`, ["values"]);
  return (values: unknown): Row => toRow(values);
}

function toInput(value: unknown): SQLInputValue {
  if (value === null || typeof value === "string" || typeof value === "number") return value;
  throw new TypeError(`a ${typeof value} can't be bound to an SQLite statement; convert it first`);
}
