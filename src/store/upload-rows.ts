import { type Kysely, type RawBuilder, sql } from "kysely";

import { InvalidInputError } from "../job/errors.ts";
import { toCountText } from "../runtime/amount-text.ts";
import { LimitError } from "../runtime/coded-error.ts";
import type { Database } from "./database.ts";
import { endLease, isLeased } from "./file-leases.ts";
import { inChunks } from "./job-rows.ts";
import type { Uploads } from "./job-store.ts";
import type { Tables } from "./tables.ts";
import { createOwnerQueue, toOwnerLock } from "./owner-queue.ts";

/** For how long an upload may come, and counts as open. */
export const UPLOAD_LIFE_MS = 60 * 60_000;
const UNUSED_LIFE_MS = 24 * 60 * 60_000;
const RETRY_AFTER_SECONDS = 60;

export function createUploads(database: Database): Uploads {
  const { nowMs, skipLocked, queries, reads, write, lock } = database;
  const queue = createOwnerQueue(database);

  return {
    create: (upload, mostOpen) =>
      queue.run(upload.ownerId, () =>
        write(async (transaction) => {
          if (mostOpen !== null) {
            await lock(transaction, toOwnerLock(upload.ownerId));
            await refuseAbove(transaction, nowMs, upload.ownerId, mostOpen);
          }
          await transaction
            .insertInto("uploads")
            .values({
              id: upload.id,
              owner_id: upload.ownerId,
              file_name: upload.fileName,
              content_type: upload.contentType,
              bytes: upload.bytes,
              created_at: nowMs,
            })
            .execute();
        }),
      ),

    async readMany(ids) {
      const rows = await inChunks(ids, (chunk) =>
        reads.selectFrom("uploads").selectAll().where("id", "in", chunk).execute(),
      );
      const found = new Map(rows.map((row) => [row.id, row]));
      return ids.map((id) => {
        const row = found.get(id);
        if (row === undefined) return null;
        const { owner_id: ownerId, file_name: fileName, content_type: contentType } = row;
        return { id, ownerId, fileName, contentType, bytes: row.bytes, file: row.file };
      });
    },

    receive: (id, file) =>
      write(async (transaction) => {
        const row = await transaction
          .updateTable("uploads")
          .set({ file })
          .where("id", "=", id)
          .where("file", "is", null)
          .where(isLeased(file, nowMs))
          .returning("id")
          .executeTakeFirst();
        if (row !== undefined) await endLease(transaction, file);
        return row !== undefined;
      }),

    async deleteUnused(limit) {
      const rows = await queries
        .deleteFrom("uploads")
        .where("id", "in", (eb) =>
          eb
            .selectFrom("uploads")
            .select("id")
            .where(isUnused(nowMs))
            .orderBy("created_at")
            .limit(limit)
            .modifyEnd(skipLocked),
        )
        .returning("id")
        .execute();
      return rows.length;
    },
  };
}

/** Of a row of `uploads`: whether it is a day old and no job names it. */
export function isUnused(nowMs: Database["nowMs"]): RawBuilder<boolean> {
  return sql`(created_at < ${nowMs} - ${sql.lit(UNUSED_LIFE_MS)}
    and not exists (select 1 from upload_uses where upload_id = uploads.id))`;
}

async function refuseAbove(
  transaction: Kysely<Tables>,
  nowMs: Database["nowMs"],
  ownerId: string,
  most: number,
): Promise<void> {
  const open = await transaction
    .selectFrom("uploads")
    .select("id")
    .where("owner_id", "=", ownerId)
    .where("file", "is", null)
    .where((eb) => eb("created_at", ">", eb(nowMs, "-", UPLOAD_LIFE_MS)))
    .offset(most - 1)
    .limit(1)
    .execute();
  if (open.length === 0) return;
  throw new LimitError(
    `You have ${toCountText(most, "uploads")} open, the most allowed. Send their bytes, or wait an hour until they expire.`,
    {
      limitName: "openUploads",
      code: "QUOTA_EXCEEDED",
      retryAfterSeconds: RETRY_AFTER_SECONDS,
      limit: most,
    },
  );
}

/** Notes that a job names these uploads, so that they stay. Rejects with an `InvalidInputError` when one is gone. */
export async function insertUses(
  transaction: Kysely<Tables>,
  jobId: string,
  uploads: readonly string[],
): Promise<void> {
  if (uploads.length === 0) return;
  const rows = await transaction
    .insertInto("upload_uses")
    .columns(["upload_id", "job_id"])
    .expression((eb) =>
      eb
        .selectFrom("uploads")
        .select(["id", sql.val(jobId).as("job_id")])
        .where("id", "in", uploads)
        .where("file", "is not", null),
    )
    .returning("upload_id")
    .execute();
  if (rows.length === uploads.length) return;
  throw new InvalidInputError([
    { path: [], message: "names an upload that has been deleted; upload the file again" },
  ]);
}
