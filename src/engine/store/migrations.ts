import type { RawBuilder } from "kysely";

import type { Database, Trigger } from "./database.ts";
import { createFirstTables } from "./first-migration.ts";

/** What brings the tables to a version. */
export type Migration = {
  readonly version: number;
  /** Whether a program that does not know it may no longer use the tables. */
  readonly isBreaking: boolean;
  statements(database: Database): readonly RawBuilder<unknown>[];
};

/** What a part of the gateway has in the database while it is on; the tables stay when it is switched off. */
export type PartTables = {
  readonly name: string;
  /** Counted by themselves, from 1 on; they run after the engine's, by the same rules. */
  readonly migrations: readonly Migration[];
  /**
   * What writes with every change: made once the part is on, and dropped once it is off, by names of their own. One that
   * changes gets another name, as its old one stays where the old one was made.
   */
  readonly triggers?: ((database: Database) => readonly Trigger[]) | undefined;
};

/**
 * In their order. Only ever added to: a migration is never edited, which a test holds by their hashes. What they take from
 * elsewhere is a part of them, such as the triggers of polls: a change of that leaves them a copy. Gateways of the
 * version before run beside a migration that is not breaking, so the next one follows these rules:
 *
 * - It adds tables, and columns that are null or have a constant default, which Postgres does not write into the rows.
 *   What is renamed or dropped is still used by the version before: stop using it in one version, drop it in the next.
 * - What must be true of every row is the work of a trigger or a default, because the version before writes rows too.
 * - It sets `lock_timeout` to 5 s before it changes a table: behind an `alter table` that waits, everybody else waits too.
 *   It locks `jobs` before `polls`, as the triggers do.
 * - On Postgres it makes an index of `jobs` with `create index concurrently`, outside the transaction. Under the lock of
 *   any other, every change would wait until it is built.
 */
export const MIGRATIONS: readonly Migration[] = [
  // Those before it were never released, and it takes over no tables of theirs.
  { version: 14, isBreaking: true, statements: createFirstTables },
];
