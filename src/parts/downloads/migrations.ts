import { sql } from "kysely";

import type { Migration } from "../../engine/store/migrations.ts";

/** By the rules of the engine's. */
export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    isBreaking: false,
    statements: ({ nameType: name }) => [
      sql`create table downloads (
        id ${name} primary key, owner_id ${name} not null,
        job_ids text not null, expires_at bigint not null, claimed_until bigint not null default 0,
        reads_all integer not null default 0
      )`,
      sql`create index downloads_by_owner on downloads (owner_id, expires_at)`,
      sql`create index downloads_by_end on downloads (expires_at)`,
    ],
  },
];
