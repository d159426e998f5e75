import pg from "pg";

/** The database can't be opened. Tells whoever starts the gateway what is wrong and what to do; never a credential. */
export class StoreError extends Error {
  override readonly name = "StoreError";
}

/** Another program keeps the database to itself for longer than a statement waits for it. */
export class DatabaseBusyError extends Error {
  override readonly name = "DatabaseBusyError";

  constructor(options: ErrorOptions) {
    super(
      "Another program holds a lock on the database file. Close that program, or end its transaction; the gateway goes on by itself.",
      options,
    );
  }
}

/** The database can't be reached, or gave no answer. */
export class DatabaseAwayError extends Error {
  override readonly name = "DatabaseAwayError";

  constructor(options: ErrorOptions) {
    super(
      "The database does not answer. Check that it runs; the gateway connects again by itself.",
      options,
    );
  }
}

/** The database file is not the one that was opened. */
export class DatabaseReplacedError extends Error {
  override readonly name = "DatabaseReplacedError";

  constructor() {
    super(
      "The database file was deleted or replaced while the gateway had it open, so what is written now will be lost. Start the gateway again; restore the file from a backup first, if you need what it held.",
    );
  }
}

/** Postgres could not create what texts are found by. */
export class NoTextSearchError extends Error {
  override readonly name = "NoTextSearchError";

  constructor(options: ErrorOptions) {
    super(
      "Texts can't be searched here: the search was not set up in the database, which needs the extension pg_trgm. Leave `filter.text` out, or ask whoever runs the gateway to do what docs/deploy.md says of pg_trgm.",
      options,
    );
  }
}

/** SQLSTATEs that tell of Postgres' own state, not of a statement or its values. */
const POSTGRES_STATES = /^(?:25|40|53|55|57|58|XX)/;
/** SQLite's codes for a file that can't be read or written: permissions, memory, disk, damage. */
const SQLITE_STATES: ReadonlySet<unknown> = new Set([3, 6, 7, 8, 10, 11, 13, 14, 26]);
/** SQLite's code for a lock that another program holds. */
export const SQLITE_BUSY = 5;

/** Whether it was the database that failed, and not what it was asked for. */
export function isDatabaseFailure(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return POSTGRES_STATES.test(error.code ?? "");
  if (error instanceof DatabaseBusyError || error instanceof DatabaseAwayError) return true;
  return error instanceof Error && "errcode" in error && SQLITE_STATES.has(codeOf(error));
}

/** SQLite's number (its low byte: the rest is detail), or the code of Postgres, the system or the network. */
export function codeOf(error: unknown): unknown {
  if (typeof error !== "object" || error === null) return undefined;
  if ("errcode" in error && typeof error.errcode === "number") return error.errcode & 0xff;
  return "code" in error ? error.code : undefined;
}

/** Whether Postgres gave a statement up because it took too long. */
export function isTooSlow(error: unknown): boolean {
  return codeOf(error) === "57014";
}
