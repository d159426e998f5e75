import type { JobErrorCode } from "../job/job.ts";
import type { JobStatus } from "../job/job-status.ts";

/** The tables as they are after the last migration; times are milliseconds since 1970, documents JSON as text. */
export type Tables = {
  readonly jobs: JobsTable;
  readonly job_events: JobEventsTable;
  readonly gateways: GatewaysTable;
};

type JobsTable = {
  readonly id: string;
  readonly deployment_id: string;
  readonly request_id: string | null;
  readonly api_version: string;
  readonly status: JobStatus;
  readonly queue_position: number | null;
  readonly error_code: JobErrorCode | null;
  readonly error_message: string | null;
  /** 0 or 1: SQLite has no booleans. */
  readonly error_retryable: number | null;
  readonly version: number;
  readonly created_at: number;
  readonly started_at: number | null;
  readonly finished_at: number | null;
  readonly updated_at: number;
  readonly idempotency_key: string | null;
  readonly fingerprint: string | null;
  /** The gateway that looks at the job. */
  readonly owner: string | null;
  readonly input: string;
  readonly output: string | null;
};

type JobEventsTable = {
  readonly job_id: string;
  readonly version: number;
  readonly status: JobStatus;
  readonly queue_position: number | null;
  readonly at: number;
};

/** The gateways that share a Postgres; empty on SQLite. */
type GatewaysTable = {
  readonly id: string;
  /** By the database's clock. */
  readonly lease_until: number;
};
