import pg from "pg";

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

/** What Postgres says of its own state, and not of a statement or its values. */
const POSTGRES_STATES = /^(?:25|40|53|55|57|58|XX)/;
/** SQLite's codes for a file that can't be read or written: permissions, memory, disk, damage. */
const SQLITE_STATES: ReadonlySet<number> = new Set([3, 6, 7, 8, 10, 11, 13, 14, 26]);

/** Whether it was the database that failed, and not what it was asked for. */
export function isDatabaseFailure(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return POSTGRES_STATES.test(error.code ?? "");
  if (error instanceof DatabaseBusyError || error instanceof DatabaseAwayError) return true;
  if (!(error instanceof Error && "errcode" in error)) return false;
  // Beside the low byte it is more exact.
  return SQLITE_STATES.has(Number(error.errcode) & 0xff);
}

/** The code of an error of Postgres or the network, where it has one. */
export function codeOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
}

/** Whether Postgres gave a statement up because it took too long. */
export function isTooSlow(error: unknown): boolean {
  return codeOf(error) === "57014";
}
