import type { Generated } from "kysely";

import type { JobError, JobStatus } from "../job/job.ts";
import type { JobKind } from "../job/kind.ts";
import type { KeepState } from "../job/asset.ts";
import type { Run } from "../job/run-times.ts";

/**
 * The engine's tables after its last migration. Times are milliseconds since 1970; those that gateways compare are by the
 * database's clock.
 */
export type Tables = {
  /** A row for each migration that has run. */
  readonly gateway_schema: {
    /** Whose migration it is: the engine's, or that of the part of this name. */
    readonly part: string;
    readonly version: number;
    /** 0 or 1: whether a program that does not know the migration may no longer use the tables. */
    readonly breaking: number;
    readonly applied_at: number;
  };
  /** The triggers of parts that there are; see `part-triggers.ts`. */
  readonly part_triggers: { readonly name: string; readonly part: string };
  readonly jobs: {
    readonly id: string;
    readonly owner_id: string;
    readonly kind: JobKind;
    readonly deployment_id: string;
    /** Where it was sent. */
    readonly upstream: string;
    /** Since when nobody follows it, as its upstream is not in use or does not know it. */
    readonly detached_since: number | null;
    readonly detached_ms: Generated<number>;
    readonly request_id: string | null;
    readonly api_version: string;
    readonly status: JobStatus;
    readonly claim: Generated<number>;
    readonly queue_position: number | null;
    /** In USD. */
    readonly cost: number | null;
    /** The version made by a cost that was reported after the end. */
    readonly cost_version: number | null;
    readonly error_code: JobError["code"] | null;
    readonly error_message: string | null;
    /** 0 or 1: SQLite has no booleans. */
    readonly error_retryable: number | null;
    readonly version: number;
    readonly created_at: number;
    /** When it was last sent; null while it is HELD. */
    readonly sent_at: number | null;
    readonly started_at: number | null;
    readonly finished_at: number | null;
    readonly updated_at: number;
    readonly work: number;
    readonly place: number | null;
    readonly idle_ms: number | null;
    /** Unique among its owner's. */
    readonly idempotency_key: string | null;
    readonly fingerprint: string | null;
    /** JSON: a list of texts. */
    readonly tags: Generated<string>;
    /** 0 or 1. */
    readonly starred: Generated<number>;
    /** The version that the last change of tags or star made. */
    readonly labels_version: number | null;
    /** Written by a trigger with each new version: on Postgres the transaction's id, on SQLite the next number. */
    readonly changed: Generated<number>;
    /** What `changed` was when its status was last new. */
    readonly status_changed: Generated<number>;
    /** Until then a SUBMITTING job may still be sent or answered. 0: not any more. */
    readonly submit_until: number;
    /** Where its polls and its end belong in the trace that submitted it; null without one. */
    readonly traceparent: string | null;
  };
  /** A row for each tag of a job, and for its star (`STAR`), so that a tag's jobs are found along an index. */
  readonly job_tags: {
    readonly job_id: string;
    readonly tag: string;
    /** The job's, like `created_at`. */
    readonly owner_id: string;
    readonly created_at: number;
  };
  /** JSON as text, apart from the jobs, whose rows would otherwise drag megabytes along. */
  readonly job_documents: {
    readonly job_id: string;
    /** In UTF-8, as the texts are stored; 0 where there is none. */
    readonly input_bytes: number;
    readonly output_bytes: Generated<number>;
    readonly input: string;
    readonly output: string | null;
  };
  /** The files that outputs name, as JSON; a row for each job that SUCCEEDED. */
  readonly job_assets: {
    readonly job_id: string;
    /** In UTF-8. */
    readonly bytes: number;
    readonly assets: string;
  };
  /** Of a long list of those the first, and how many there are. */
  readonly first_assets: {
    readonly job_id: string;
    readonly count: number;
    /** JSON, about 20 KB at most. */
    readonly assets: string;
  };
  /** What jobs are found by; see `toSearchText`. Narrow, and in the order of an owner's lists, so that a walk reads few pages. */
  readonly job_texts: {
    /** The job's, like `created_at`. */
    readonly owner_id: string;
    readonly created_at: number;
    readonly job_id: string;
    readonly search: string;
  };
  readonly job_events: {
    readonly job_id: string;
    readonly version: number;
    readonly status: JobStatus;
    readonly at: number;
  };
  /** The last 200 of each deployment and upstream; a trigger on `jobs` writes them. */
  readonly runs: {
    readonly number: Generated<number>;
    readonly deployment_id: string;
    readonly upstream: string;
    readonly status: Run["status"];
    readonly work: number;
    readonly place: number | null;
    readonly idle_ms: number | null;
    readonly queue_ms: number | null;
    readonly run_ms: number | null;
    readonly ended_at: number;
  };
  /** The polls to come; see `polls.ts`. */
  readonly polls: {
    readonly job_id: string;
    readonly deployment_id: string;
    /** The job's. */
    readonly upstream: string;
    /** While the poll is claimed: when the claim ends; null while the job is detached. */
    readonly due_at: number | null;
    /** While the poll is claimed: when it was due; while the job is detached: since the last poll; else null. */
    readonly was_due_at: number | null;
    /** How many polls in a row, up to the last one, said nothing. */
    readonly failures: Generated<number>;
    /** The first of the polls in a row that did not find the job. */
    readonly not_found_since: number | null;
    /** The first of the polls in a row that saw the job ended but could not read how. */
    readonly unread_since: number | null;
    /** When an upstream webhook last made it due, or will; while the poll is claimed: will once that is put back. */
    readonly notified_at: number | null;
  };
  /** A row for each job that is HELD, or was and is SUBMITTING; see `holds.ts`. */
  readonly holds: {
    readonly job_id: string;
    /** The job's, like the next three. */
    readonly owner_id: string;
    readonly upstream: string;
    readonly deployment_id: string;
    readonly created_at: number;
    /** When it was last held, released, approved or put back. */
    readonly since: number;
    readonly priority: number;
    readonly send_after: number | null;
    /** 0 or 1. */
    readonly by_hand: number;
    readonly needs_approval: number;
    /** The ids of the credentials that submitted it, and whose release made it need an approval: neither may approve it. */
    readonly submitted_by: string | null;
    readonly approval_added_by: string | null;
    /** The credential's that released it last, or else submitted it, and how it is found out whether it is still in use. */
    readonly sent_for: string | null;
    readonly signed_by: string;
    /** Those of its submitter, as JSON. */
    readonly limits: string;
    /** The row of `quotas` in which it is counted, and when that one's window ends; null where nothing counts. */
    readonly counted_for: string | null;
    readonly counted_until: number | null;
    /**
     * When it may be claimed: 0 is now. Null while it waits for somebody, or is claimed. A time that has come is set to 0,
     * so that what is ready is found along one index.
     */
    readonly due_at: number | null;
    /** When it ends unsent; 0 for now. */
    readonly ends_at: number | null;
    /** Whether it was cancelled while it was SUBMITTING: put back, it is CANCELLED. */
    readonly is_cancelled: Generated<number>;
  };
  /** See `upstream-webhook-trust.ts`. */
  readonly upstream_webhook_trust: {
    readonly upstream: string;
    readonly deployment_id: string;
    readonly trust: number;
  };
  /** One row with the number of the last change. Only on SQLite, where changes commit in order. */
  readonly change_counter: { readonly id: number; readonly value: number };
  /** How many jobs of an owner are unfinished and not detached, which triggers count; several rows add up. */
  readonly unfinished_jobs: {
    readonly owner_id: string;
    /** The jobs'. */
    readonly upstream: string;
    readonly amount: number;
  };
  /** At most one row, for the time in which no number of a change is given out twice. */
  readonly feed_eras: {
    readonly number: number;
    readonly era: string;
    /** What cursors are sealed with; the database itself makes it up. */
    readonly key: Generated<string>;
  };
  /** A row for each upstream that asked for a pause: how long nobody may call it. */
  readonly pauses: {
    readonly id: string;
    readonly noted_at: number;
    readonly paused_until: number;
  };
  /** The deployments that operators have paused. */
  readonly paused_deployments: {
    readonly upstream: string;
    readonly deployment_id: string;
    readonly reason: string;
    readonly paused_at: number;
  };
  /** One row: where this database's files are. */
  readonly file_places: {
    readonly number: number;
    /** The folder of its own that a database has wherever files are; the database itself makes it up. */
    readonly folder: Generated<string>;
    /** What URLs of files are signed with; made up like the folder. */
    readonly key: Generated<string>;
    /** The name of a file by which the place is known; null until there is one. */
    readonly marker: string | null;
  };
  readonly uploads: {
    readonly id: string;
    readonly owner_id: string;
    readonly file_name: string;
    readonly content_type: string;
    readonly bytes: number;
    /** The name of its file; null until all of it has come. */
    readonly file: string | null;
    /** In pixels, as a browser shows it; null where it is no picture, or not known. */
    readonly width: number | null;
    readonly height: number | null;
    readonly created_at: number;
  };
  /** Which jobs name which uploads in their input. */
  readonly upload_uses: { readonly upload_id: string; readonly job_id: string };
  /** The files that outputs name, by their place in `findAssets`. */
  readonly kept_files: {
    readonly job_id: string;
    readonly number: number;
    readonly url: string;
    readonly state: KeepState;
    /** When it is to be fetched, or while that is claimed, when the claim ends; null when nobody is to fetch it. */
    readonly due_at: number | null;
    readonly attempts: Generated<number>;
    /** The name of the kept file; null until it is kept. */
    readonly file: string | null;
    readonly content_type: string | null;
    readonly bytes: number | null;
    readonly width: number | null;
    readonly height: number | null;
    /** Why it FAILED. */
    readonly reason: string | null;
  };
  /**
   * Files without a row: those whose row is gone, which triggers write, and those that are being written, with the end of
   * their lease.
   */
  readonly pending_deletions: { readonly file: string; readonly due_at: Generated<number> };
  /** A row for each run whose cost RunComfy has yet to report; see `late-costs.ts`. It outlives its job. */
  readonly late_costs: {
    readonly job_id: string;
    /** The job's, like all up to `request_id`. */
    readonly owner_id: string;
    readonly upstream: string;
    readonly kind: JobKind;
    readonly deployment_id: string;
    readonly api_version: string;
    readonly request_id: string;
    /** When the end was stored. */
    readonly ended_at: number;
    /** While it is claimed: when the claim ends. */
    readonly due_at: number;
    /** In USD. Set in the transaction that then deletes the row, for triggers of parts. */
    readonly cost: number | null;
  };
  /** What owners have used of a limit in the current window. */
  readonly quotas: { readonly key: string; readonly used: number; readonly ends_at: number };
  /** Filled and emptied again to find out whether the disk takes writes. */
  readonly write_probes: { readonly bytes: string };
  /** People who have signed in at the console. */
  readonly sign_ins: {
    /** Of the id that the browser shows. */
    readonly id_hash: string;
    readonly owner_id: string;
    /** JSON. */
    readonly scopes: string;
    /** This and the next two are a `Credential`. */
    readonly credential_id: string | null;
    readonly signed_by: string;
    readonly needs_approval: number;
    readonly created_at: number;
    readonly ends_at: number;
  };
  /** Jobs that were submitted without a key, by a digest of what was. */
  readonly repeatable_submits: {
    readonly owner_id: string;
    readonly fingerprint: string;
    readonly job_id: string;
    readonly until: number;
  };
  /** Idempotency keys that outlive their deleted jobs. */
  readonly spent_keys: {
    readonly owner_id: string;
    readonly key: string;
    readonly job_id: string;
    readonly until: number;
  };
};
