import { Socket } from "node:net";

import { Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";
import type { Logger } from "pino";

import { clock } from "../../runtime/environment.ts";
import type { Channels } from "../diagnostics/channels.ts";
import { codeOf, SetupError, unavailable } from "../../runtime/coded-error.ts";
import { Semaphore } from "../../runtime/semaphore.ts";
import { type Database, POSTGRES } from "./database.ts";
import {
  createDiskWatch,
  DatabaseUnreachableError,
  type DiskWatch,
  isPostgresError,
} from "./database-error.ts";
import { migrate } from "./migrate.ts";
import type { PartTables } from "./migrations.ts";
import type { Tables } from "./tables.ts";

/** Connections are refused or ended, resources but the disk are missing, the server starts or stops. */
const UNREACHABLE_STATES = /^(?:08|53(?!100)|57P)/;

type PostgresOptions = {
  readonly upstream: string;
  readonly log: Logger;
  readonly parts?: readonly PartTables[];
  readonly channels?: Channels | undefined;
  /** After so long without a byte a connection is taken for dead; 12 s by default. */
  readonly mostSilenceMs?: number;
};

const MAX_WRITERS = 6;
const MAX_OWNER_WRITES = MAX_WRITERS - 2;
const MAX_WAITING_WRITES = 10_000;
const MAX_READERS = 6;

/**
 * Each list is read along its index, in its order. With old statistics a planner may think that a sort of few rows is
 * cheaper, and then sort thousands of other owners'.
 */
export const READER_SETTINGS =
  "set enable_seqscan = off; set enable_bitmapscan = off; set enable_sort = off";

/** A poll that a crash of the server forgets is made again. Each of its statements is about a few rows of large tables. */
export const POLL_SETTINGS =
  "set synchronous_commit = off; set enable_seqscan = off; set enable_bitmapscan = off; set enable_hashjoin = off; set enable_mergejoin = off";

/** How long the server may take over a statement, and its answer to come. */
const PATIENCE = { statement_timeout: 10_000, query_timeout: 15_000 };
/** To change a large table may take minutes, for which others that start meanwhile wait. */
const MIGRATION_PATIENCE = { statement_timeout: 300_000, query_timeout: 305_000 };
const MIGRATION_SILENCE_MS = 302_000;

/** The first with `pg_current_xact_id`, which numbers the changes. */
const OLDEST_VERSION = 13;

/**
 * Two pools of at most 6 connections to a migrated Postgres, and one connection for polls. Every wait on them ends
 * within 15 s, and they connect again by themselves. Rejects with a `SetupError`.
 */
export async function openPostgres(
  databaseUrl: string,
  options: PostgresOptions,
): Promise<Database> {
  const { upstream, log, channels, mostSilenceMs = 12_000 } = options;
  const name = toDatabaseName(databaseUrl);
  const sockets = createSockets();
  const disk = createDiskWatch({
    write: (statements) => queries.transaction().execute(statements),
    monotonic: clock.monotonic,
    log,
  });
  const open = (config: pg.PoolConfig, silenceMs: number, settings?: string) => {
    const stream = () => sockets.create(silenceMs);
    const pool = createPool({ connectionString: databaseUrl, stream, ...config }, log, settings);
    const queries = new Kysely<Tables>({
      dialect: createDialect(pool, disk),
      log: (event) => channels?.sql.publish(event.query.sql),
    });
    // Kysely itself closes none that was never used.
    return { queries, close: () => pool.end() };
  };
  const writers = open({ ...PATIENCE, max: MAX_WRITERS }, mostSilenceMs);
  const readers = open({ ...PATIENCE, max: MAX_READERS }, mostSilenceMs, READER_SETTINGS);
  const polls = open({ ...PATIENCE, max: 1 }, mostSilenceMs, POLL_SETTINGS);
  const { queries } = writers;
  const database: Database = {
    ...POSTGRES,
    upstream,
    queries,
    write: (statements) => queries.transaction().execute(statements),
    writeOne: (statement) => statement(queries),
    ownerWrites: new Semaphore({
      atOnce: MAX_OWNER_WRITES,
      maxWaiting: MAX_WAITING_WRITES,
      refuse: () => unavailable("Too many requests write at once. Try again in a few seconds."),
    }),
    reads: readers.queries,
    // Unlike the others' it stands still in a statement, so that an index serves it.
    pollMs: sql`(extract(epoch from statement_timestamp()) * 1000)::bigint`,
    pollQueries: polls.queries,
    checkDisk: disk.check,
    async ping() {
      await sql`select 1`.execute(queries);
      await disk.check();
    },
    hangUp: sockets.destroyAll,
    async close() {
      await Promise.all([writers, readers, polls].map((pool) => pool.close()));
    },
  };
  try {
    await checkVersion(queries, name);
    const migrator = open({ ...MIGRATION_PATIENCE, max: 1 }, MIGRATION_SILENCE_MS);
    try {
      await migrate({ ...database, queries: migrator.queries }, options.parts ?? [], log);
    } finally {
      await migrator.close();
    }
    return database;
  } catch (error) {
    await database.close();
    if (error instanceof SetupError) throw error;
    throw new SetupError(`Postgres at ${name} ${explain(error)}`, { cause: error });
  }
}

/** `settings` are statements that run on each new connection before anything else. */
function createPool(config: pg.PoolConfig, log: Logger, settings: string | undefined): pg.Pool {
  const pool = new pg.Pool({
    ...config,
    application_name: "runcomfy-graphql",
    connectionTimeoutMillis: 5_000,
    idle_in_transaction_session_timeout: 10_000,
    keepAlive: true,
    // A connection that a firewall cut in silence is gone after five minutes at the latest.
    maxLifetimeSeconds: 300,
    types: {
      // Times are bigints that fit a number; other users of pg in this process keep their own parsers.
      getTypeParser: (oid, format) =>
        oid === pg.types.builtins.INT8 && format !== "binary"
          ? Number
          : pg.types.getTypeParser(oid, format),
    },
  });
  // Without listeners a lost connection would end the process, and the pool listens to idle clients only.
  pool.on("connect", (client) => {
    client.on("error", (error) => {
      log.warn(
        { reason: error.message },
        "A connection to Postgres was lost; the next query opens another.",
      );
    });
    if (settings === undefined) return;
    // The next query waits behind it, and fails as it does.
    client.query(settings).catch((error: unknown) => {
      log.debug({ err: error }, "A new connection to Postgres could not be set up.");
    });
  });
  pool.on("error", (error) => {
    log.debug({ reason: error.message }, "An idle connection to Postgres left the pool.");
  });
  return pool;
}

/** Rejects with a `DatabaseUnreachableError` if Postgres is unreachable, with a `DatabaseDiskError` if its disk fails. */
function createDialect(pool: pg.Pool, disk: DiskWatch): PostgresDialect {
  const rethrow = (error: unknown): never => {
    throw disk.note(toUnreachable(error));
  };
  return new PostgresDialect({
    pool: {
      options: pool.options,
      connect: () => pool.connect().catch(rethrow),
      end: () => pool.end(),
    },
    async onCreateConnection(connection) {
      const execute = connection.executeQuery.bind(connection);
      Object.assign(connection, {
        executeQuery: (...query: Parameters<typeof execute>) => execute(...query).catch(rethrow),
      });
    },
  });
}

/** Whatever is no answer of Postgres comes from the network or the client. */
function toUnreachable(error: unknown): unknown {
  const isAnswer = isPostgresError(error) && !UNREACHABLE_STATES.test(error.code ?? "");
  return isAnswer ? error : new DatabaseUnreachableError({ cause: error });
}

/** All connections, so that they can be ended without an answer; those made after that end before they begin. */
function createSockets() {
  const open = new Set<Socket>();
  let isOver = false;
  const end = (socket: Socket) => void socket.destroy(new Error("the gateway stops"));
  return {
    create(mostSilenceMs: number): Socket {
      const socket = new Socket();
      open.add(socket);
      socket.once("close", () => open.delete(socket));
      // A query that timed out leaves its connection in the pool, where the next ones would wait behind it.
      socket.setTimeout(mostSilenceMs, () => {
        socket.destroy(new Error(`Postgres was silent for ${mostSilenceMs} ms`));
      });
      // The caller has to listen and connect first.
      if (isOver) clock.onNextTurn(() => end(socket));
      return socket;
    },
    destroyAll(): void {
      isOver = true;
      for (const socket of open) end(socket);
    },
  };
}

async function checkVersion(queries: Kysely<Tables>, name: string): Promise<void> {
  const { rows } = await sql<{ readonly version: string }>`
    select current_setting('server_version') as version`.execute(queries);
  const version = rows[0]?.version ?? "";
  if (Number.parseInt(version, 10) >= OLDEST_VERSION) return;
  throw new SetupError(
    `Postgres at ${name} is of version ${version}, and the gateway needs ${OLDEST_VERSION} or newer. Upgrade that server, or point DATABASE_URL at a newer one.`,
  );
}

/** `host:port/database`: all of the URL that may be shown. */
function toDatabaseName(databaseUrl: string): string {
  const url = URL.parse(databaseUrl);
  // Neither the URL nor the parser's error is passed on: both hold the password.
  if (url === null) {
    throw new SetupError(
      "DATABASE_URL can't be read as a URL. Write it as postgres://user:password@host:5432/database, with special characters in the password percent-encoded.",
    );
  }
  const host = url.hostname || url.searchParams.get("host") || "localhost";
  return `${host}:${url.port || "5432"}${url.pathname}`;
}

/** What is wrong, by Postgres' own codes and the network's, and what a person can do about it. */
function explain(error: unknown): string {
  const code: unknown = codeOf(error);
  const detail = error instanceof Error ? error.message : String(error);
  switch (code) {
    case "42P07":
      return `holds another program's tables (${detail}). Name an empty database in DATABASE_URL.`;
    case "28P01":
    case "28000":
      return "refuses the user or the password. Correct them in DATABASE_URL, with special characters percent-encoded.";
    case "3D000":
      return "has no such database. Create it first (createdb), or correct its name in DATABASE_URL.";
    case "42501":
      return "does not allow this user to create the gateway's tables. Grant it CREATE on the database's schema.";
    case "25006":
      return "can only be read. Point DATABASE_URL at the primary server.";
    case "53100":
      return "has no space left on its disk. Free some, then start again.";
    case "53300":
      return "has no connection left for the gateway. Raise max_connections or close other programs, then start again.";
    case "55P03":
      return "has its tables locked by another program, so they can't be brought up to date. Start the gateway again once that one (a backup, a long transaction) is done.";
    case "57014":
      return "took too long to bring the tables up to date, so nothing was changed. Start the gateway again when the server has less to do, and end long transactions first (select pid, query from pg_stat_activity order by xact_start).";
    case "57P03":
      return "is still starting up or shutting down. Start the gateway again in a few seconds.";
    default:
      return "can't be reached or does not answer as expected. Check that it runs, and the host, port and TLS settings in DATABASE_URL.";
  }
}
