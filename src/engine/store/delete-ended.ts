import { sql } from "kysely";

import { atMost, type Database } from "./database.ts";

/** More than one row for each that is written, so that they end. */
const MAX_DELETED = 100;

/** Deletes rows whose `end` is over by the database's clock, up to a limit; resolves with how many. */
export async function deleteEnded(
  { queries, nowMs, skipLocked, rowId, isRowOf }: Database,
  table: string,
  end: string,
  limit = MAX_DELETED,
): Promise<number> {
  const [from, ended] = [sql.table(table), sql.ref(end)];
  // The clock is read once: Postgres walks no index as far as one that goes on.
  const { rows } = await sql`
    delete from ${from} where ${isRowOf(sql`
      select ${rowId} from ${from} where ${ended} <= (select ${nowMs})
        order by ${ended} limit ${atMost(limit)} ${skipLocked}`)}
      returning 1 as one`.execute(queries);
  return rows.length;
}
