import type { Job, JobEvent, JobStatus } from "../job/job.ts";
import type { JsonObject, JsonValue } from "../job/json.ts";
import type { Reach } from "../runcomfy/reach.ts";
import type { Rates } from "./rates.ts";

/** The two JSON documents of a job; `output` is null until it SUCCEEDED. */
export type JobDocuments = { readonly input: JsonObject; readonly output: JsonValue };

/** A job's documents, and the bytes that they take as text. */
export type StoredDocuments = {
  readonly inputBytes: number;
  readonly outputBytes: number;
  /** Null where they are larger than what was asked for. */
  readonly documents: JobDocuments | null;
};

/** An idempotency key, of the key space of the job's owner, and a digest of what was submitted under it. */
export type SubmissionKey = { readonly key: string; readonly fingerprint: string };

/** Every given condition must hold; bounds are exclusive. */
export type JobFilter = {
  /** Everybody's where it is not given. */
  readonly ownerId?: string;
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
 *
 * A job also has an owner among those who ask for jobs. Where an `ownerId` is given, the jobs of all others are as if
 * they did not exist.
 */
export type JobStore = {
  /**
   * Adds a job with its first history event, owned by this gateway, and with a submit lease by the database's clock.
   * When its owner's key is taken it adds nothing and returns the job that has it; otherwise it returns null. Rejects
   * with an `IdempotencyConflictError` when the job that had the key was deleted, and with a `LimitError` when the owner
   * has `mostInFlight` unfinished jobs already, on whichever gateway.
   */
  insertJob(
    job: Job,
    input: JsonObject,
    submissionKey: SubmissionKey | null,
    submitLeaseMs?: number,
    mostInFlight?: number | null,
  ): Promise<KeyedJob | null>;

  /**
   * Begins the submit lease of a SUBMITTING job of this gateway anew, by the database's clock. False, and nothing
   * written, when it is no longer SUBMITTING: others have settled it, and its POST must not leave.
   */
  extendSubmit(id: string, leaseMs: number): Promise<boolean>;

  /**
   * SUBMITTING jobs whose submit lease has run out: whoever sent them, if they were sent, is gone or too late, and can't
   * extend the lease any more. They are listed again until they are settled. On SQLite those of an earlier gateway are
   * among them at once.
   */
  listAbandonedSubmits(limit: number): Promise<string[]>;

  /** Keeps the upstream's id of a job that was settled before it came, beside the row. */
  keepLateRequestId(id: string, requestId: string): Promise<void>;

  /**
   * Removes a finished job with its history; its key stays taken for another 24 h. False when there is no such job, or
   * it is not finished. Wakes its watchers.
   */
  deleteFinishedJob(id: string): Promise<boolean>;

  /**
   * Removes at most `limit` jobs that finished so long ago and were created so long ago, by the database's clock, with
   * their keys; tells how many.
   */
  deleteOldJobs(
    ages: { readonly finishedForMs: number; readonly createdForMs: number },
    limit: number,
  ): Promise<number>;

  /** A cursor: the place in the feed behind everything that is committed now, whosever it is. */
  readFeedHead(): Promise<string>;

  /**
   * The jobs that changed between a place in the feed and `until`, a cursor of `readFeedHead`: each once and in its newest
   * state, at most `limit`. Null when the place can't be served: it is of another database, lies in the future, or more
   * than 10,000 jobs changed since. Rejects with a `BadCursorError` when the text is no place at all. Where an owner is
   * given, only its changes count.
   */
  readFeed(
    cursor: string,
    options: {
      readonly until: string;
      readonly limit: number;
      readonly ownerId?: string | undefined;
    },
  ): Promise<FeedPage | null>;

  /** Removes a SUBMITTING job without a trace and frees its key: the upstream refused it. Wakes its watchers. */
  deleteJob(id: string): Promise<void>;

  /**
   * Writes the next version of a job, with an event where its status is new, in one transaction, and then wakes its
   * watchers. False, and nothing written, when the stored version is not the one right before `job.version` or is final.
   */
  saveJob(job: Job, output: JsonValue): Promise<boolean>;

  readJob(id: string, ownerId?: string): Promise<Job | null>;
  /** The jobs in the order of `ids`, null where there is none. */
  readJobs(ids: readonly string[], ownerId?: string): Promise<(Job | null)[]>;
  /** The jobs' histories in the order of `ids`, each oldest first. */
  readHistories(ids: readonly string[]): Promise<JobEvent[][]>;
  /**
   * The jobs' documents in the order of `ids`, null where there is no job. Of a job whose documents take more than
   * `mostBytes` together only their sizes are read.
   */
  readDocuments(
    ids: readonly string[],
    mostBytes: number | null,
  ): Promise<(StoredDocuments | null)[]>;
  readKeyedJob(ownerId: string, key: string): Promise<KeyedJob | null>;
  listJobs(range: JobRange): Promise<Job[]>;
  /** Counts to 10,000 and no further. */
  countJobs(filter: JobFilter): Promise<number>;
  /** Every deployment that a job names, by id. */
  listDeploymentIds(ownerId?: string): Promise<string[]>;
  hasDeployment(deploymentId: string, ownerId?: string): Promise<boolean>;

  /** Takes over up to `limit` unfinished jobs that no living gateway owns, oldest first, and returns them. */
  claimJobs(limit: number): Promise<Job[]>;
  /** Every unfinished job of this gateway, in no order. */
  listOwnedJobs(): Promise<OwnedJob[]>;
  /** Whether the former owner of a claimed job is surely dead, rather than silent for longer than its lease. */
  readonly isExclusive: boolean;
  /**
   * Says that this gateway lives, and how it reaches the upstream. Has to be called more often than the lease lasts.
   * False when the lease had run out before.
   */
  renewLease(reach?: Reach): Promise<boolean>;

  /**
   * Calls `wake` after each write to the job, whichever gateway made it, and every 15 s, since word of one may be lost.
   * Returns how to stop that.
   */
  subscribe(jobId: string, wake: () => void): () => void;

  /** The same for each change of an owner's jobs that the feed tells of; of everybody's where none is given. */
  subscribeToFeed(ownerId: string | undefined, wake: () => void): () => void;

  /** How the unfinished, accepted jobs are spread now; on SQLite one gateway owns them all. */
  readShares(): Promise<Shares>;
  /** Any accepted, unfinished job, whoever owns it, to try the upstream with; null when there is none. */
  pickUnfinishedId(): Promise<string | null>;
  /** Gives up at most `count` of this gateway's accepted jobs, for others to claim; the ids of those. */
  releaseJobs(count: number): Promise<string[]>;
  /** Calls back when another gateway has given up jobs: it is time to claim. */
  onHandover(claim: () => void): () => void;

  /** How many milliseconds nobody may call the upstream, as any gateway noted; 0 when nobody did. */
  readPauseMs(): Promise<number>;
  /** Lets all gateways pause. */
  notePause(durationMs: number): Promise<void>;

  /** Counts what owners do: on Postgres for all gateways together, on SQLite in memory, until the restart. */
  readonly rates: Rates;

  /** How many statements may run at once for one owner's reads, so that others find the database free. */
  readonly readsPerOwner: number;

  /** Rejects unless the database answers, and is still the one that was opened. */
  ping(): Promise<void>;
  /** Waits for a Postgres no longer: what it has not answered, and what is asked from now on, fails. */
  hangUp(): void;
  /** Gives up this gateway's lease and closes the database. */
  close(): Promise<void>;
};

export type FeedPage = {
  /** In the order of their commits as far as that is known; `cursor` is the place behind the change. */
  readonly changes: readonly { readonly cursor: string; readonly job: Job }[];
  /** The place behind the page. */
  readonly cursor: string;
  /** Whether nothing else had changed when it was read. */
  readonly isLast: boolean;
};

export type Shares = {
  /** Living gateways, this one among them. */
  readonly gateways: number;
  /**
   * Those of them that share the jobs, this one among them; 0 when it leaves them to others, because it lives no lease
   * yet or the upstream answers others alone.
   */
  readonly sharing: number;
  /** Whether the calls of another gateway keep failing. */
  readonly isOutageElsewhere: boolean;
  /** How long ago the upstream last answered another gateway; null when that is not known. */
  readonly answeredElsewhereMsAgo: number | null;
  /** Unfinished, accepted jobs of all, and of this gateway. */
  readonly unfinished: number;
  readonly owned: number;
};

export type OwnedJob = Pick<Job, "id" | "deploymentId" | "status" | "createdAt">;

export type KeyedJob = { readonly job: Job; readonly fingerprint: string };
