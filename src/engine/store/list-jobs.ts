import { type RawBuilder, sql } from "kysely";

import { clock } from "../../runtime/environment.ts";
import { type Job, JOB_STATUSES, type JobStatus } from "../job/job.ts";
import { atMost, type Database, type Dialect } from "./database.ts";
import {
  createDocuments,
  type DocumentColumns,
  documentColumns,
  prepare,
  type StoredDocuments,
  toStoredDocuments,
  type Value,
} from "./read-jobs.ts";
import { inChunks, JOB_COLUMNS, type JobColumns, STAR, toJob } from "./job-rows.ts";

/** Every given condition must hold; bounds are exclusive. */
export type JobFilter = {
  /** Everybody's when omitted. */
  readonly ownerId?: string;
  readonly statuses?: readonly JobStatus[];
  readonly deploymentId?: string;
  readonly tag?: string;
  readonly isStarred?: boolean;
  /** What one of the input's texts holds; both are folded by `foldText`. */
  readonly text?: string;
  readonly createdAfter?: Date;
  readonly createdBefore?: Date;
};

/** A position in the list of jobs, between two jobs. */
export type JobPosition = { readonly createdAt: Date; readonly id: string };

/** A range of the list of jobs. */
export type JobRange = {
  readonly filter: JobFilter;
  /** Only jobs behind this position in the list, which is newest first. */
  readonly after?: JobPosition;
  /** Only jobs before it. */
  readonly before?: JobPosition;
  /** `forward` takes the first `limit` jobs, newest first; `backward` the last ones, oldest first. */
  readonly direction: "forward" | "backward";
  readonly limit: number;
};

/** The jobs of a range in its direction, and from where the list goes on; null where it has come to its end. */
export type JobPage = { readonly jobs: readonly Job[]; readonly stoppedAt: JobPosition | null };

/** The same with the documents of its jobs, by their ids. */
type WholePage = JobPage & { readonly documents: readonly (readonly [string, StoredDocuments])[] };

/** Above this, people want to know that there are many, and not how many. */
const MAX_COUNTED = 10_000;
/** Many texts are common, and then a few rows fill a page. */
const FIRST_ROWS = 100;
/** Nobody else is served during a step that this process makes itself. */
const MAX_ROWS = 500;
/** Where each step is a journey. */
const MAX_ROWS_SHARED = 5_000;
const LONG_STEP_MS = 10;

/*
 * A list is read along one index. Where that answers all of its conditions, a page is a statement that passes over no row.
 * Any other list is walked: each step reads some rows of the index, and applies the other conditions to these alone.
 */
