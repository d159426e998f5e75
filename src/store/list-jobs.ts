import {
  type Expression,
  type ExpressionBuilder,
  type Kysely,
  type RawBuilder,
  type SelectQueryBuilder,
  sql,
  type SqlBool,
} from "kysely";

import { JOB_STATUSES, type JobStatus } from "../job/job.ts";
import { JOB_COLUMNS, toJob } from "./job-rows.ts";
import type { JobFilter, JobPosition, JobRange, Jobs } from "./job-store.ts";
import type { Tables } from "./tables.ts";

/** Whoever has more jobs than this wants to know that, and not how many. */
const MOST_COUNTED = 10_000;

/** What is read along an index, past no row that does not count. */
export function createJobLists(
  reads: Kysely<Tables>,
): Pick<Jobs, "list" | "count" | "listDeploymentIds" | "hasDeployment"> {
  return {
    /** By keyset: it begins at a place in an index, however many jobs stand before it. */
    async list(range) {
      const direction = range.direction === "forward" ? "desc" : "asc";
      const stretches = toStretches(range.filter).map((status) =>
        reads
          .selectFrom("jobs")
          .select(JOB_COLUMNS)
          .where((eb) => eb.and([...inRange(eb, range), ...ofStatus(eb, status)]))
          .orderBy(ageOf(range.filter), direction)
          .orderBy("id", direction)
          .limit(range.limit),
      );
      const [first, ...others] = stretches;
      if (first === undefined) return [];
      if (others.length === 0) return (await first.execute()).map(toJob);
      const subqueries = stretches.map((query) =>
        reads.selectFrom(query.as("stretch")).selectAll(),
      );
      const rows = await reads
        .selectFrom(subqueries.reduce((union, query) => union.unionAll(query)).as("stretches"))
        .selectAll()
        .orderBy("created_at", direction)
        .orderBy("id", direction)
        .limit(range.limit)
        .execute();
      return rows.map(toJob);
    },

    /** Each status along its index, and none further than all together may be. */
    async count(filter) {
      const stretches = toStretches(filter).map((status) =>
        reads
          .selectFrom(
            reads
              .selectFrom("jobs")
              .select("id")
              .where((eb) => eb.and([...inFilter(eb, filter), ...ofStatus(eb, status)]))
              .orderBy(ageOf(filter))
              .limit(MOST_COUNTED)
              .as("stretch"),
          )
          .select("id"),
      );
      if (stretches.length === 0) return 0;
      const all = stretches.reduce((union, query) => union.unionAll(query)).as("stretches");
      return await countIds(reads, reads.selectFrom(all).select("id"));
    },

    async listDeploymentIds(ownerId) {
      const isOwn = ownerId === undefined ? sql`1 = 1` : sql`owner_id = ${ownerId}`;
      // From one id straight to the next in the index, past all jobs between them.
      const { rows } = await sql<{ readonly id: string }>`
        with recursive deployments (id) as (
          select min(deployment_id) from jobs where ${isOwn}
          union all
          select (select min(deployment_id) from jobs
            where ${isOwn} and deployment_id > deployments.id)
          from deployments where deployments.id is not null
        )
        select id from deployments where id is not null order by id`.execute(reads);
      return rows.map((row) => row.id);
    },

    async hasDeployment(deploymentId, ownerId) {
      const filter = { deploymentId, ...(ownerId !== undefined && { ownerId }) };
      const row = await reads
        .selectFrom("jobs")
        .select("id")
        .where((eb) => eb.and(inFilter(eb, filter)))
        // In the order of an index: without one Postgres may read through everybody's jobs instead.
        .orderBy("status")
        .orderBy(ageOf(filter))
        .orderBy("id")
        .limit(1)
        .executeTakeFirst();
      return row !== undefined;
    },
  };
}

/** How many a query finds, 10,000 at most. */
export async function countIds(
  reads: Kysely<Tables>,
  ids: SelectQueryBuilder<Tables, never, { id: string }>,
): Promise<number> {
  const { count } = await reads
    .selectFrom(ids.limit(MOST_COUNTED).as("counted"))
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .executeTakeFirstOrThrow();
  return count;
}

/**
 * The statuses whose stretches make up the list, each once; null alone where one stretch holds it all. A plain
 * `status in (…)` would sort all jobs of these statuses for every page, and a deployment's jobs are indexed by status.
 */
function toStretches({
  statuses = JOB_STATUSES,
  deploymentId,
}: JobFilter): readonly (JobStatus | null)[] {
  const wanted = JOB_STATUSES.filter((status) => statuses.includes(status));
  const isAll = wanted.length === JOB_STATUSES.length && deploymentId === undefined;
  return isAll ? [null] : wanted;
}

/**
 * When a job was created, spelt as the one index for such lists has it. Were it spelt the same in all of them, a database
 * that misjudges how many jobs a filter lets through would walk along another index and pass over thousands.
 */
export function ageOf(filter: JobFilter): RawBuilder<number> {
  const isOwn = filter.ownerId !== undefined;
  if (filter.deploymentId !== undefined)
    return isOwn ? sql`(created_at * 1)` : sql`(0 + created_at)`;
  if (toStretches(filter)[0] !== null) return isOwn ? sql`(created_at - 0)` : sql`(created_at + 0)`;
  return sql`created_at`;
}

type Conditions = Expression<SqlBool>[];
type Builder = ExpressionBuilder<Tables, "jobs">;

function ofStatus(eb: Builder, status: JobStatus | null): Conditions {
  return status === null ? [] : [eb("status", "=", status)];
}

function inRange(eb: Builder, range: JobRange): Conditions {
  const { filter } = range;
  return [...inFilter(eb, filter), ...betweenPlaces(range, ageOf(filter), sql`id`)];
}

/** What holds of the rows between the places of a range, by an index of `age` and `id`. */
export function betweenPlaces(
  { after, before }: JobRange,
  age: RawBuilder<number>,
  id: RawBuilder<string>,
): Conditions {
  const toTuple = (place: JobPosition) => sql`(${place.createdAt.getTime()}, ${place.id})`;
  const conditions: Conditions = [];
  // SQLite finds no place in an index of expressions by two of them, so it is given the first once more.
  if (after !== undefined) {
    conditions.push(sql<SqlBool>`${age} <= ${after.createdAt.getTime()}`);
    conditions.push(sql<SqlBool>`(${age}, ${id}) < ${toTuple(after)}`);
  }
  if (before !== undefined) {
    conditions.push(sql<SqlBool>`${age} >= ${before.createdAt.getTime()}`);
    conditions.push(sql<SqlBool>`(${age}, ${id}) > ${toTuple(before)}`);
  }
  return conditions;
}

/** All of a filter but its statuses. */
function inFilter(eb: Builder, filter: JobFilter): Conditions {
  const { ownerId, deploymentId, createdAfter, createdBefore } = filter;
  const age = ageOf(filter);
  const conditions: Conditions = [];
  if (ownerId !== undefined) conditions.push(eb("owner_id", "=", ownerId));
  if (deploymentId !== undefined) conditions.push(eb("deployment_id", "=", deploymentId));
  if (createdAfter !== undefined) conditions.push(eb(age, ">", createdAfter.getTime()));
  if (createdBefore !== undefined) conditions.push(eb(age, "<", createdBefore.getTime()));
  return conditions;
}
