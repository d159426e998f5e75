import type { DatabaseError } from "pg";
import type { Logger } from "pino";

import { CodedError, codeOf, unavailable } from "../../runtime/coded-error.ts";
import { chance } from "../../runtime/environment.ts";
import type { Write } from "./database.ts";

/** The database itself fails, not a statement. The message is for operators, `forClients` for clients. */
class DatabaseFailure extends Error {
  override readonly name = this.constructor.name;
  readonly forClients: CodedError;
  readonly code = codeOf(this.cause);

  constructor(message: string, forClients: CodedError, options: ErrorOptions) {
    super(message, options);
    this.forClients = forClients;
  }
}

/** Another program keeps the database to itself for longer than a statement waits for it. */
export class DatabaseBusyError extends DatabaseFailure {
  constructor(options: ErrorOptions) {
    super(
      "Another program holds a lock on the database file. Close that program, or end its transaction; the gateway goes on by itself.",
      unavailable("The database is busy. Try again in a second.", 1),
      options,
    );
  }
}

/** The database can't be reached, or gave no answer. */
export class DatabaseUnreachableError extends DatabaseFailure {
  constructor(options: ErrorOptions) {
    super(
      "The database does not answer. Check that it runs; the gateway connects again by itself.",
      unavailable("The database does not answer at the moment. Try again in a few seconds."),
      options,
    );
  }
}

type DiskProblem = keyof typeof DISK_SENTENCES;

/** The disk or the file of the database fails, and goes on failing until a person mends it. */
export class DatabaseDiskError extends DatabaseFailure {
  readonly kind: DiskProblem;

  constructor(kind: DiskProblem, options: ErrorOptions) {
    const { forOperators, forClients } = DISK_SENTENCES[kind];
    super(forOperators, unavailable(forClients, 60), options);
    this.kind = kind;
  }
}

const DISK_SENTENCES = {
  full: {
    forOperators:
      "The disk of the database is full, so no job is submitted or polled. Free some space; the gateway goes on by itself, and nothing that was stored is lost.",
    forClients:
      "Nothing can be stored, because the disk is full. Ask whoever runs this service to free some space, then try again.",
  },
  damaged: {
    forOperators:
      "The database file is damaged, so no job is submitted or polled. Stop the gateway, restore the file from a backup, and start the gateway again.",
    forClients:
      "The database is damaged. Ask whoever runs this service to restore it, then try again.",
  },
  failing: {
    forOperators:
      "The database file can't be read or written, so no job is submitted or polled. Check its disk, and whether the gateway's user may write to it; the gateway goes on by itself.",
    forClients:
      "The database can't be read or written. Try again in a minute; if it lasts, tell whoever runs this service.",
  },
};

/** The error that a client gets for a failed statement; null for a bug of the gateway. */
export function toCodedError(error: unknown): CodedError | null {
  if (isTooSlow(error)) return TOO_SLOW;
  return error instanceof DatabaseFailure ? error.forClients : null;
}

const TOO_SLOW = new CodedError(
  "READ_TOO_SLOW",
  "Reading this took too long and was stopped. Ask for a shorter page, or narrow the filter.",
);

/** The database file is not the one that was opened. */
export class DatabaseReplacedError extends Error {
  override readonly name = "DatabaseReplacedError";

  constructor() {
    super(
      "The database file was deleted or replaced while the gateway had it open, so what is written now will be lost. Start the gateway again; restore the file from a backup first, if you need what it held.",
    );
  }
}

/** SQLSTATEs about Postgres' own state, not about a statement or its values. */
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

/** What is wrong with the disk or the file, where SQLite or Postgres says so; else null. */
function findDiskProblem(error: unknown): DiskProblem | null {
  return DISK_PROBLEMS.get(codeOf(error)) ?? null;
}

/** An answer of Postgres. By what only `pg` makes, as a gateway without Postgres does not load that. */
export function isPostgresError(error: unknown): error is DatabaseError {
  return error instanceof Error && error.name === "error" && "length" in error;
}

/** Whether it was the database that failed, and not what it was asked for. */
export function isDatabaseFailure(error: unknown): boolean {
  if (isPostgresError(error)) return POSTGRES_STATES.test(error.code ?? "");
  if (error instanceof DatabaseFailure) return true;
  return error instanceof Error && "errcode" in error && SQLITE_STATES.has(codeOf(error));
}

/** Whether Postgres gave a statement up because it took too long. */
export function isTooSlow(error: unknown): boolean {
  return codeOf(error) === "57014";
}

export type DiskWatch = ReturnType<typeof createDiskWatch>;

const BETWEEN_LINES_MS = 60_000;
/** As much as the input of a job may take by default; more than an outcome does. */
const PROBE_BYTES = 262_144;

/**
 * Remembers that the disk or the file of the database fails, which is logged once a minute for as long as that lasts.
 * A disk is tried again whenever somebody asks; a damaged file stays so until a start finds another one.
 */
export function createDiskWatch(dependencies: {
  readonly write: Write;
  readonly monotonic: () => number;
  readonly log: Pick<Logger, "error" | "info">;
}) {
  const { write, monotonic, log } = dependencies;
  let problem: DatabaseDiskError | null = null;
  let toldAt = -Infinity;
  /** Whether the end has to be logged. */
  let isOpen = false;
  let probing: Promise<void> | null = null;

  function notify(error: DatabaseDiskError): void {
    if (monotonic() - toldAt < BETWEEN_LINES_MS) return;
    toldAt = monotonic();
    isOpen = true;
    log.error({ err: error }, error.message);
  }

  /** Rejects, having noted it, where so much can't be stored. */
  async function probe(): Promise<void> {
    const bytes = chance.bytes(PROBE_BYTES / 2).toString("hex");
    await write((queries) => queries.insertInto("write_probes").values({ bytes }).execute());
    await write((queries) => queries.deleteFrom("write_probes").execute());
    if (problem?.kind === "damaged") throw problem;
    problem = null;
    if (isOpen) log.info({}, "The database can be written again.");
    isOpen = false;
  }

  return {
    /** What callers get of an error that a statement has met. */
    note(error: unknown): unknown {
      const kind = findDiskProblem(error);
      if (kind === null) return error;
      const noted = new DatabaseDiskError(kind, { cause: error });
      if (problem?.kind !== "damaged") problem = noted;
      notify(noted);
      return noted;
    },
    /** Rejects with a `DatabaseDiskError` while nothing more may be begun. */
    async check(): Promise<void> {
      if (problem === null) return;
      if (problem.kind === "damaged") {
        notify(problem);
        throw problem;
      }
      probing ??= probe().finally(() => (probing = null));
      await probing;
    },
  };
}