export function createJobLists(database: Database) {
  const { holdsText, isShared, reads, toTexts } = database;
  const documents = createDocuments(database);
  const mostRows = isShared ? MAX_ROWS_SHARED : MAX_ROWS;

  /** By keyset: it begins at a place in the index, however many jobs stand before it. */
  function selectPage(range: JobRange): RawBuilder<JobColumns> {
    return selectFirst("jobs", range, range.limit + 1);
  }

  function selectWholePage(
    range: JobRange,
    mostBytes: Value,
  ): RawBuilder<JobColumns & DocumentColumns> {
    const direction = toDirection(range);
    return sql`
      select jobs.*, ${sql.join(documentColumns(mostBytes))} from (${selectPage(range)}) as jobs
      join job_documents on job_documents.job_id = jobs.id
      left join job_assets on job_assets.job_id = jobs.id
      order by jobs.created_at ${direction}, jobs.id ${direction}`;
  }

  /** What is looked at most: the newest jobs of an owner, or of all. */
  const prepareNewest = (toFilter: (ownerId: string) => JobFilter) =>
    prepare<JobColumns & DocumentColumns>((ownerId, mostRows, mostBytes) => {
      const filter = toFilter(String(ownerId));
      const range = { filter, direction: "forward", limit: Number(mostRows) - 1 } as const;
      return { compile: () => selectWholePage(range, mostBytes).compile(reads) };
    });
  const newestOfOwner = prepareNewest((ownerId) => ({ ownerId }));
  const newestOfAll = prepareNewest(() => ({}));

  async function readPage(range: JobRange): Promise<JobPage> {
    const { rows } = await selectPage(range).execute(reads);
    return toPage(rows, range);
  }

  async function readWholePage(range: JobRange, mostBytes: number): Promise<WholePage> {
    const { ownerId, ...others } = range.filter;
    const isNewest = range.direction === "forward" && (range.after ?? range.before) === undefined;
    const newest = ownerId === undefined ? newestOfAll : newestOfOwner;
    const rows =
      isNewest && Object.keys(others).length === 0
        ? await newest(reads, ownerId ?? "", range.limit + 1, mostBytes)
        : (await selectWholePage(range, mostBytes).execute(reads)).rows;
    return {
      ...toPage(rows, range),
      documents: rows.map((row) => [row.id, toStoredDocuments(row)]),
    };
  }

  async function walk(range: JobRange, budget: WalkBudget): Promise<JobPage> {
    const jobs: Job[] = [];
    const start = range.direction === "forward" ? "after" : "before";
    let rest = range;
    for (let rows = FIRST_ROWS; ;) {
      const { value: page, ms } = await budget.step(() => readStep(rest, rows));
      jobs.push(...page.jobs);
      const { stoppedAt } = page;
      const isFull = jobs.length >= range.limit;
      if (stoppedAt === null || isFull || budget.isSpent()) return { jobs, stoppedAt };
      rest = { ...range, limit: range.limit - jobs.length, [start]: stoppedAt };
      rows = ms > LONG_STEP_MS ? Math.ceil(rows / 2) : Math.min(rows * 2, mostRows);
    }
  }

  async function readStep(range: JobRange, mostRows: number): Promise<JobPage> {
    const { filter, limit } = range;
    // The first of all together are certain as far as each alone was read.
    const most = Math.ceil(mostRows / toSource(filter).scans.length);
    const opposite = sql.raw(range.direction === "forward" ? "asc" : "desc");
    const { rows } = await sql<PlaceRow>`
      with seen as materialized (${selectFirst({ also: toTextColumn(holdsText, filter) }, range, most)})
      select created_at, id, 0 as count from seen where ${toOthers(holdsText, filter)}
      union all
      select created_at, id, (select count(*) from seen) from (
        select created_at, id from seen order by created_at ${opposite}, id ${opposite} limit 1
      ) as last`.execute(reads);
    const end = rows.pop();
    const isWhole = rows.length <= limit;
    const found = isWhole ? rows : rows.slice(0, limit);
    const last = isWhole ? end : found.at(-1);
    const isAtEnd = isWhole && (end === undefined || end.count < most);
    return {
      jobs: await readThese(
        found.map(({ id }) => id),
        filter,
      ),
      stoppedAt: last === undefined || isAtEnd ? null : toPosition(last),
    };
  }

  async function readThese(ids: readonly string[], filter: JobFilter): Promise<Job[]> {
    const rows = await inChunks(ids, (chunk) =>
      reads.selectFrom("jobs").select(JOB_COLUMNS).where("id", "in", chunk).execute(),
    );
    // One may have changed since it was found.
    const fitting = rows.map(toJob).filter((job) => matches(job, filter));
    const jobs = new Map(fitting.map((job) => [job.id, job]));
    return ids.flatMap((id) => jobs.get(id) ?? []);
  }

  async function list(range: JobRange, budget: WalkBudget = createWalkBudget()): Promise<JobPage> {
    if (range.filter.statuses?.length === 0) return { jobs: [], stoppedAt: null };
    const read = (one: JobRange) => (isWalk(one.filter) ? walk(one, budget) : readPage(one));
    if (range.limit > 0) return await read(range);
    // In front of the first one, so that the next page begins with it.
    const { jobs, stoppedAt } = await read({ ...range, limit: 1 });
    const [first] = jobs;
    if (first === undefined) return { jobs, stoppedAt };
    const createdAt = first.createdAt.getTime() + (range.direction === "forward" ? 1 : -1);
    return { jobs: [], stoppedAt: { createdAt: new Date(createdAt), id: first.id } };
  }

  return {
    /** Where no index answers the whole filter, a walk, for as long as the budget lets it: one of its own by default. */
    list,

    /** The same with the jobs' documents: where an index answers the filter, in one statement. */
    async listWhole(range: JobRange, mostBytes: number, budget?: WalkBudget): Promise<WholePage> {
      const isSimple =
        !isWalk(range.filter) && range.limit > 0 && range.filter.statuses?.length !== 0;
      if (isSimple) return await readWholePage(range, mostBytes);
      const page = await list(range, budget);
      const ids = page.jobs.map(({ id }) => id);
      const found = await documents.read(ids, mostBytes);
      return {
        ...page,
        documents: found.flatMap((one, at) =>
          one === null ? [] : [[ids[at] ?? "", one] as const],
        ),
      };
    },

    /** Counts to 10,000 and no further; null where that would take a walk. */
    async count(filter: JobFilter): Promise<number | null> {
      if (isWalk(filter)) return null;
      if (filter.statuses?.length === 0) return 0;
      // Each status along its index, and none further than all together may be.
      const all = unite(toScans({ also: sql`` }, { filter, direction: "forward" }, MAX_COUNTED));
      const { rows } = await sql<{ readonly count: number }>`
        select count(*) as count from (select id from (${all}) as places limit ${sql.lit(MAX_COUNTED)}) as counted
      `.execute(reads);
      return rows[0]?.count ?? 0;
    },

    /** Every deployment that a job names, by id. */
    async listDeploymentIds(ownerId?: string): Promise<string[]> {
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

    /** Those of `ids` that a job names. */
    async findDeployments(ids: readonly string[], ownerId?: string): Promise<ReadonlySet<string>> {
      const isOwn = ownerId === undefined ? sql`1 = 1` : sql`owner_id = ${ownerId}`;
      // In the order of an index: without one Postgres may read through everybody's jobs instead.
      const { rows } = await sql<{ readonly id: string }>`
        select value as id from ${toTexts(ids)} as given where (
          select id from jobs where ${isOwn} and deployment_id = value
          order by status, created_at, id limit 1
        ) is not null`.execute(reads);
      return new Set(rows.map(({ id }) => id));
    },
  };
}

/** Of one row more than a page has, if there are so many. */
function toPage(rows: readonly JobColumns[], { limit }: JobRange): JobPage {
  const jobs = rows.slice(0, limit).map(toJob);
  return { jobs, stoppedAt: rows.length > limit ? (jobs.at(-1) ?? null) : null };
}

type PlaceRow = { readonly created_at: number; readonly id: string; readonly count: number };

function toPosition({ created_at, id }: PlaceRow): JobPosition {
  return { createdAt: new Date(created_at), id };
}

/** Whether no index answers all conditions of a list. */
function isWalk(filter: JobFilter): boolean {
  return filter.text !== undefined || toLookedUp(filter).length > 0;
}

/** Checks all of a filter but its owner and its text. */
export function matches(job: Job, filter: JobFilter): boolean {
  const { statuses, deploymentId, tag, isStarred, createdAfter, createdBefore } = filter;
  if (statuses !== undefined && !statuses.includes(job.status)) return false;
  if (deploymentId !== undefined && job.deploymentId !== deploymentId) return false;
  if (tag !== undefined && !job.tags.includes(tag)) return false;
  if (isStarred !== undefined && job.isStarred !== isStarred) return false;
  if (createdAfter !== undefined && job.createdAt <= createdAfter) return false;
  return createdBefore === undefined || job.createdAt < createdBefore;
}

/** The tag along whose index a list is read, which may be the star; undefined for a list of all tags. */
function toLabel({ tag, isStarred }: JobFilter): string | undefined {
  return tag ?? (isStarred === true ? STAR : undefined);
}

/** What has to be looked up in the row of each job, as the list's index does not answer it. */
function toLookedUp(filter: JobFilter): readonly Sql[] {
  const { tag, isStarred, statuses, deploymentId } = filter;
  const isLabelled = toLabel(filter) !== undefined;
  return [
    ...(isLabelled && statuses !== undefined ? [sql`status in (${sql.join(statuses)})`] : []),
    ...(isLabelled && deploymentId !== undefined ? [sql`deployment_id = ${deploymentId}`] : []),
    ...(isStarred !== undefined && (tag !== undefined || !isStarred)
      ? [sql`starred = ${Number(isStarred)}`]
      : []),
  ];
}

/**
 * When a job was created, spelt as the one index for such lists has it. Were it spelt the same in all of them, a database
 * that misjudges how many jobs a filter lets through would walk along another index and pass over thousands.
 */
export function sortKeyOf(filter: JobFilter): RawBuilder<number> {
  const isOwn = filter.ownerId !== undefined;
  if (toLabel(filter) !== undefined)
    return isOwn ? sql`job_tags.created_at` : sql`(job_tags.created_at + 0)`;
  if (filter.deploymentId !== undefined)
    return isOwn ? sql`(created_at * 1)` : sql`(0 + created_at)`;
  if (toStatuses(filter)[0] !== null) return isOwn ? sql`(created_at - 0)` : sql`(created_at + 0)`;
  return sql`created_at`;
}

type Sql = RawBuilder<unknown>;

/** Where a list is read: by one scan of an index, or one for each status; null alone where one scan covers all. */
type Source = {
  readonly table: Sql;
  readonly sortKey: Sql;
  readonly id: Sql;
  /** What the index answers, but for the statuses. */
  readonly conditions: readonly Sql[];
  readonly scans: readonly (JobStatus | null)[];
};

function toSource(filter: JobFilter): Source {
  const { ownerId, deploymentId, createdAfter, createdBefore } = filter;
  const label = toLabel(filter);
  const isInTexts = readsTexts(filter);
  const sortKey = isInTexts ? sql<number>`job_texts.created_at` : sortKeyOf(filter);
  const conditions = [
    ...(createdAfter === undefined ? [] : [sql`${sortKey} > ${createdAfter.getTime()}`]),
    ...(createdBefore === undefined ? [] : [sql`${sortKey} < ${createdBefore.getTime()}`]),
  ];
  if (label !== undefined) {
    conditions.push(sql`tag = ${label}`);
    if (ownerId !== undefined) conditions.push(sql`job_tags.owner_id = ${ownerId}`);
    return { table: sql`job_tags`, sortKey, id: sql`job_tags.job_id`, conditions, scans: [null] };
  }
  if (ownerId !== undefined) conditions.push(sql`owner_id = ${ownerId}`);
  if (isInTexts) {
    const id = sql`job_texts.job_id`;
    return { table: sql`job_texts`, sortKey, id, conditions, scans: [null] };
  }
  if (deploymentId !== undefined) conditions.push(sql`deployment_id = ${deploymentId}`);
  return { table: sql`jobs`, sortKey, id: sql`id`, conditions, scans: toStatuses(filter) };
}

/** Whether one owner's texts are read in their own order, without a look-up for each job. */
function readsTexts(filter: JobFilter): boolean {
  const { tag, isStarred, text, ownerId, deploymentId } = filter;
  const isOfAll =
    (tag ?? isStarred ?? deploymentId) === undefined && toStatuses(filter)[0] === null;
  return text !== undefined && ownerId !== undefined && isOfAll;
}

/**
 * The statuses whose range scans make up the list, each once. A plain `status in (…)` would sort all jobs of these statuses
 * for every page, and a deployment's jobs are indexed by status.
 */
function toStatuses({
  statuses = JOB_STATUSES,
  deploymentId,
}: JobFilter): readonly (JobStatus | null)[] {
  const wanted = JOB_STATUSES.filter((status) => statuses.includes(status));
  const isAll = wanted.length === JOB_STATUSES.length && deploymentId === undefined;
  return isAll ? [null] : wanted;
}

const COLUMNS = sql.raw(JOB_COLUMNS.map((name) => `jobs.${name}`).join());

/** Whole jobs, or only their places and what stands beside these. */
type Wanted = "jobs" | { readonly also: Sql };
type ScanRange = Pick<JobRange, "filter" | "direction" | "after" | "before">;

/** The first rows of a list, in its direction. */
function selectFirst<Row>(wanted: Wanted, range: ScanRange, limit: number): RawBuilder<Row> {
  const scans = toScans(wanted, range, limit);
  const direction = toDirection(range);
  return scans.length === 1
    ? sql`${unite(scans)}`
    : sql`select * from (${unite(scans)}) as scans
        order by created_at ${direction}, id ${direction} limit ${atMost(limit)}`;
}

function toScans(wanted: Wanted, range: ScanRange, limit: number): readonly Sql[] {
  const { table, sortKey, id, conditions, scans } = toSource(range.filter);
  const direction = toDirection(range);
  const columns =
    wanted === "jobs" ? COLUMNS : sql`${sortKey} as created_at, ${id} as id${wanted.also}`;
  // Crossed, or SQLite might begin with the jobs.
  const isLookedUp = wanted === "jobs" && toLabel(range.filter) !== undefined;
  const from = isLookedUp ? sql`job_tags cross join jobs` : table;
  return scans.map((status) => {
    const all = [
      ...conditions,
      ...(status === null ? [] : [sql`status = ${status}`]),
      ...(isLookedUp ? [sql`jobs.id = job_tags.job_id`] : []),
      ...toBounds(range, sortKey, id),
    ];
    const order = sql`order by ${sortKey} ${direction}, ${id} ${direction}`;
    return sql`select ${columns} from ${from} where ${and(all)} ${order} limit ${atMost(limit)}`;
  });
}

function unite(scans: readonly Sql[]): Sql {
  const [first = sql``, ...others] = scans;
  if (others.length === 0) return first;
  return sql.join(
    scans.map((one) => sql`select * from (${one}) as scan`),
    sql` union all `,
  );
}

function toDirection({ direction }: Pick<JobRange, "direction">): Sql {
  return sql.raw(direction === "forward" ? "desc" : "asc");
}

/** SQLite finds no place in an index of expressions by two of them, so it is given the first once more. */
function toBounds({ after, before }: ScanRange, sortKey: Sql, id: Sql): readonly Sql[] {
  const toBound = ({ createdAt, id: placeId }: JobPosition, sign: "<" | ">") => {
    const ms = createdAt.getTime();
    const is = sql.raw(sign);
    return [sql`${sortKey} ${is}= ${ms}`, sql`(${sortKey}, ${id}) ${is} (${ms}, ${placeId})`];
  };
  return [
    ...(after === undefined ? [] : toBound(after, "<")),
    ...(before === undefined ? [] : toBound(before, ">")),
  ];
}

/**
 * What a step's index does not answer, of a row of `seen`. As values that are looked up for each of them, or Postgres might
 * join all jobs to these few.
 */
function toOthers(holdsText: Dialect["holdsText"], filter: JobFilter): Sql {
  const { text, ownerId } = filter;
  const ofJob = toLookedUp(filter);
  const isJob =
    ofJob.length === 0 ? [] : [sql`(select ${and(ofJob)} from jobs where jobs.id = seen.id)`];
  if (text === undefined) return and(isJob);
  if (readsTexts(filter)) return sql`holds_text`;
  return and([
    ...isJob,
    sql`(select ${holdsText(text)} from job_texts
      where job_texts.owner_id = ${ownerId ?? sql`seen.owner_id`}
      and job_texts.created_at = seen.created_at and job_texts.job_id = seen.id)`,
  ]);
}

/** Selects whether a row contains a text, or without an owner, what leads to its text. */
function toTextColumn(holdsText: Dialect["holdsText"], filter: JobFilter): Sql {
  const { text, ownerId } = filter;
  if (text === undefined) return sql``;
  if (readsTexts(filter)) return sql`, ${holdsText(text)} as holds_text`;
  return ownerId === undefined ? sql`, owner_id` : sql``;
}

function and(conditions: readonly Sql[]): Sql {
  return conditions.length === 0 ? sql`1 = 1` : sql.join(conditions, sql` and `);
}

/** What all walks of an operation have together: time in their steps, and by the clock. */
const MAX_STEPS_MS = 2_000;
const MAX_MS = 5_000;

export type WalkBudget = {
  /** Runs a step; resolves with how long it took, too. */
  step<Value>(run: () => Promise<Value>): Promise<{ readonly value: Value; readonly ms: number }>;
  /** Whether no further step may begin. */
  isSpent(): boolean;
};

/** The time that the walks of one operation share, from the first one on. */
export function createWalkBudget({
  now = clock.monotonic,
}: {
  /** Milliseconds of a clock that never goes back. */
  readonly now?: (() => number) | undefined;
} = {}): WalkBudget {
  let leftMs = MAX_STEPS_MS;
  let endsAt: number | undefined;

  return {
    async step(run) {
      endsAt ??= now() + MAX_MS;
      const beganAt = now();
      const value = await run();
      const ms = now() - beganAt;
      leftMs -= ms;
      return { value, ms };
    },
    isSpent: () => leftMs <= 0 || (endsAt !== undefined && now() >= endsAt),
  };
}
