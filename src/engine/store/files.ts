import { type Kysely, type RawBuilder, sql } from "kysely";

import type { Channels } from "../diagnostics/channels.ts";
import type { Job } from "../job/job.ts";
import type { KeptFile } from "../job/asset.ts";
import type { ChangeJob } from "./change-job.ts";
import { atMost, type Database } from "./database.ts";
import { inChunks } from "./job-rows.ts";
import type { Tables } from "./tables.ts";
import { endLease, isLeased, isUnused } from "./upload-rows.ts";

/** What a row costs to write, as if it were a document. */
const ROW_BYTES = 256;

type FilePlace = {
  readonly folder: string;
  readonly key: string;
  /** The file that is in the place of this database and in no other; null until there is one. */
  readonly marker: string | null;
};

/** A file that this gateway has claimed, to fetch it. */
export type ClaimedFile = {
  readonly jobId: string;
  readonly number: number;
  readonly url: string;
  /** Its job's upstream; null if unknown. */
  readonly upstream: string;
  /** This one included. */
  readonly attempts: number;
  /** How long ago its job ended. */
  readonly sinceEndMs: number;
  /** Proves the claim. */
  readonly token: number;
};

export type Files = ReturnType<typeof createFiles>;

/**
 * The copies of files that outputs name, and where all files of this database are. Each change of a copy is a new version
 * of its job, although that has ended, so that queries and the feed report it.
 */
