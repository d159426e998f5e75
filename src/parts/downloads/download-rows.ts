import { type Generated, type Selectable, sql } from "kysely";

import { atMost } from "../../engine/store/database.ts";
import { createOwnerWrites } from "../../engine/store/quotas.ts";
import type { JobStore } from "../../engine/store/job-store.ts";

type DownloadTables = {
  readonly downloads: {
    readonly id: string;
    readonly owner_id: string;
    /** JSON: a list of texts. */
    readonly job_ids: string;
    readonly expires_at: number;
    /** Until then some gateway sends it. */
    readonly claimed_until: Generated<number>;
    /** 1 where the jobs may be anybody's. */
    readonly reads_all: Generated<number>;
  };
};

/** Of an owner's, the newest stay. */
const MAX_OF_OWNER = 20;

/** At once, so that nobody waits long for it: more than are made. */
const MAX_FORGOTTEN = 100;

/** Which jobs an owner downloads. */
export type Download = {
  readonly id: string;
  readonly ownerId: string;
  readonly jobIds: readonly string[];
  /** Whether the jobs may be anybody's, and not the owner's alone. */
  readonly readsAll: boolean;
};

export type DownloadRows = ReturnType<typeof createDownloadRows>;

/** What owners may download, each for a while, and which of it they do: one at a time, on whichever gateway. */
export function createDownloadRows({ database, publish }: Pick<JobStore, "database" | "publish">) {
  const { nowMs, skipLocked, rowId, isRowOf, queries, reads } = database;
  const writeFor = createOwnerWrites(database);
  const isUnclaimed = sql`claimed_until <= ${nowMs}`;

  /** Of a row that is called `wanted`: whether its owner has none claimed. */
  const isFree = sql`not exists (
    select 1 from downloads where owner_id = wanted.owner_id and claimed_until > ${nowMs}
  )`;

  return publish("downloads", {
    /** Lets it be claimed for so long, and forgets those that can't be any more. */
    create: ({ id, ownerId, jobIds, readsAll }: Download, lifeMs: number): Promise<void> =>
      writeFor(ownerId, async (transaction) => {
        // Read once: Postgres walks no index as far as a clock that goes on.
        await sql`delete from downloads where ${isRowOf(sql`
          select ${rowId} from downloads where expires_at <= (select ${nowMs}) and ${isUnclaimed}
            order by expires_at limit ${atMost(MAX_FORGOTTEN)} ${skipLocked}`)}`.execute(
          transaction,
        );
        await sql`delete from downloads where owner_id = ${ownerId} and ${isUnclaimed} and id not in (
          select id from downloads where owner_id = ${ownerId} and ${isUnclaimed}
            order by expires_at desc limit ${sql.lit(MAX_OF_OWNER - 1)}
        )`.execute(transaction);
        await sql`insert into downloads (id, owner_id, job_ids, reads_all, expires_at) values
          (${id}, ${ownerId}, ${JSON.stringify(jobIds)}, ${Number(readsAll)}, ${nowMs} + ${lifeMs})`.execute(
          transaction,
        );
      }),

    /** Null if there is none; false while its owner has one claimed. */
    async claim(id: string, claimMs: number): Promise<Download | null | false> {
      const known = sql<{ readonly owner_id: string; readonly is_free: unknown }>`
        select owner_id, ${isFree} as is_free from downloads as wanted where id = ${id}`;
      const { rows } = await known.execute(reads);
      const [row] = rows;
      // Those who ask in vain write nothing.
      if (row === undefined || !row.is_free) return row === undefined ? null : false;
      const { owner_id: ownerId } = row;
      const claimed = await writeFor(ownerId, async (transaction) => {
        const claim = sql<Pick<Selectable<DownloadTables["downloads"]>, "job_ids" | "reads_all">>`
          update downloads as wanted set claimed_until = ${nowMs} + ${claimMs}
            where id = ${id} and ${isFree} returning job_ids, reads_all`;
        return (await claim.execute(transaction)).rows;
      });
      const [taken] = claimed;
      if (taken === undefined) return false;
      return { id, ownerId, jobIds: JSON.parse(taken.job_ids), readsAll: taken.reads_all === 1 };
    },

    /** Makes a claim longer, or ends it with 0. */
    async renewClaim(id: string, claimMs: number): Promise<void> {
      await sql`update downloads set claimed_until = ${nowMs} + ${claimMs} where id = ${id}`.execute(
        queries,
      );
    },
  });
}
