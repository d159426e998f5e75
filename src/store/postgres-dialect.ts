import type { DatabaseConnection, PostgresDialectConfig } from "kysely";
import { PostgresDialect, PostgresDriver } from "kysely";
import pg from "pg";

import { DatabaseAwayError } from "./database-error.ts";

/** Connections are refused or ended, resources are missing, the server starts or stops. */
const AWAY_CLASSES = /^(?:08|53|57P)/;

/** Lets Kysely speak to Postgres. What fails because that is away rejects with a `DatabaseAwayError`. */
export class TellingPostgresDialect extends PostgresDialect {
  readonly #config: PostgresDialectConfig;

  constructor(config: PostgresDialectConfig) {
    super(config);
    this.#config = config;
  }

  override createDriver(): PostgresDriver {
    return new TellingDriver(this.#config);
  }
}

class TellingDriver extends PostgresDriver {
  /** A connection is the same one each time that its client is taken from the pool. */
  readonly #telling = new WeakSet<DatabaseConnection>();

  override async acquireConnection(): Promise<DatabaseConnection> {
    const connection = await super.acquireConnection().catch(tell);
    if (this.#telling.has(connection)) return connection;
    this.#telling.add(connection);
    const execute = connection.executeQuery.bind(connection);
    return Object.assign(connection, {
      executeQuery: (...query: Parameters<typeof execute>) => execute(...query).catch(tell),
    });
  }
}

/** What is no answer of Postgres is the network's or the client's, however it is worded. */
function tell(error: unknown): never {
  const isAnswer = error instanceof pg.DatabaseError && !AWAY_CLASSES.test(error.code ?? "");
  throw isAnswer ? error : new DatabaseAwayError({ cause: error });
}
