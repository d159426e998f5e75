import { type RawBuilder, type Selectable, sql } from "kysely";

import type { Job, JobError } from "../job/job.ts";
import { isFinal, JOB_STATUSES } from "../job/job.ts";
import { namesOf } from "../job/upstream.ts";
import type { Database } from "./database.ts";
import type { Tables } from "./tables.ts";

export const UNFINISHED_STATUSES = JOB_STATUSES.filter((status) => !isFinal(status));

/** Whether a row is of a job that was accepted and has not ended. */
export const IS_ACCEPTED = sql<boolean>`status in ('IN_QUEUE', 'IN_PROGRESS')`;

/** In `job_tags` a star stands for a tag without letters, which no other has: a list of it is one of a tag. */
export const STAR = "";

export type JobRow = Selectable<Tables["jobs"]>;

/** What a `Job` is made of: SQLite takes a microsecond for a few of the others. */
export const JOB_COLUMNS = [
  "id",
  "owner_id",
  "kind",
  "deployment_id",
  "upstream",
  "detached_since",
  "detached_ms",
  "request_id",
  "api_version",
  "tags",
  "starred",
  "status",
  "claim",
  "queue_position",
  "error_code",
  "error_message",
  "error_retryable",
  "cost",
  "version",
  "created_at",
  "sent_at",
  "started_at",
  "finished_at",
  "updated_at",
  "work",
  "place",
  "idle_ms",
] as const satisfies readonly (keyof JobRow)[];

export type JobColumns = Pick<JobRow, (typeof JOB_COLUMNS)[number]>;

/** Whether a row is surely another upstream's. */
export function isAnothers({ upstream }: Pick<Database, "upstream">): RawBuilder<boolean> {
  return sql`(upstream not in (${sql.join(namesOf(upstream))}))`;
}

export function toJob(row: JobColumns): Job {
  return {
    id: row.id,
    ownerId: row.owner_id,
    kind: row.kind,
    deploymentId: row.deployment_id,
    upstream: row.upstream,
    detachedSince: toDate(row.detached_since),
    detachedMs: row.detached_ms,
    requestId: row.request_id,
    apiVersion: row.api_version,
    tags: JSON.parse(row.tags),
    isStarred: row.starred === 1,
    status: row.status,
    claim: row.claim,
    queuePosition: row.queue_position,
    error: toJobError(row),
    cost: row.cost,
    version: row.version,
    createdAt: new Date(row.created_at),
    sentAt: toDate(row.sent_at),
    startedAt: toDate(row.started_at),
    finishedAt: toDate(row.finished_at),
    updatedAt: new Date(row.updated_at),
    work: row.work,
    place: row.place,
    idleMs: row.idle_ms,
  };
}

/** Without what the database itself finds out. */
export function fromJob(job: Job) {
  return {
    id: job.id,
    owner_id: job.ownerId,
    kind: job.kind,
    deployment_id: job.deploymentId,
    upstream: job.upstream,
    detached_since: job.detachedSince?.getTime() ?? null,
    detached_ms: job.detachedMs,
    request_id: job.requestId,
    api_version: job.apiVersion,
    tags: JSON.stringify(job.tags),
    status: job.status,
    claim: job.claim,
    queue_position: job.queuePosition,
    error_code: job.error?.code ?? null,
    error_message: job.error?.message ?? null,
    error_retryable: job.error === null ? null : Number(job.error.retryable),
    cost: job.cost,
    version: job.version,
    created_at: job.createdAt.getTime(),
    sent_at: job.sentAt?.getTime() ?? null,
    started_at: job.startedAt?.getTime() ?? null,
    finished_at: job.finishedAt?.getTime() ?? null,
    updated_at: job.updatedAt.getTime(),
    work: job.work,
    place: job.place,
  };
}

/** The columns in which a job's next version differs: each that is named has its indexes written and its triggers asked. */
export function toChanges(before: Job, after: Job): Partial<ReturnType<typeof fromJob>> {
  const old = new Map<string, unknown>(Object.entries(fromJob(before)));
  const changed = Object.entries(fromJob(after)).filter(([name, value]) => value !== old.get(name));
  return Object.fromEntries(changed);
}

/**
 * Runs a statement for at most 1,000 ids at a time, well below the parameters that one may have: 32,766 on SQLite, 65,535
 * on Postgres.
 */
export async function inChunks<Row>(
  ids: readonly string[],
  read: (chunk: string[]) => Promise<Row[]>,
): Promise<Row[]> {
  const distinct = [...new Set(ids)];
  const rows: Row[] = [];
  for (let start = 0; start < distinct.length; start += 1_000) {
    rows.push(...(await read(distinct.slice(start, start + 1_000))));
  }
  return rows;
}

/** Converts the row of each of `ids`; null if there is none. */
export function inOrder<Row extends { readonly id: string }, Value>(
  ids: readonly string[],
  rows: readonly Row[],
  toValue: (row: Row) => Value,
): (Value | null)[] {
  const found = new Map(rows.map((row) => [row.id, toValue(row)]));
  return ids.map((id) => found.get(id) ?? null);
}

function toJobError(row: JobColumns): JobError | null {
  if (row.error_code === null) return null;
  return {
    code: row.error_code,
    message: row.error_message ?? "",
    retryable: row.error_retryable === 1,
  };
}

export function toDate(timeMs: number | null): Date | null {
  return timeMs === null ? null : new Date(timeMs);
}
