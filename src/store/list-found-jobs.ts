import { type Expression, type RawBuilder, sql, type SqlBool } from "kysely";

import type { Database } from "./database.ts";
import { codeOf, NoTextSearchError } from "./database-error.ts";
import { JOB_COLUMNS, toJob } from "./job-rows.ts";
import type { JobFilter, JobPosition, Jobs } from "./job-store.ts";
import { betweenPlaces, countIds } from "./list-jobs.ts";

type Lists = Pick<Jobs, "list" | "count">;
type TextFilter = JobFilter & { readonly text: string };

/** Nobody else is served while SQLite searches. */
const MOST_FOUND = 10_000;
/** The time that it takes grows with each character; of a long text so many are matched at each end. */
const MATCHED = 16;
/** How many jobs may be written down before one that was created earlier. */
const DISORDER = 1_000;
/** Postgres' code for the function that `gateway_enable_text_search` would have made. */
const NO_FUNCTION = "42883";
/** As in no index. Along another than that of what is found, a database would look each of its jobs up in that. */
const AGE = sql<number>`(jobs.created_at + 1 - 1)`;
const unindexed = (column: "owner_id" | "deployment_id" | "status") =>
  sql<string>`(${sql.ref(`jobs.${column}`)} || '')`;

/** Finds the jobs whose input holds a text, by its trigrams; `lists` finds the jobs where no text is asked for. */
export function createFoundLists({ kind, reads }: Database, lists: Lists): Lists {
  const select = (filter: TextFilter, after?: JobPosition) =>
    reads.selectFrom("jobs").where((eb) => {
      const { statuses, deploymentId, ownerId, tag, createdAfter, createdBefore } = filter;
      const conditions: Expression<SqlBool>[] = [
        kind === "sqlite" ? isFoundOnSqlite(filter, after) : isFoundOnPostgres(filter),
      ];
      if (ownerId !== undefined) conditions.push(eb(unindexed("owner_id"), "=", ownerId));
      if (deploymentId !== undefined)
        conditions.push(eb(unindexed("deployment_id"), "=", deploymentId));
      if (statuses !== undefined) conditions.push(eb(unindexed("status"), "in", statuses));
      if (createdAfter !== undefined) conditions.push(eb(AGE, ">", createdAfter.getTime()));
      if (createdBefore !== undefined) conditions.push(eb(AGE, "<", createdBefore.getTime()));
      if (tag !== undefined) {
        const ofJob = eb.selectFrom("job_tags").whereRef("job_tags.job_id", "=", "jobs.id");
        conditions.push(eb(ofJob.where("tag", "=", tag).select("tag"), "is not", null));
      }
      return eb.and(conditions);
    });

  return {
    async list(range) {
      const { filter, limit } = range;
      if (!hasText(filter)) return await lists.list(range);
      if (filter.statuses?.length === 0) return [];
      const direction = range.direction === "forward" ? "desc" : "asc";
      const rows = await select(filter, range.after)
        .select(JOB_COLUMNS)
        .where(({ and }) => and(betweenPlaces(range, AGE, sql`id`)))
        .orderBy(AGE, direction)
        .orderBy("id", direction)
        .limit(limit)
        .execute()
        .catch(explain);
      return rows.map(toJob);
    },

    async count(filter) {
      if (!hasText(filter)) return await lists.count(filter);
      if (filter.statuses?.length === 0) return 0;
      return await countIds(reads, select(filter).select("id")).catch(explain);
    },
  };
}

/** The newest of an owner, or of all, that were created before a moment where there is one. */
function isFoundOnSqlite(
  { text, ownerId, createdBefore }: TextFilter,
  after: JobPosition | undefined,
): RawBuilder<SqlBool> {
  const inOwner = ownerId === undefined ? "" : `owner : ${quote(`\u0001${ownerId}\u0001`)} AND `;
  const phrases = toEnds(text).map((part) => `search : ${quote(part)}`);
  const moments = [createdBefore, after?.createdAt].flatMap((moment) => moment?.getTime() ?? []);
  // Numbers follow the order in which jobs were written down.
  const isEarly =
    moments.length === 0
      ? sql``
      : sql`and rowid <= ${sql.lit(DISORDER)} + (
          select number from job_documents where job_id = (
            select id from jobs where created_at <= ${Math.min(...moments)}
            order by created_at desc limit 1
          )
        )`;
  return sql`jobs.id in (
    select job_documents.job_id from (
      select rowid as number from job_texts
      where job_texts match ${`${inOwner}${phrases.join(" AND ")}`} ${isEarly}
      order by rowid desc limit ${sql.lit(MOST_FOUND)}
    ) as texts cross join job_documents on job_documents.number = texts.number
    where instr(job_documents.search, ${text}) > 0
  )`;
}

function isFoundOnPostgres({ text }: TextFilter): RawBuilder<SqlBool> {
  const pattern = `%${text.replaceAll(/[%_\\]/g, String.raw`\$&`)}%`;
  return sql`jobs.id = any(array(select gateway_find_text(${pattern})))`;
}

/** A short text, or the two ends of a long one: many prompts begin alike. */
function toEnds(text: string): readonly string[] {
  const characters = Array.from(text);
  if (characters.length <= 2 * MATCHED) return [text];
  return [characters.slice(0, MATCHED), characters.slice(-MATCHED)].map((part) => part.join(""));
}

/** A phrase of the query language of FTS5. */
function quote(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

function explain(error: unknown): never {
  throw codeOf(error) === NO_FUNCTION ? new NoTextSearchError({ cause: error }) : error;
}

function hasText(filter: JobFilter): filter is TextFilter {
  return filter.text !== undefined;
}
