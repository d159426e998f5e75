import { type Kysely, type RawBuilder, sql } from "kysely";

import type { Database } from "./database.ts";
import type { Tables } from "./tables.ts";

/** Longer than a transaction takes, so that no row names a file that somebody begins to delete. */
const MARGIN_MS = 60_000;

/** Whether a row may name a file: its lease goes on for a while. */
export function isLeased(file: string, nowMs: Database["nowMs"]): RawBuilder<boolean> {
  return sql`exists (select 1 from pending_deletions
    where file = ${file} and due_at > ${nowMs} + ${sql.lit(MARGIN_MS)})`;
}

/** Comes with the row that names the file: nobody deletes it from then on. */
export async function endLease(transaction: Kysely<Tables>, file: string): Promise<void> {
  await transaction.deleteFrom("pending_deletions").where("file", "=", file).execute();
}
