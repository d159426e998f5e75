import { type Kysely, type RawBuilder, type Selectable, sql } from "kysely";

import { InvalidInputError } from "../job/errors.ts";
import { LimitError, toCountText } from "../../runtime/coded-error.ts";
import { atMost, type Database } from "./database.ts";
import { inChunks, inOrder } from "./job-rows.ts";
import type { Tables } from "./tables.ts";
import { createOwnerWrites } from "./quotas.ts";

/** For how long an upload may come, and counts as open. */
export const UPLOAD_LIFE_MS = 60 * 60_000;
const UNUSED_LIFE_MS = 24 * 60 * 60_000;
const RETRY_AFTER_SECONDS = 60;

/** Longer than a transaction takes, so that no row names a file that somebody begins to delete. */
const LEASE_MARGIN_MS = 60_000;

type NewUpload = {
  readonly id: string;
  readonly ownerId: string;
  readonly fileName: string;
  readonly contentType: string;
  readonly bytes: number;
};

/** `file` is the name of its file; null until all of it has come. */
export type Upload = NewUpload & {
  readonly file: string | null;
  /** In pixels, upright; null for what is no picture, or not known. */
  readonly width: number | null;
  readonly height: number | null;
  readonly createdAt: Date;
};

/** The outcome of an upload. */
type Received = Pick<Upload, "width" | "height"> & { readonly file: string };

export type Uploads = ReturnType<typeof createUploads>;

/** Files that clients bring. */
export function createUploads(database: Database) {
  const { nowMs, skipLocked, queries, reads, write } = database;
  const writeFor = createOwnerWrites(database);

  return {
    /** Rejects with a `LimitError` when the owner has `mostOpen` uploads that have not come; no limit when null. */
    create: (upload: NewUpload, mostOpen: number | null): Promise<void> =>
      writeFor(mostOpen === null ? null : upload.ownerId, async (transaction) => {
        if (mostOpen !== null) await refuseAbove(transaction, nowMs, upload.ownerId, mostOpen);
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

    /** In the order of `ids`, null if there is none. An approver also gets those of others' jobs that wait for approval. */
    async readMany(
      ids: readonly string[],
      ownerId?: string,
      isApprover = false,
    ): Promise<(Upload | null)[]> {
      const ofUnapproved = sql<boolean>`exists (select 1 from upload_uses
        join holds on holds.job_id = upload_uses.job_id
          where upload_id = uploads.id and needs_approval = 1)`;
      const rows = await inChunks(ids, (chunk) =>
        reads
          .selectFrom("uploads")
          .selectAll()
          .where("id", "in", chunk)
          .$if(ownerId !== undefined, (uploads) =>
            uploads.where(isOwners(String(ownerId), isApprover, ofUnapproved)),
          )
          .execute(),
      );
      return inOrder(ids, rows, toUpload);
    },

    /**
     * The owner's that each job's input names, in the order of `jobIds`; of each job the oldest first. An approver also
     * gets those of others' jobs that wait for approval.
     */
    async readOfJobs(
      jobIds: readonly string[],
      ownerId: string,
      isApprover = false,
    ): Promise<Upload[][]> {
      const ofUnapproved = sql<boolean>`exists (select 1 from holds
        where holds.job_id = upload_uses.job_id and needs_approval = 1)`;
      const rows = await inChunks(jobIds, (chunk) =>
        reads
          .selectFrom("upload_uses")
          .innerJoin("uploads", "uploads.id", "upload_id")
          .selectAll("uploads")
          .select("job_id")
          .where("job_id", "in", chunk)
          .where(isOwners(ownerId, isApprover, ofUnapproved))
          .execute(),
      );
      // Sorted here: readers' settings would have the database go through everybody's in this order.
      rows.sort((one, other) => one.created_at - other.created_at || (one.id < other.id ? -1 : 1));
      const byJob = Map.groupBy(rows, (row) => row.job_id);
      return jobIds.map((id) => (byJob.get(id) ?? []).map(toUpload));
    },

    /** Notes that all of it has come. False when it has already, or is gone. */
    receive: (id: string, { file, width, height }: Received): Promise<boolean> =>
      write(async (transaction) => {
        const { rows } = await sql`
          update uploads set file = ${file}, width = ${width}, height = ${height}
            where id = ${id} and file is null and ${isLeased(file, nowMs)} returning id`.execute(
          transaction,
        );
        if (rows.length > 0) await endLease(transaction, file);
        return rows.length > 0;
      }),

    /** Deletes at most `limit` uploads that are a day old and that no job names; returns how many. */
    async deleteUnused(limit: number): Promise<number> {
      const { rows } = await sql`
        with unused as (
          select id from uploads where ${isUnused(nowMs)}
            order by created_at limit ${atMost(limit)} ${skipLocked}
        )
        delete from uploads where id in (select id from unused) returning id`.execute(queries);
      return rows.length;
    },
  };
}

function isOwners(
  ownerId: string,
  isApprover: boolean,
  ofUnapproved: RawBuilder<boolean>,
): RawBuilder<boolean> {
  const isTheirs = sql<boolean>`uploads.owner_id = ${ownerId}`;
  return isApprover ? sql`(${isTheirs} or ${ofUnapproved})` : isTheirs;
}

function toUpload(row: Selectable<Tables["uploads"]>): Upload {
  return {
    id: row.id,
    ownerId: row.owner_id,
    fileName: row.file_name,
    contentType: row.content_type,
    bytes: row.bytes,
    file: row.file,
    width: row.width,
    height: row.height,
    createdAt: new Date(row.created_at),
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
  const { rows } = await sql`
    select id from uploads
      where owner_id = ${ownerId} and file is null and created_at > ${nowMs} - ${UPLOAD_LIFE_MS}
      limit 1 offset ${most - 1}`.execute(transaction);
  if (rows.length === 0) return;
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
  const { rows } = await sql`
    insert into upload_uses (upload_id, job_id)
      select id, ${jobId} from uploads where id in (${sql.join(uploads)}) and file is not null
      returning upload_id`.execute(transaction);
  if (rows.length === uploads.length) return;
  throw new InvalidInputError([
    { path: [], message: "names an upload that has been deleted; upload the file again" },
  ]);
}

/** Whether a row may name a file: its lease goes on for a while. */
export function isLeased(file: string, nowMs: Database["nowMs"]): RawBuilder<boolean> {
  return sql`exists (select 1 from pending_deletions
    where file = ${file} and due_at > ${nowMs} + ${sql.lit(LEASE_MARGIN_MS)})`;
}

/** Comes with the row that names the file: nobody deletes it from then on. */
export async function endLease(transaction: Kysely<Tables>, file: string): Promise<void> {
  await transaction.deleteFrom("pending_deletions").where("file", "=", file).execute();
}
