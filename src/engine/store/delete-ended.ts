import { sql } from "kysely";

import { atMost, type Database } from "./database.ts";
import type { Tables } from "./tables.ts";

/** More than one row for each that is written, so that they end. */
const MAX_DELETED = 100;

/** Deletes at most so many of the rows whose `end` is over by the database's clock; resolves with how many. */
export async function deleteEnded<Table extends keyof Tables>(
  { queries, nowMs, skipLocked }: Pick<Database, "queries" | "nowMs" | "skipLocked">,
  table: Table,
  columns: {
    readonly key: readonly Extract<keyof Tables[Table], string>[];
    readonly end: Extract<keyof Tables[Table], string>;
    readonly limit?: number;
  },
): Promise<number> {
  const [from, end] = [sql.table(table), sql.ref(columns.end)];
  const key = sql.join(columns.key.map((column) => sql.ref(column)));
  // Read once: Postgres walks no index as far as a clock that goes on.
  const { rows } = await sql`
    with ended as (
      select ${key} from ${from} where ${end} <= (select ${nowMs})
        order by ${end} limit ${atMost(columns.limit ?? MAX_DELETED)} ${skipLocked}
    )
    delete from ${from} where (${key}) in (select ${key} from ended) returning 1 as one`.execute(
    queries,
  );
  return rows.length;
}
