import {
  type Expression,
  type ExpressionBuilder,
  type Kysely,
  type RawBuilder,
  sql,
  type SqlBool,
} from "kysely";

import { JOB_COLUMNS, toJob } from "./job-rows.ts";
import type { JobFilter, Jobs } from "./job-store.ts";
import { betweenPlaces, countIds } from "./list-jobs.ts";
import type { Tables } from "./tables.ts";

type Lists = Pick<Jobs, "list" | "count">;
type TagFilter = JobFilter & { readonly tag: string };

/**
 * Finds the jobs of a tag along `job_tags`, past those that a status or a deployment leaves out; `lists` finds the jobs
 * where no tag is asked for.
 */
export function createTaggedLists(reads: Kysely<Tables>, lists: Lists): Lists {
  /** Crossed, or SQLite might begin with the jobs. */
  const select = (filter: TagFilter) =>
    reads
      .selectFrom("job_tags")
      .crossJoin("jobs")
      .whereRef("jobs.id", "=", "job_tags.job_id")
      .where((eb) => {
        const { tag, ownerId, createdAfter, createdBefore } = filter;
        const age = ageOf(filter);
        const conditions: Expression<SqlBool>[] = [eb("tag", "=", tag), ...toLookUp(eb, filter)];
        if (ownerId !== undefined) conditions.push(eb("job_tags.owner_id", "=", ownerId));
        if (createdAfter !== undefined) conditions.push(eb(age, ">", createdAfter.getTime()));
        if (createdBefore !== undefined) conditions.push(eb(age, "<", createdBefore.getTime()));
        return eb.and(conditions);
      });

  return {
    async list(range) {
      const { filter, limit } = range;
      if (!hasTag(filter)) return await lists.list(range);
      if (filter.statuses?.length === 0) return [];
      const age = ageOf(filter);
      const direction = range.direction === "forward" ? "desc" : "asc";
      const rows = await select(filter)
        .select(JOB_COLUMNS.map((column) => `jobs.${column}` as const))
        .where(({ and }) => and(betweenPlaces(range, age, sql`job_tags.job_id`)))
        .orderBy(age, direction)
        .orderBy("job_tags.job_id", direction)
        .limit(limit)
        .execute();
      return rows.map(toJob);
    },

    async count(filter) {
      if (!hasTag(filter)) return await lists.count(filter);
      if (filter.statuses?.length === 0) return 0;
      return await countIds(reads, select(filter).select("jobs.id").orderBy(ageOf(filter)));
    },
  };
}

/**
 * What is asked of each job of the tag by a look at that job alone. As conditions of the join, Postgres would go through
 * all jobs for each of them wherever it expects few of the status.
 */
function toLookUp(
  eb: ExpressionBuilder<Tables, "job_tags">,
  { statuses, deploymentId }: TagFilter,
): Expression<SqlBool>[] {
  if (statuses === undefined && deploymentId === undefined) return [];
  const isWanted = eb
    .selectFrom("jobs as one")
    .whereRef("one.id", "=", "job_tags.job_id")
    .select((one) => {
      const conditions: Expression<SqlBool>[] = [];
      if (statuses !== undefined) conditions.push(one("one.status", "in", statuses));
      if (deploymentId !== undefined) conditions.push(one("one.deployment_id", "=", deploymentId));
      return one.and(conditions).as("is_wanted");
    });
  return [sql<SqlBool>`${isWanted}`];
}

function hasTag(filter: JobFilter): filter is TagFilter {
  return filter.tag !== undefined;
}

/** As in `list-jobs.ts`: spelt so that each list has but one index. */
function ageOf({ ownerId }: JobFilter): RawBuilder<number> {
  return ownerId === undefined ? sql`(job_tags.created_at + 0)` : sql`job_tags.created_at`;
}
