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

/** The code of an error of Postgres or the network, where it has one. */
export function codeOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
}

/** Whether Postgres gave a statement up because it took too long. */
export function isTooSlow(error: unknown): boolean {
  return codeOf(error) === "57014";
}
