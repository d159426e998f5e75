import {
  type Expression,
  type ExpressionBuilder,
  type Kysely,
  type RawBuilder,
  sql,
  type SqlBool,
} from "kysely";

import { JOB_STATUSES, type JobStatus } from "../job/job-status.ts";
import { JOB_COLUMNS, type JobRow } from "./job-rows.ts";
import type { JobFilter, JobPosition, JobRange } from "./job-store.ts";
import type { Tables } from "./tables.ts";

/** Whoever has more jobs than this wants to know that, and not how many. */
const MOST_COUNTED = 10_000;

/**
 * A stretch of the list, by keyset: it begins at a place in an index, however many jobs stand before it, and reads no
 * row that it does not give.
 */
export async function selectJobs(queries: Kysely<Tables>, range: JobRange): Promise<JobRow[]> {
  const direction = range.direction === "forward" ? "desc" : "asc";
  const stretch = (status: JobStatus | null) =>
    queries
      .selectFrom("jobs")
      .select(JOB_COLUMNS)
      .where((eb) => eb.and([...inRange(eb, range), ...ofStatus(eb, status)]))
      .orderBy(ageOf(range.filter), direction)
      .orderBy("id", direction)
      .limit(range.limit);

  const statuses = toStretches(range.filter);
  if (statuses === null) return await stretch(null).execute();
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

/** See `Jobs.count`. Each status is counted along its index, and none further than all together may be. */
export async function countJobs(queries: Kysely<Tables>, filter: JobFilter): Promise<number> {
  const [first, ...others] = (toStretches(filter) ?? [null]).map((status) =>
    queries
      .selectFrom(
        queries
          .selectFrom("jobs")
          .select("id")
          .where((eb) => eb.and([...inFilter(eb, filter), ...ofStatus(eb, status)]))
          .orderBy(ageOf(filter))
          .limit(MOST_COUNTED)
          .as("stretch"),
      )
      .select("id"),
  );
  if (first === undefined) return 0;
  const counted = others.reduce((union, other) => union.unionAll(other), first);
  const { count } = await queries
    .selectFrom(
      queries.selectFrom(counted.as("stretches")).select("id").limit(MOST_COUNTED).as("counted"),
    )
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .executeTakeFirstOrThrow();
  return count;
}

/**
 * The statuses whose stretches make up the list, each once; null where one stretch holds it all. A plain `status in (…)`
 * would sort all jobs of these statuses for every page, and a deployment's jobs are indexed by status.
 */
function toStretches({ statuses = JOB_STATUSES, deploymentId }: JobFilter): JobStatus[] | null {
  const wanted = JOB_STATUSES.filter((status) => statuses.includes(status));
  const isAll = wanted.length === JOB_STATUSES.length && deploymentId === undefined;
  return isAll ? null : wanted;
}

/**
 * When a job was created, spelt as the one index for such lists has it. Were it spelt the same in all of them, a database
 * that misjudges how many jobs a filter lets through would walk along another index and pass over thousands.
 */
export function ageOf(filter: JobFilter): RawBuilder<number> {
  const isOwn = filter.ownerId !== undefined;
  if (filter.deploymentId !== undefined)
    return isOwn ? sql`(created_at * 1)` : sql`(0 + created_at)`;
  if (toStretches(filter) !== null) return isOwn ? sql`(created_at - 0)` : sql`(created_at + 0)`;
  return sql`created_at`;
}

function ofStatus(
  eb: ExpressionBuilder<Tables, "jobs">,
  status: JobStatus | null,
): Expression<SqlBool>[] {
  return status === null ? [] : [eb("status", "=", status)];
}

function inRange(eb: ExpressionBuilder<Tables, "jobs">, range: JobRange): Expression<SqlBool>[] {
  const age = ageOf(range.filter);
  const toTuple = ({ createdAt, id }: JobPosition) => sql`(${createdAt.getTime()}, ${id})`;
  const conditions = inFilter(eb, range.filter);
  // SQLite finds no place in an index of expressions by two of them, so it is given the first once more.
  if (range.after !== undefined) {
    conditions.push(eb(age, "<=", range.after.createdAt.getTime()));
    conditions.push(sql<SqlBool>`(${age}, id) < ${toTuple(range.after)}`);
  }
  if (range.before !== undefined) {
    conditions.push(eb(age, ">=", range.before.createdAt.getTime()));
    conditions.push(sql<SqlBool>`(${age}, id) > ${toTuple(range.before)}`);
  }
  return conditions;
}

/** All of a filter but its statuses. */
function inFilter(eb: ExpressionBuilder<Tables, "jobs">, filter: JobFilter): Expression<SqlBool>[] {
  const conditions: Expression<SqlBool>[] = [];
  if (filter.ownerId !== undefined) conditions.push(eb("owner_id", "=", filter.ownerId));
  if (filter.deploymentId !== undefined) {
    conditions.push(eb("deployment_id", "=", filter.deploymentId));
  }
  const age = ageOf(filter);
  if (filter.createdAfter !== undefined) {
    conditions.push(eb(age, ">", filter.createdAfter.getTime()));
  }
  if (filter.createdBefore !== undefined) {
    conditions.push(eb(age, "<", filter.createdBefore.getTime()));
  }
  return conditions;
}
