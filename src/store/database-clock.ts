import { type RawBuilder, sql } from "kysely";

import type { DatabaseKind } from "./database.ts";

/** Milliseconds since 1970 by the database's clock, the only one that all gateways share. */
export function databaseNowMs(kind: DatabaseKind): RawBuilder<number> {
  return kind === "postgres"
    ? sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`
    : sql<number>`cast(unixepoch('subsec') * 1000 as integer)`;
}
