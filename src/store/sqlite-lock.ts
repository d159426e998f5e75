import { DatabaseSync } from "node:sqlite";

import { StoreError } from "./store-error.ts";

const SQLITE_BUSY = 5;

/**
 * Makes this process the only gateway of a SQLite file, until it lets go or dies: the lock is the kernel's, so none is
 * left behind by a `kill -9`. It is held on a file of its own, `<path>-lock`, so that backups can read the main one; that
 * file stays where it is, since deleting a lock races with whoever is about to take it. Returns how to let go.
 */
export function lockSqlite(path: string): () => void {
  const lock = new DatabaseSync(`${path}-lock`, { timeout: 0 });
  try {
    lock.exec("begin exclusive");
  } catch (error) {
    lock.close();
    if (!(error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY))
      throw error;
    throw new StoreError(
      `Another gateway uses ${path}, and SQLite serves one at a time. Stop the other one, choose another file, or use Postgres (DATABASE_URL=postgres://…) to run several.`,
      { cause: error },
    );
  }
  return () => lock.close();
}
