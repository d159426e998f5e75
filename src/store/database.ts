import { type Kysely, type RawBuilder, sql } from "kysely";

import type { JobStore } from "./job-store.ts";
import type { Tables } from "./tables.ts";

export type DatabaseKind = "sqlite" | "postgres";

/** An open database; its tables exist once `migrate` has run. */
export type Database = Pick<JobStore, "readsPerOwner" | "ping" | "hangUp"> & {
  readonly kind: DatabaseKind;
  readonly queries: Kysely<Tables>;
  /** For what owners ask for: on Postgres nobody's reads keep a write waiting for a connection. */
  readonly reads: Kysely<Tables>;
  /** For leases and ownership: on Postgres they never wait behind other queries for a connection. */
  readonly ownershipQueries: Kysely<Tables>;
  close(): Promise<void>;
};

/** Milliseconds since 1970 by the database's clock, the only one that all gateways share. */
export function databaseNowMs(kind: DatabaseKind): RawBuilder<number> {
  return kind === "postgres"
    ? sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`
    : sql<number>`cast(unixepoch('subsec') * 1000 as integer)`;
}
