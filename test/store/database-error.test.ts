import { DatabaseSync } from "node:sqlite";

import pg from "pg";
import { describe, expect, test } from "vitest";

import {
  DatabaseUnreachableError,
  DatabaseBusyError,
  DatabaseDiskError,
  isDatabaseFailure,
} from "../../src/engine/store/database-error.ts";

/** What SQLite throws at the last of these statements. */
function failInSqlite(...statements: string[]): unknown {
  using database = new DatabaseSync(":memory:");
  try {
    for (const statement of statements) database.exec(statement);
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

function failInPostgres(code: string): unknown {
  return Object.assign(new pg.DatabaseError("no", 1, "error"), { code });
}

describe("a failure of the database", () => {
  test.each([
    ["a database that is away", new DatabaseUnreachableError({})],
    ["a lock of another program", new DatabaseBusyError({})],
    ["a disk that fails", new DatabaseDiskError("failing", {})],
    ["a read-only Postgres", failInPostgres("25006")],
    ["a deadlock", failInPostgres("40P01")],
    ["a statement that took too long", failInPostgres("57014")],
    [
      "a full disk",
      failInSqlite("pragma max_page_count = 2", "create table a (b)", "create table c (d)"),
    ],
    ["a read-only file", failInSqlite("pragma query_only = 1", "create table a (b)")],
  ])("is %s", (_what, error) => {
    expect(isDatabaseFailure(error)).toBe(true);
  });

  test.each([
    ["a mistake of the program", new TypeError("no")],
    ["nothing at all", undefined],
    ["a value that Postgres can't hold", failInPostgres("22P05")],
    ["a constraint of Postgres", failInPostgres("23514")],
    [
      "a constraint of SQLite",
      failInSqlite("create table a (b check (b > 1))", "insert into a values (1)"),
    ],
    ["a statement that SQLite does not know", failInSqlite("selct")],
  ])("is not %s", (_what, error) => {
    expect(isDatabaseFailure(error)).toBe(false);
  });
});
