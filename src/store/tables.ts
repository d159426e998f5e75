import type { Generated } from "kysely";

import type { JobError, JobStatus } from "../job/job.ts";

/**
 * The tables after the last migration. Times are milliseconds since 1970; those that gateways compare are by the
 * database's clock.
 */
export type Tables = {
  /** A row for each migration that has run. */
  readonly gateway_schema: {
    readonly version: number;
    /** 0 or 1: whether a program that does not know the migration may no longer use the tables. */
    readonly breaking: number;
    readonly applied_at: number;
  };
  readonly jobs: {
    readonly id: string;
    readonly owner_id: string;
    readonly deployment_id: string;
    readonly request_id: string | null;
    readonly api_version: string;
    readonly status: JobStatus;
    readonly queue_position: number | null;
    readonly error_code: JobError["code"] | null;
    readonly error_message: string | null;
    /** 0 or 1: SQLite has no booleans. */
    readonly error_retryable: number | null;
    readonly version: number;
    readonly created_at: number;
    readonly started_at: number | null;
    readonly finished_at: number | null;
    readonly updated_at: number;
    /** Unique among its owner's. */
    readonly idempotency_key: string | null;
    readonly fingerprint: string | null;
    /** The gateway that looks at the job; null: nobody, until one claims it. */
    readonly gateway_id: string | null;
    /** Written by a trigger with each new version: on Postgres the transaction's id, on SQLite the next number. */
    readonly changed: Generated<number>;
    /** Until then a SUBMITTING job may still be sent or answered. 0: not any more. */
    readonly submit_until: number;
  };
  /** JSON as text, apart from the jobs, whose rows would otherwise drag megabytes along. */
  readonly job_documents: {
    readonly job_id: string;
    /** In UTF-8, as the texts are stored; 0 where there is none. */
    readonly input_bytes: number;
    readonly output_bytes: Generated<number>;
    readonly input: string;
    readonly output: Generated<string | null>;
  };
  readonly job_events: {
    readonly job_id: string;
    readonly version: number;
    readonly status: JobStatus;
    readonly at: number;
  };
  /** The gateways that share a Postgres; empty on SQLite. */
  readonly gateways: {
    readonly id: string;
    readonly lease_until: number;
    /** Before it, the gateway leaves the jobs to others. */
    readonly shares_from: number;
    /** When the upstream last answered it. 0: its calls keep failing. Null: not known. */
    readonly answered_at: Generated<number | null>;
  };
  /** One row with the number of the last change. Only on SQLite, where changes commit in order. */
  readonly change_counter: { readonly id: number; readonly value: number };
  /** At most one row, for the time in which no number of a change is given out twice. */
  readonly feed_eras: {
    readonly number: number;
    readonly era: string;
    /** What cursors are sealed with; the database itself makes it up. */
    readonly key: Generated<string>;
  };
  /** At most one row: how long nobody may call the upstream. */
  readonly pauses: {
    readonly id: string;
    readonly noted_at: number;
    readonly paused_until: number;
  };
  /** What owners have used of a limit in the current window. */
  readonly quotas: { readonly key: string; readonly used: number; readonly ends_at: number };
  /** Idempotency keys that outlive their deleted jobs. */
  readonly spent_keys: {
    readonly owner_id: string;
    readonly key: string;
    readonly job_id: string;
    readonly until: number;
  };
};
