import { Socket } from "node:net";

import { Kysely, sql } from "kysely";
import pg from "pg";
import type { Logger } from "pino";

import type { Database } from "./database.ts";
import { codeOf, DatabaseAwayError, StoreError } from "./database-error.ts";
import { migrate } from "./migrate.ts";
import { TellingPostgresDialect } from "./postgres-dialect.ts";
import type { Tables } from "./tables.ts";

type PostgresOptions = {
  readonly log: Logger;
  readonly onStatement?: (sql: string) => void;
  readonly mostSilenceMs?: number;
};

/** How long a statement may take on the server, how long its answer, and how long a living connection is silent. */
type Patience = {
  readonly statementMs: number;
  readonly answerMs: number;
  readonly mostSilenceMs: number;
};

const MOST_WRITERS = 6;
const MOST_READERS = 6;
/** A third of them, so that no owner alone can keep the others waiting. */
const READS_PER_OWNER = MOST_READERS / 3;

/**
 * Each list has an index that it is read along in its order. A planner whose statistics are old may think that a sort of
 * few rows is cheaper, and then sort thousands of other owners'.
 */
export const READER_SETTINGS =
  "set enable_seqscan = off; set enable_bitmapscan = off; set enable_sort = off";

const PATIENCE: Patience = { statementMs: 10_000, answerMs: 15_000, mostSilenceMs: 12_000 };

/** A change of a large table may take minutes; and who starts meanwhile waits for it. */
const MIGRATION_PATIENCE: Patience = {
  statementMs: 300_000,
  answerMs: 305_000,
  mostSilenceMs: 302_000,
};

/** The first with `pg_current_xact_id`, which numbers the changes. */
const OLDEST_VERSION = 13;

/**
 * Two pools of at most 6 connections to a migrated Postgres, and one connection more for ownership. Every wait on them
 * ends within 15 s, so that an outage hangs nobody for good, and they connect again by themselves. Rejects with a
 * `StoreError`.
 */
export async function openPostgres(
  databaseUrl: string,
  options: PostgresOptions,
): Promise<Database> {
  const name = toDatabaseName(databaseUrl);
  const sockets = createSockets();
  const open = (max: number, mostPatience: Patience, settings?: string) => {
    const common = { max, settings, log: options.log, sockets, ...mostPatience };
    const pool = createPool(databaseUrl, common);
    const queries = new Kysely<Tables>({
      dialect: new TellingPostgresDialect({ pool }),
      log: (event) => options.onStatement?.(event.query.sql),
    });
    // Kysely itself closes none that was never used.
    return { queries, close: () => pool.end() };
  };
  const patience = { ...PATIENCE, mostSilenceMs: options.mostSilenceMs ?? PATIENCE.mostSilenceMs };
  const writers = open(MOST_WRITERS, patience);
  const readers = open(MOST_READERS, patience, READER_SETTINGS);
  const ownership = open(1, patience);
  const { queries } = writers;
  const database: Database = {
    kind: "postgres",
    queries,
    reads: readers.queries,
    ownershipQueries: ownership.queries,
    readsPerOwner: READS_PER_OWNER,
    async ping() {
      await sql`select 1`.execute(queries);
    },
    hangUp: sockets.destroyAll,
    async close() {
      await Promise.all([writers, readers, ownership].map((pool) => pool.close()));
    },
  };
  try {
    await checkVersion(queries, name);
    const migrator = open(1, MIGRATION_PATIENCE);
    try {
      await migrate({ kind: "postgres", queries: migrator.queries }, options.log);
    } finally {
      await migrator.close();
    }
    return database;
  } catch (error) {
    await database.close();
    if (error instanceof StoreError) throw error;
    throw new StoreError(`Postgres at ${name} ${explain(error)}`, { cause: error });
  }
}

function createPool(
  databaseUrl: string,
  options: Patience & {
    readonly max: number;
    /** Run on each new connection before anything else. */
    readonly settings: string | undefined;
    readonly log: Logger;
    readonly sockets: Sockets;
  },
): pg.Pool {
  const { max, settings, log, sockets, statementMs, answerMs, mostSilenceMs } = options;
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    application_name: "runcomfy-graphql",
    max,
    connectionTimeoutMillis: 5_000,
    statement_timeout: statementMs,
    query_timeout: answerMs,
    idle_in_transaction_session_timeout: 10_000,
    keepAlive: true,
    // A query that timed out leaves its connection in the pool, where the next ones would wait behind it: the socket
    // itself ends when nothing was heard for so long.
    stream: () => {
      const socket = sockets.create();
      return socket.setTimeout(mostSilenceMs, () => {
        socket.destroy(new Error(`Postgres was silent for ${mostSilenceMs} ms`));
      });
    },
    // A connection that a firewall cut in silence is gone after five minutes at the latest.
    maxLifetimeSeconds: 300,
    types: {
      // Times are bigints that fit a number; whoever else uses pg in this process keeps its own parsers.
      getTypeParser: (oid, format) =>
        oid === pg.types.builtins.INT8 && format !== "binary"
          ? Number
          : pg.types.getTypeParser(oid, format),
    },
  });
  // Without listeners a lost connection would end the process: the pool listens to idle clients only, and passes on
  // what it hears.
  pool.on("connect", (client) => {
    client.on("error", (error) => {
      log.warn(
        { reason: error.message },
        "a connection to Postgres was lost; the next query opens another",
      );
    });
    if (settings === undefined) return;
    // What is asked next waits behind it, and fails as it does.
    client.query(settings).catch((error: unknown) => {
      log.debug({ err: error }, "a new connection to Postgres could not be set up");
    });
  });
  pool.on("error", (error) => {
    log.debug({ reason: error.message }, "an idle connection to Postgres left the pool");
  });
  return pool;
}

type Sockets = { create(): Socket; destroyAll(): void };

/** All connections, so that they can be ended without an answer; those made after that end before they begin. */
function createSockets(): Sockets {
  const open = new Set<Socket>();
  let isOver = false;
  const end = (socket: Socket) => void socket.destroy(new Error("the gateway stops"));
  return {
    create() {
      const socket = new Socket();
      open.add(socket);
      socket.once("close", () => open.delete(socket));
      // Whoever asked for it has to listen and connect first.
      if (isOver) setImmediate(end, socket);
      return socket;
    },
    destroyAll() {
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
  throw new StoreError(
    `Postgres at ${name} is of version ${version}, and the gateway needs ${OLDEST_VERSION} or newer. Upgrade that server, or point DATABASE_URL at a newer one.`,
  );
}

/** `host:port/database`: all of the URL that may be shown. */
function toDatabaseName(databaseUrl: string): string {
  const url = URL.parse(databaseUrl);
  // Neither the URL nor the parser's error is passed on: both hold the password.
  if (url === null) {
    throw new StoreError(
      "DATABASE_URL can't be read as a URL. Write it as postgres://user:password@host:5432/database, with special characters in the password percent-encoded.",
    );
  }
  const host = url.hostname || url.searchParams.get("host") || "localhost";
  return `${host}:${url.port || "5432"}${url.pathname}`;
}

/** What is wrong, by Postgres' own codes and the network's, and what a person can do about it. */
function explain(error: unknown): string {
  switch (codeOf(error instanceof DatabaseAwayError ? error.cause : error)) {
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