export function createFiles(database: Database, changeJob: ChangeJob, { settled }: Channels) {
  const { nowMs, skipLocked, queries, reads, write, writeOne } = database;

  /** Changes a job's files, which makes a new version of the job. */
  async function change(
    jobId: string,
    where: RawBuilder<unknown>,
    and: (transaction: Kysely<Tables>) => Promise<unknown>,
    bytes = 0,
  ): Promise<boolean> {
    const set = sql`updated_at = ${nowMs}`;
    return (await changeJob(jobId, { set, where, and, bytes })) !== null;
  }

  const isOurs = ({ jobId, number, token }: ClaimedFile) =>
    sql<boolean>`job_id = ${jobId} and number = ${number} and due_at = ${token}`;

  async function setDue(file: ClaimedFile, delayMs: number): Promise<ClaimedFile | null> {
    const update = sql<Pick<ClaimedFile, "token">>`
      update kept_files set due_at = ${nowMs} + ${delayMs} where ${isOurs(file)}
        returning due_at as token`;
    const { rows } = await writeOne((queries) => update.execute(queries));
    return rows.length === 0 ? null : { ...file, ...rows[0] };
  }

  return {
    /** The folder of its own that this database has wherever files are, and what their URLs are signed with. */
    async readPlace(): Promise<FilePlace> {
      return await queries
        .selectFrom("file_places")
        .select(["folder", "key", "marker"])
        .executeTakeFirstOrThrow();
    },

    /** Remembers the name of a file by which the place is known from now on, unless there is one; resolves with that. */
    claimMarker: (given: string): Promise<string> =>
      write(async (transaction) => {
        const { marker } = await transaction
          .updateTable("file_places")
          .set({ marker: sql`coalesce(marker, ${given})` })
          .returning(sql<string>`marker`.as("marker"))
          .executeTakeFirstOrThrow();
        await endLease(transaction, marker);
        return marker;
      }),

    /** Comes before a file is written: unless a row names it by then, it is deleted so much later. */
    async lease(file: string, leaseMs: number): Promise<void> {
      // Several may make the same thumbnail at once.
      const insert = sql`
        insert into pending_deletions (file, due_at) values (${file}, ${nowMs} + ${leaseMs})
          on conflict (file) do update set due_at = excluded.due_at`;
      await writeOne((queries) => insert.execute(queries));
    },

    /** Claims at most `limit` files that are due for so long. `nextInMs` says when another one is; null when none is. */
    async claimDue(options: { readonly limit: number; readonly claimMs: number }) {
      const { limit, claimMs } = options;
      const claim = sql<ClaimedFile>`
        with due as (
          select job_id, number from kept_files where due_at <= ${nowMs}
          order by due_at limit ${atMost(limit)} ${skipLocked}
        )
        update kept_files set due_at = ${nowMs} + ${claimMs}, attempts = attempts + 1
        where (job_id, number) in (select job_id, number from due)
        returning job_id as "jobId", number, url, attempts, due_at as token,
          (select upstream from jobs where id = job_id) as upstream,
          ${nowMs} - (select coalesce(finished_at, updated_at) from jobs where id = job_id) as "sinceEndMs"
      `;
      const { rows: files } = await writeOne((queries) => claim.execute(queries));
      const { rows: next } = await sql<{ in_ms: number | null }>`
        select min(due_at) - ${nowMs} as in_ms from kept_files where due_at is not null
      `.execute(queries);
      return { files, nextInMs: next[0]?.in_ms ?? null };
    },

    /** Makes a claim longer; null when it is no longer ours. */
    renewClaim: setDue,
    /** Gives a claim up: the file is due so much later. */
    async putBack(file: ClaimedFile, delayMs: number): Promise<void> {
      await setDue(file, delayMs);
    },

    /** Stores the outcome of a file, as a new version of its job. False if the claim or the file's lease has ended. */
    async settle(file: ClaimedFile, kept: KeptFile): Promise<boolean> {
      const isSettled = await change(
        file.jobId,
        sql`exists (select 1 from kept_files where ${isOurs(file)})
          and ${kept.file === null ? sql`1 = 1` : isLeased(kept.file, nowMs)}`,
        async (transaction) => {
          await transaction
            .updateTable("kept_files")
            .set({ ...fromKept(kept), due_at: null })
            .where(isOurs(file))
            .execute();
          if (kept.file !== null) await endLease(transaction, kept.file);
        },
      );
      if (isSettled) settled.publish(kept.state);
      return isSettled;
    },

    /** Lets files of a finished job be fetched that are not kept, or FAILED. False when there are none. */
    async request(job: Job, urls: readonly string[]): Promise<boolean> {
      const numbers = await reads
        .selectFrom("kept_files")
        .select("number")
        .where("job_id", "=", job.id)
        .where("state", "!=", "FAILED")
        .execute();
      if (numbers.length === urls.length) return false;
      const insert = (transaction: Kysely<Tables>) => insertKeeps(transaction, database, job, urls);
      // A thousand of them take a commit alone.
      return await change(job.id, sql`finished_at is not null`, insert, urls.length * ROW_BYTES);
    },

    /** In the order of `jobIds`, each by the URL that the output names; all, or so many of the first of each job. */
    async readMany(
      jobIds: readonly string[],
      first: number | null = null,
    ): Promise<ReadonlyMap<string, KeptFile>[]> {
      const rows = await inChunks(jobIds, (chunk) =>
        reads
          .selectFrom("kept_files")
          .selectAll()
          .where("job_id", "in", chunk)
          .$if(first !== null, (files) => files.where("number", "<", first))
          .execute(),
      );
      const byJob = Map.groupBy(rows, (row) => row.job_id);
      return jobIds.map((id) => new Map(byJob.get(id)?.map((row) => [row.url, toKept(row)])));
    },

    /** Of which jobs copies are still to come, in the order of `jobIds`. */
    async findPending(jobIds: readonly string[]): Promise<boolean[]> {
      const rows = await inChunks(jobIds, (chunk) =>
        reads
          .selectFrom("kept_files")
          .select("job_id")
          .distinct()
          .where("job_id", "in", chunk)
          .where("state", "=", "PENDING")
          .execute(),
      );
      const pending = new Set(rows.map((row) => row.job_id));
      return jobIds.map((id) => pending.has(id));
    },

    /** How many files of some jobs are kept, counted to one above `most`, and how many bytes those have. */
    async countKept(jobIds: readonly string[], most: number) {
      if (jobIds.length === 0) return { files: 0, bytes: 0 };
      const { rows } = await sql<{ readonly files: number; readonly bytes: number }>`
        select count(*) as files, cast(coalesce(sum(bytes), 0) as bigint) as bytes from (
          select bytes from kept_files where job_id in (${sql.join(jobIds)}) and state = 'KEPT'
            limit ${atMost(most + 1)}
        ) as kept`.execute(reads);
      return rows[0] ?? { files: 0, bytes: 0 };
    },

    /** The owners' ids by name, of those of these names that a kept file has, or an upload that stays. */
    async findOwners(names: readonly string[]): Promise<ReadonlyMap<string, string>> {
      const rows = await inChunks(names, async (chunk) => {
        const isNamed = sql`file in (${sql.join(chunk)})`;
        const found = await sql<{ readonly file: string; readonly owner_id: string }>`
          select file, owner_id from kept_files join jobs on id = job_id where ${isNamed}
          union all
          select file, owner_id from uploads where ${isNamed} and not ${isUnused(nowMs)}`.execute(
          reads,
        );
        return found.rows;
      });
      return new Map(rows.map((row) => [row.file, row.owner_id]));
    },

    /** Names of files without a row: it is gone, or their lease has ended. */
    async listPendingDeletions(limit: number): Promise<string[]> {
      const { rows } = await sql<Pick<Tables["pending_deletions"], "file">>`
        select file from pending_deletions where due_at <= ${nowMs} limit ${atMost(limit)}`.execute(
        queries,
      );
      return rows.map(({ file }) => file);
    },

    /** Forgets some that were deleted, or that stay without a row. */
    async forgetDeletions(names: readonly string[]): Promise<void> {
      await inChunks(names, (chunk) =>
        writeOne((queries) =>
          queries.deleteFrom("pending_deletions").where("file", "in", chunk).execute(),
        ),
      );
    },
  };
}

/** Lets the files be fetched at once, but for those that are kept or will be. */
export async function insertKeeps(
  transaction: Kysely<Tables>,
  { nowMs, toRecords }: Pick<Database, "nowMs" | "toRecords">,
  { id }: Pick<Job, "id">,
  urls: readonly string[],
): Promise<void> {
  // With five parameters for each of a thousand, to make the statement takes longer than to run it.
  const types = { number: "integer", url: "text" } as const;
  const records = urls.map((url, number) => ({ number, url }));
  await sql`
    insert into kept_files (job_id, number, url, state, due_at)
    select ${id}, number, url, 'PENDING', ${nowMs}
    from ${toRecords("given", types, records)} where true
    on conflict (job_id, number) do update
      set state = 'PENDING', due_at = ${nowMs}, attempts = 0, reason = null
      where kept_files.state = 'FAILED'`.execute(transaction);
}

function fromKept({ contentType, ...kept }: KeptFile) {
  return { ...kept, content_type: contentType };
}

function toKept(row: Omit<Tables["kept_files"], "attempts">): KeptFile {
  return {
    state: row.state,
    file: row.file,
    contentType: row.content_type,
    bytes: row.bytes,
    width: row.width,
    height: row.height,
    reason: row.reason,
  };
}
