import { type Kysely, type RawBuilder, sql } from "kysely";

import type { Database } from "./database.ts";
import type { JobRow } from "./job-rows.ts";
import type { Tables } from "./tables.ts";

/** Writes what is new of a job apart from its run. */
export type ChangeJob = (
  jobId: string,
  change: {
    /** Assignments. */
    readonly set: RawBuilder<unknown>;
    readonly where: RawBuilder<unknown>;
    /** What else is written then. */
    readonly and?: (transaction: Kysely<Tables>) => Promise<unknown>;
    readonly bytes?: number;
  },
) => Promise<JobRow | null>;

/**
 * Makes a new version of a job of which `where` holds, and what goes with it, all or nothing, and wakes its watchers.
 * Resolves with the job as it is then. Jobs come first, as a deletion locks them.
 */
export function createChangeJob(
  { write, writeOne }: Database,
  announce: (jobId: string, ownerId: string) => void,
): ChangeJob {
  return async (jobId, { set, where, and, bytes = 0 }) => {
    const update = sql<JobRow>`
      update jobs set version = version + 1, ${set} where id = ${jobId} and ${where} returning *`;
    const row = await (and === undefined ? writeOne : write)(async (transaction) => {
      const { rows } = await update.execute(transaction);
      if (rows.length > 0) await and?.(transaction);
      return rows[0];
    }, bytes);
    if (row !== undefined) announce(jobId, row.owner_id);
    return row ?? null;
  };
}
