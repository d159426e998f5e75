import { type Kysely, sql } from "kysely";

import type { Job } from "../job/job.ts";
import type { ChangeJob } from "./change-job.ts";
import { atMost, type Database } from "./database.ts";
import { STAR, toJob } from "./job-rows.ts";
import { createWalkBudget, type WalkBudget } from "./list-jobs.ts";
import type { Tables } from "./tables.ts";

/** What an owner finds a job by; each tag once. */
export type Labels = Pick<Job, "tags" | "isStarred">;

export type TagCount = { readonly tag: string; readonly count: number };

/** Nobody else is served during a step, and above this, people want to know that there are many, and not how many. */
const ROWS_PER_STEP = 1_000;
/** An owner may have given each job a tag of its own. */
const MAX_TAGS_HELD = 1_000;
/** Above all that a tag has behind its beginning. */
const LAST_LETTER = "\u{10FFFF}";

export function createLabels({ reads }: Database, change: ChangeJob) {
  async function readStep(ownerId: string, startsWith: string, from: string, isBehind: boolean) {
    const { rows } = await sql<TagCount>`
      select tag, count(*) as count from (
        select tag from job_tags
        where owner_id = ${ownerId} and tag ${sql.raw(isBehind ? ">" : ">=")} ${from}
          and tag < ${startsWith + LAST_LETTER}
        order by tag limit ${atMost(ROWS_PER_STEP)}
      ) as seen group by tag order by tag`.execute(reads);
    return rows;
  }

  return {
    /**
     * Gives a job other labels, as a new version of it, whether or not it has ended. Null, and nothing written, where it is
     * gone or its labels are no more what they were.
     */
    async label(job: Job, labels: Labels): Promise<Job | null> {
      const row = await change(job.id, {
        // Not the time of the last change: how long a job may still wait is counted from that.
        set: sql`tags = ${JSON.stringify(labels.tags)}, starred = ${Number(labels.isStarred)},
          labels_version = version + 1`,
        // Mutant: no fence on the labels
        where: sql`tags = ${JSON.stringify(job.tags)} and starred = ${Number(job.isStarred)}`,
        async and(transaction) {
          await transaction.deleteFrom("job_tags").where("job_id", "=", job.id).execute();
          await insertLabels(transaction, { ...job, ...labels });
        },
      });
      return row && toJob(row);
    },

    /**
     * The tags of an owner that begin like this, with how many jobs have each, to 1,000 and no further: the most used first,
     * as far as the budget lets them be counted.
     */
    async countTags(
      ownerId: string,
      { startsWith, limit }: { readonly startsWith: string; readonly limit: number },
      budget: WalkBudget = createWalkBudget(),
    ): Promise<readonly TagCount[]> {
      let counts = new Map<string, number>();
      let from = startsWith === "" ? STAR : startsWith;
      for (let isBehind = startsWith === ""; ;) {
        const { value: rows } = await budget.step(() =>
          readStep(ownerId, startsWith, from, isBehind),
        );
        for (const { tag, count } of rows) counts.set(tag, Math.max(count, counts.get(tag) ?? 0));
        const read = rows.reduce((sum, { count }) => sum + count, 0);
        if (read < ROWS_PER_STEP || budget.isSpent()) return toMostUsed(counts, limit);
        if (counts.size > MAX_TAGS_HELD)
          counts = new Map(toMostUsed(counts, limit).map(({ tag, count }) => [tag, count]));
        // The last one may have more jobs, and is read once more, unless that would come no further.
        isBehind = rows.length === 1;
        from = rows.at(-1)?.tag ?? from;
      }
    },
  };
}

/** Adds what lists of a new job's labels, or of its other labels, find it by. */
export async function insertLabels(
  transaction: Kysely<Tables>,
  { id: job_id, ownerId: owner_id, createdAt, tags, isStarred }: Job,
): Promise<void> {
  const labels = isStarred ? [...tags, STAR] : tags;
  if (labels.length === 0) return;
  const created_at = createdAt.getTime();
  await transaction
    .insertInto("job_tags")
    .values(labels.map((tag) => ({ job_id, tag, owner_id, created_at })))
    .execute();
}

function toMostUsed(counts: ReadonlyMap<string, number>, limit: number): readonly TagCount[] {
  return Array.from(counts, ([tag, count]) => ({ tag, count }))
    .toSorted((a, b) => b.count - a.count || (a.tag < b.tag ? -1 : 1))
    .slice(0, limit);
}
