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

type DiskProblem = "full" | "damaged" | "failing";

/** The disk or the file of the database fails, and goes on failing until a person mends it. */
export class DatabaseDiskError extends Error {
  override readonly name = "DatabaseDiskError";
  readonly kind: DiskProblem;

  constructor(kind: DiskProblem, options: ErrorOptions) {
    super(DISK_SENTENCES[kind], options);
    this.kind = kind;
  }
}

const DISK_SENTENCES = {
  full: "The disk of the database is full, so no job is submitted or polled. Free some space; the gateway goes on by itself, and nothing that was stored is lost.",
  damaged:
    "The database file is damaged, so no job is submitted or polled. Stop the gateway, restore the file from a backup, and start the gateway again.",
  failing:
    "The database file can't be read or written, so no job is submitted or polled. Check its disk, and whether the gateway's user may write to it; the gateway goes on by itself.",
};

/** The database file is not the one that was opened. */
export class DatabaseReplacedError extends Error {
  override readonly name = "DatabaseReplacedError";

  constructor() {
    super(
      "The database file was deleted or replaced while the gateway had it open, so what is written now will be lost. Start the gateway again; restore the file from a backup first, if you need what it held.",
    );
  }
}

/** SQLSTATEs that tell of Postgres' own state, not of a statement or its values. */
const POSTGRES_STATES = /^(?:25|40|53|55|57|58|XX)/;
/** SQLite's codes for a file that can't be read or written: permissions, memory, disk, damage. */
const SQLITE_STATES: ReadonlySet<unknown> = new Set([3, 6, 7, 8, 10, 11, 13, 14, 26]);
/** By SQLite's codes, and by Postgres' for a full disk. */
const DISK_PROBLEMS: ReadonlyMap<unknown, DiskProblem> = new Map<unknown, DiskProblem>([
  [13, "full"],
  ["53100", "full"],
  [11, "damaged"],
  [26, "damaged"],
  [3, "failing"],
  [8, "failing"],
  [10, "failing"],
  [14, "failing"],
]);
/** SQLite's code for a lock that another program holds. */
export const SQLITE_BUSY = 5;

const OWN_FAILURES = [DatabaseBusyError, DatabaseAwayError, DatabaseDiskError];

/** What is wrong with the disk or the file, where SQLite or Postgres says so; else null. */
export function findDiskProblem(error: unknown): DiskProblem | null {
  return DISK_PROBLEMS.get(codeOf(error)) ?? null;
}

/** Whether it was the database that failed, and not what it was asked for. */
export function isDatabaseFailure(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return POSTGRES_STATES.test(error.code ?? "");
  if (OWN_FAILURES.some((Failure) => error instanceof Failure)) return true;
  return error instanceof Error && "errcode" in error && SQLITE_STATES.has(codeOf(error));
}

/** SQLite's number (its low byte: the rest is detail), or the code of Postgres, the system or the network. */
export function codeOf(error: unknown): unknown {
  if (typeof error !== "object" || error === null) return undefined;
  if (error instanceof DatabaseAwayError || error instanceof DatabaseDiskError)
    return codeOf(error.cause);
  if ("errcode" in error && typeof error.errcode === "number") return error.errcode & 0xff;
  return "code" in error ? error.code : undefined;
}

/** Whether Postgres gave a statement up because it took too long. */
export function isTooSlow(error: unknown): boolean {
  return codeOf(error) === "57014";
}
