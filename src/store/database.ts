import type { Kysely, RawBuilder } from "kysely";

import type { Dialect } from "./dialect.ts";
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
  /** For what owners ask for: on Postgres nobody's reads keep a write waiting for a connection. */
  readonly reads: Kysely<Tables>;
  /** How many statements may run at once for one owner's reads, so that others find the database free. */
  readonly readsPerOwner: number;
  /** Milliseconds of the clock that says when a poll is due: on Postgres the database's, on SQLite the process's monotonic one. */
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
