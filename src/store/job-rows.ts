import type { Selectable } from "kysely";

import type { Job, JobError, JobEvent } from "../job/job.ts";
import { isFinal, JOB_STATUSES } from "../job/job.ts";
import { isJsonObject, type JsonValue } from "../job/json.ts";
import type { JobDocuments, StoredDocuments } from "./job-store.ts";
import type { Tables } from "./tables.ts";

/** The columns that make a `Job`: all but its documents, which may be large, and what only the store needs. */
export const JOB_COLUMNS = [
  "id",
  "owner_id",
  "deployment_id",
  "request_id",
  "api_version",
  "status",
  "queue_position",
  "error_code",
  "error_message",
  "error_retryable",
  "version",
  "created_at",
  "started_at",
  "finished_at",
  "updated_at",
] as const;

/** The statuses that a claim or a save may find. */
export const UNFINISHED_STATUSES = JOB_STATUSES.filter((status) => !isFinal(status));

export type JobRow = Pick<Selectable<Tables["jobs"]>, (typeof JOB_COLUMNS)[number]>;

export function toJob(row: JobRow): Job {
  return {
    id: row.id,
    ownerId: row.owner_id,
    deploymentId: row.deployment_id,
    requestId: row.request_id,
    apiVersion: row.api_version,
    status: row.status,
    queuePosition: row.queue_position,
    error: toJobError(row),
    version: row.version,
    createdAt: new Date(row.created_at),
    startedAt: toDate(row.started_at),
    finishedAt: toDate(row.finished_at),
    updatedAt: new Date(row.updated_at),
  };
}

export function fromJob(job: Job): JobRow {
  return {
    id: job.id,
    owner_id: job.ownerId,
    deployment_id: job.deploymentId,
    request_id: job.requestId,
    api_version: job.apiVersion,
    status: job.status,
    queue_position: job.queuePosition,
    error_code: job.error?.code ?? null,
    error_message: job.error?.message ?? null,
    error_retryable: job.error === null ? null : Number(job.error.retryable),
    version: job.version,
    created_at: job.createdAt.getTime(),
    started_at: job.startedAt?.getTime() ?? null,
    finished_at: job.finishedAt?.getTime() ?? null,
    updated_at: job.updatedAt.getTime(),
  };
}

export function toJobEvent(row: Selectable<Tables["job_events"]>): JobEvent {
  return {
    version: row.version,
    status: row.status,
    at: new Date(row.at),
  };
}

export function fromJobEvent(jobId: string, event: JobEvent): Selectable<Tables["job_events"]> {
  return {
    job_id: jobId,
    version: event.version,
    status: event.status,
    at: event.at.getTime(),
  };
}

/** A row of `job_documents`; its texts are null where they were left out. */
export type DocumentsRow = {
  readonly job_id: string;
  readonly input_bytes: number;
  readonly output_bytes: number;
  readonly input: string | null;
  readonly output: string | null;
};

export function toStoredDocuments(row: DocumentsRow): StoredDocuments {
  return {
    inputBytes: row.input_bytes,
    outputBytes: row.output_bytes,
    documents: toDocuments(row),
  };
}

function toDocuments({ job_id, input: text, output }: DocumentsRow): JobDocuments | null {
  if (text === null) return null;
  const input: JsonValue = JSON.parse(text);
  if (!isJsonObject(input)) throw new Error(`the stored input of ${job_id} is no JSON object`);
  return { input, output: output === null ? null : JSON.parse(output) };
}

function toJobError(row: JobRow): JobError | null {
  if (row.error_code === null) return null;
  return {
    code: row.error_code,
    message: row.error_message ?? "",
    retryable: row.error_retryable === 1,
  };
}

function toDate(timeMs: number | null): Date | null {
  return timeMs === null ? null : new Date(timeMs);
}
