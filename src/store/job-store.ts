import type { Job, JobEvent } from "../job/job.ts";
import type { JobStatus } from "../job/job-status.ts";
import type { JsonObject, JsonValue } from "../job/json.ts";

/** The two JSON documents of a job; `output` is null until it SUCCEEDED. */
export type JobDocuments = { readonly input: JsonObject; readonly output: JsonValue };

/** An idempotency key and a digest of what was submitted under it. */
export type SubmissionKey = { readonly key: string; readonly fingerprint: string };

/** Every given condition must hold; bounds are exclusive. */
export type JobFilter = {
  readonly statuses?: readonly JobStatus[];
  readonly deploymentId?: string;
  readonly createdAfter?: Date;
  readonly createdBefore?: Date;
};

/** A place in the list of jobs, between two jobs. */
export type JobPosition = { readonly createdAt: Date; readonly id: string };

/** A stretch of the list of jobs. */
export type JobRange = {
  readonly filter: JobFilter;
  /** Only jobs that stand behind this place in the list (newest first). */
  readonly after?: JobPosition;
  /** Only jobs that stand before it. */
  readonly before?: JobPosition;
  /** `forward` takes the first `limit` jobs, newest first; `backward` the last ones, oldest first. */
  readonly direction: "forward" | "backward";
  readonly limit: number;
};

/**
 * The truth about jobs. Every method rejects with a plain error when the database can't be reached; nothing is cached.
 * Rows are owned: the gateway that owns a job is the one that looks at it, and an owner that no longer lives loses its
 * jobs to whoever claims them next.
 */
export type JobStore = {
  /**
   * Adds a job with its first history event, owned by this gateway. When the key is taken it adds nothing and
   * returns the job that has it; otherwise it returns null.
   */
  insertJob(
    job: Job,
    input: JsonObject,
    submissionKey: SubmissionKey | null,
  ): Promise<KeyedJob | null>;

  /** Removes a SUBMITTING job without a trace and frees its key: the upstream refused it. Wakes its watchers. */
  deleteJob(id: string): Promise<void>;

  /**
   * Writes the next version of a job with its history event, in one transaction, and then wakes its watchers.
   * False, and nothing written, when the stored version is not the one right before `job.version` or is final.
   */
  saveJob(job: Job, output: JsonValue): Promise<boolean>;

  readJob(id: string): Promise<Job | null>;
  /** The jobs in the order of `ids`, null where there is none. */
  readJobs(ids: readonly string[]): Promise<(Job | null)[]>;
  /** The jobs' histories in the order of `ids`, each oldest first. */
  readHistories(ids: readonly string[]): Promise<JobEvent[][]>;
  /** The jobs' documents in the order of `ids`, null where there is no job. */
  readDocuments(ids: readonly string[]): Promise<(JobDocuments | null)[]>;
  readKeyedJob(key: string): Promise<KeyedJob | null>;
  listJobs(range: JobRange): Promise<Job[]>;
  countJobs(filter: JobFilter): Promise<number>;
  /** Every deployment that a job names, by id. */
  listDeploymentIds(): Promise<string[]>;
  hasDeployment(deploymentId: string): Promise<boolean>;

  /** Takes over up to `limit` unfinished jobs that no living gateway owns, oldest first, and returns them. */
  claimJobs(limit: number): Promise<Job[]>;
  /** Every unfinished job of this gateway, in no order. */
  listOwnedJobs(): Promise<OwnedJob[]>;
  /** Whether the former owner of a claimed job is surely dead, rather than silent for longer than its lease. */
  readonly isExclusive: boolean;
  /** Says that this gateway lives. Has to be called more often than the lease lasts. */
  renewLease(): Promise<void>;

  /** Calls `wake` after each write to the job, by whatever means it is heard of. Returns how to stop that. */
  subscribe(jobId: string, wake: () => void): () => void;

  /** Rejects unless the database answers. */
  ping(): Promise<void>;
  /** Gives up this gateway's lease and closes the database. */
  close(): Promise<void>;
};

export type OwnedJob = Pick<Job, "id" | "status" | "createdAt">;

export type KeyedJob = { readonly job: Job; readonly fingerprint: string };
