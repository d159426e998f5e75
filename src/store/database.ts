import type { Kysely } from "kysely";

import type { Tables } from "./tables.ts";

export type DatabaseKind = "sqlite" | "postgres";

/** An open database; its tables exist once `migrate` has run. */
export type Database = {
  readonly kind: DatabaseKind;
  readonly queries: Kysely<Tables>;
  /** For what owners ask for: on Postgres nobody's reads keep a write waiting for a connection. */
  readonly reads: Kysely<Tables>;
  /** For what says who lives and who owns what: on Postgres it never waits behind other queries for a connection. */
  readonly ownershipQueries: Kysely<Tables>;
  /** See `JobStore`. */
  readonly readsPerOwner: number;
  /** See `JobStore.ping`. */
  ping(): Promise<void>;
  /** See `JobStore.hangUp`. */
  hangUp(): void;
  close(): Promise<void>;
};
