import type { Generated } from "kysely";

import type { JobError, JobStatus } from "../job/job.ts";

/** The tables as they are after the last migration; times are milliseconds since 1970, documents JSON as text. */
export type Tables = {
  readonly gateway_schema: SchemaTable;
  readonly jobs: JobsTable;
  readonly job_documents: JobDocumentsTable;
  readonly job_events: JobEventsTable;
  readonly gateways: GatewaysTable;
  readonly change_counter: ChangeCounterTable;
  readonly feed_eras: FeedErasTable;
  readonly pauses: PausesTable;
  readonly spent_keys: SpentKeysTable;
  readonly rates: RatesTable;
};

/** A row for each migration that has run. */
type SchemaTable = {
  readonly version: number;
  /** 0 or 1: whether a program that does not know the migration may no longer use the tables. */
  readonly breaking: number;
  readonly applied_at: number;
};

type JobsTable = {
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
  /** Written by a trigger with each new version: on Postgres the id of the transaction, on SQLite the next number. */
  readonly changed: Generated<number>;
  /** By the database's clock: until then a SUBMITTING job may still be sent or answered. 0: nobody may any more. */
  readonly submit_until: number;
  /** The upstream's id of a job that was settled before it came. */
  readonly late_request_id: Generated<string | null>;
};

/** Apart from the jobs, whose rows would otherwise drag megabytes along. */
type JobDocumentsTable = {
  readonly job_id: string;
  /** In UTF-8, as the texts are stored; 0 where there is none. */
  readonly input_bytes: number;
  readonly output_bytes: Generated<number>;
  readonly input: string;
  readonly output: Generated<string | null>;
};

type JobEventsTable = {
  readonly job_id: string;
  readonly version: number;
  readonly status: JobStatus;
  readonly at: number;
};

/** The gateways that share a Postgres; empty on SQLite. */
type GatewaysTable = {
  readonly id: string;
  /** By the database's clock. */
  readonly lease_until: number;
  /** By the database's clock: before it, the gateway leaves the jobs to others. */
  readonly shares_from: number;
  /** By the database's clock: the upstream's last answer to it. 0: its calls keep failing. Null: not known. */
  readonly answered_at: Generated<number | null>;
};

/** One row: the number of the last change. Only on SQLite, where changes commit in order. */
type ChangeCounterTable = {
  readonly id: number;
  readonly value: number;
};

/** At most one row: names the time in which no number of a change is given out twice. */
type FeedErasTable = {
  readonly number: number;
  readonly era: string;
  /** What its cursors are sealed with; the database itself makes it up. */
  readonly key: Generated<string>;
};

/** How long nobody may call the upstream; both times by the database's clock. */
type PausesTable = {
  readonly id: string;
  readonly noted_at: number;
  readonly paused_until: number;
};

/** What owners have used of a limit; the columns are those of rate-limiter-flexible. Empty on SQLite. */
type RatesTable = {
  readonly key: string;
  readonly points: number;
  /** By a gateway's clock. */
  readonly expire: number | null;
};

/** Idempotency keys that outlive their deleted jobs. */
type SpentKeysTable = {
  readonly owner_id: string;
  readonly key: string;
  readonly job_id: string;
  /** By the database's clock. */
  readonly until: number;
};
