import { type Expression, type ExpressionBuilder, type Kysely, type SqlBool } from "kysely";

import { JOB_STATUSES, type JobStatus } from "../job/job-status.ts";
import { JOB_COLUMNS, type JobRow } from "./job-rows.ts";
import type { JobFilter, JobRange } from "./job-store.ts";
import type { Tables } from "./tables.ts";

/** A stretch of the list, by keyset: it begins at a place in an index, however many jobs stand before it. */
export async function selectJobs(queries: Kysely<Tables>, range: JobRange): Promise<JobRow[]> {
  const direction = range.direction === "forward" ? "desc" : "asc";
  const stretch = (status: JobStatus | null) =>
    queries
      .selectFrom("jobs")
      .select(JOB_COLUMNS)
      .where((eb) =>
        eb.and([...inRange(eb, range), ...(status === null ? [] : [eb("status", "=", status)])]),
      )
      .orderBy("created_at", direction)
      .orderBy("id", direction)
      .limit(range.limit);

  const statuses = toStatuses(range.filter);
  if (statuses === null) return await stretch(null).execute();
  // Each status gives the first of its own from its index and the first of those are taken: a plain
  // `status in (…)` would sort all jobs of these statuses for every page.
  const [first, ...others] = statuses.map((status) =>
    queries.selectFrom(stretch(status).as("stretch")).selectAll(),
  );
  if (first === undefined) return [];
  return await queries
    .selectFrom(others.reduce((union, other) => union.unionAll(other), first).as("stretches"))
    .selectAll()
    .orderBy("created_at", direction)
    .orderBy("id", direction)
    .limit(range.limit)
    .execute();
}

export async function countJobs(queries: Kysely<Tables>, filter: JobFilter): Promise<number> {
  const statuses = toStatuses(filter);
  if (statuses?.length === 0) return 0;
  const { count } = await queries
    .selectFrom("jobs")
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .where((eb) =>
      eb.and([
        ...inFilter(eb, filter),
        ...(statuses === null ? [] : [eb("status", "in", statuses)]),
      ]),
    )
    .executeTakeFirstOrThrow();
  return count;
}

/** The statuses that a filter asks for, each once; null when it asks for all. */
function toStatuses(filter: JobFilter): JobStatus[] | null {
  if (filter.statuses === undefined) return null;
  const statuses = JOB_STATUSES.filter((status) => filter.statuses?.includes(status));
  return statuses.length === JOB_STATUSES.length ? null : statuses;
}

function inRange(eb: ExpressionBuilder<Tables, "jobs">, range: JobRange): Expression<SqlBool>[] {
  const place = eb.refTuple("created_at", "id");
  const conditions = inFilter(eb, range.filter);
  if (range.after !== undefined) {
    conditions.push(eb(place, "<", eb.tuple(range.after.createdAt.getTime(), range.after.id)));
  }
  if (range.before !== undefined) {
    conditions.push(eb(place, ">", eb.tuple(range.before.createdAt.getTime(), range.before.id)));
  }
  return conditions;
}

/** All of a filter but its statuses. */
function inFilter(eb: ExpressionBuilder<Tables, "jobs">, filter: JobFilter): Expression<SqlBool>[] {
  const conditions: Expression<SqlBool>[] = [];
  if (filter.ownerId !== undefined) conditions.push(eb("job_owner", "=", filter.ownerId));
  if (filter.deploymentId !== undefined) {
    conditions.push(eb("deployment_id", "=", filter.deploymentId));
  }
  if (filter.createdAfter !== undefined) {
    conditions.push(eb("created_at", ">", filter.createdAfter.getTime()));
  }
  if (filter.createdBefore !== undefined) {
    conditions.push(eb("created_at", "<", filter.createdBefore.getTime()));
  }
  return conditions;
}
