import { Socket } from "node:net";

import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import type { Logger } from "pino";

import type { Database } from "./database.ts";
import { migrate } from "./migrations.ts";
import { StoreError } from "./store-error.ts";
import type { Tables } from "./tables.ts";

type PostgresOptions = {
  readonly log: Logger;
  readonly onStatement?: (sql: string) => void;
  readonly mostSilenceMs?: number;
};

/** Longer than a statement may take on the server, so that a connection which is silent for so long is dead. */
const MOST_SILENCE_MS = 12_000;

/**
 * A pool of at most 10 connections to a migrated Postgres, and one connection more for ownership. Every wait on them
 * ends within 15 s, so that an outage hangs nobody for good, and they connect again by themselves. Rejects with a
 * `StoreError`.
 */
export async function openPostgres(
  databaseUrl: string,
  options: PostgresOptions,
): Promise<Database> {
  const name = toDatabaseName(databaseUrl);
  const openPool = (max: number): Kysely<Tables> =>
    new Kysely<Tables>({
      dialect: new PostgresDialect({ pool: createPool(databaseUrl, max, options) }),
      log: (event) => options.onStatement?.(event.query.sql),
    });
  const queries = openPool(10);
  const ownershipQueries = openPool(1);
  const database: Database = {
    kind: "postgres",
    queries,
    ownershipQueries,
    async close() {
      await Promise.all([queries.destroy(), ownershipQueries.destroy()]);
    },
  };
  try {
    await migrate(database);
    return database;
  } catch (error) {
    await database.close();
    if (error instanceof StoreError) throw error;
    throw new StoreError(`Postgres at ${name} ${explain(error)}`, { cause: error });
  }
}

function createPool(
  databaseUrl: string,
  max: number,
  { log, mostSilenceMs = MOST_SILENCE_MS }: PostgresOptions,
): pg.Pool {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    application_name: "runcomfy-graphql",
    max,
    connectionTimeoutMillis: 5_000,
    statement_timeout: 10_000,
    query_timeout: 15_000,
    idle_in_transaction_session_timeout: 10_000,
    keepAlive: true,
    // A query that timed out leaves its connection in the pool, where the next ones would wait behind it: the socket
    // itself ends when nothing was heard for so long.
    stream: () => {
      const socket = new Socket();
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
  });
  pool.on("error", (error) => {
    log.debug({ reason: error.message }, "an idle connection to Postgres left the pool");
  });
  return pool;
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
  switch (codeOf(error)) {
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
    case "57P03":
      return "is still starting up or shutting down. Start the gateway again in a few seconds.";
    default:
      return "can't be reached or does not answer as expected. Check that it runs, and the host, port and TLS settings in DATABASE_URL.";
  }
}

function codeOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
}
