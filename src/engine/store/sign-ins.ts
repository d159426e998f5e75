import { sql } from "kysely";

import type { SignIn, SignInRows } from "../../auth/sign-ins.ts";
import { atMost, type Database } from "./database.ts";
import { deleteEnded } from "./delete-ended.ts";
import { inChunks } from "./job-rows.ts";
import { createOwnerWrites } from "./quotas.ts";

/** Where the console's sign-ins are, with those that have expired until they are deleted. */
export function createSignInRows(database: Database) {
  const { queries, reads, nowMs } = database;
  const writeForOwner = createOwnerWrites(database);

  return {
    async open({ hash, ownerId, scopes, credential, endsAt }: SignIn, most: number) {
      return await writeForOwner(ownerId, async (transaction) => {
        const { rows } = await sql<{ readonly id_hash: string }>`
          with oldest as (
            select id_hash from sign_ins where owner_id = ${ownerId}
              order by created_at desc, id_hash limit ${atMost(most)} offset ${most - 1}
          )
          delete from sign_ins where id_hash in (select id_hash from oldest)
            returning id_hash`.execute(transaction);
        await transaction
          .insertInto("sign_ins")
          .values({
            id_hash: hash,
            owner_id: ownerId,
            scopes: JSON.stringify(scopes),
            credential_id: credential.id,
            signed_by: credential.signedBy,
            needs_approval: Number(credential.needsApproval),
            created_at: nowMs,
            ends_at: endsAt,
          })
          .execute();
        return rows.map(({ id_hash }) => id_hash);
      });
    },

    async find(hash: string): Promise<SignIn | null> {
      const row = await reads
        .selectFrom("sign_ins")
        .selectAll()
        .where("id_hash", "=", hash)
        .where("ends_at", ">", nowMs)
        .executeTakeFirst();
      if (row === undefined) return null;
      return {
        hash,
        ownerId: row.owner_id,
        scopes: JSON.parse(row.scopes),
        credential: {
          id: row.credential_id,
          signedBy: row.signed_by,
          needsApproval: row.needs_approval === 1,
        },
        endsAt: row.ends_at,
      };
    },

    async listOpen(hashes: readonly string[]): Promise<readonly string[]> {
      const rows = await inChunks(hashes, (chunk) =>
        reads
          .selectFrom("sign_ins")
          .select("id_hash")
          .where("id_hash", "in", chunk)
          .where("ends_at", ">", nowMs)
          .execute(),
      );
      return rows.map(({ id_hash }) => id_hash);
    },

    async end(hash: string): Promise<void> {
      await queries.deleteFrom("sign_ins").where("id_hash", "=", hash).execute();
    },

    /** Deletes at most so many that have expired; resolves with how many. */
    deleteExpired: (limit: number): Promise<number> =>
      deleteEnded(database, "sign_ins", "ends_at", limit),
  } satisfies SignInRows & { deleteExpired(limit: number): Promise<number> };
}
