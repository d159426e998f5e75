import type { Asset } from "../job/asset.ts";
import type { Job, JobChangeReason, JobEvent, JobStatus } from "../job/job.ts";
import type { JsonObject, JsonValue } from "../job/json.ts";
import type { KeptFile } from "../job/kept-file.ts";
import type { Polls } from "../job/poll-outcome.ts";
import type { Run } from "../job/run.ts";
import type { WalkBudget } from "./walk-budget.ts";

export type DocumentName = "input" | "output" | "assets";

/** JSON; the text is null where it has more bytes than what was asked for. */
type StoredDocument = { readonly bytes: number; readonly text: string | null };

export type StoredDocuments = {
  readonly input: StoredDocument;
  /** Null until the job SUCCEEDED. */
  readonly output: StoredDocument | null;
  /** What files the output names. Null where nobody has asked: the job ended in a version before. */
  readonly assets: StoredDocument | null;
};

/** What comes of a job that SUCCEEDED. */
export type Result = {
  readonly output: JsonValue;
  readonly assets: readonly Asset[];
  /** The URLs of files that are to be kept from then on. */
  readonly keep: readonly string[];
};

type JobWithDocuments = { readonly job: Job; readonly documents: StoredDocuments };

/** An idempotency key, which is its owner's alone, and a digest of what was submitted under it. */
export type SubmissionKey = { readonly key: string; readonly fingerprint: string };

/** Every given condition must hold; bounds are exclusive. */
export type JobFilter = {
  /** Everybody's when omitted. */
  readonly ownerId?: string;
  readonly statuses?: readonly JobStatus[];
  readonly deploymentId?: string;
  readonly tag?: string;
  /** What one of the input's texts holds; both are folded by `foldText`. */
  readonly text?: string;
  readonly createdAfter?: Date;
  readonly createdBefore?: Date;
};

/** A position in the list of jobs, between two jobs. */
export type JobPosition = { readonly createdAt: Date; readonly id: string };

/** A stretch of the list of jobs. */
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

/**
 * The truth about jobs, uncached. Every method rejects with a plain error when the database can't be reached. Where an
 * `ownerId` is given, jobs of other owners are as if they did not exist.
 */
export type JobStore = {
  /** The one whose jobs are followed; what others' jobs have taught or counted is left out. */
  readonly upstream: string;
  readonly jobs: Jobs;
  readonly documents: Documents;
  readonly feed: Feed;
  readonly quotas: Quotas;
  readonly polls: PollTable;
  /** The last 200 runs of a deployment at the upstream, of all owners, newest first. */
  readRuns(deploymentId: string): Promise<Run[]>;
  readonly pauses: Pauses;
  readonly files: Files;
  readonly uploads: Uploads;
  /** Whether other gateways may use the database at the same time. */
  readonly isShared: boolean;
  /** How many statements may run at once for one owner's reads, so that others find the database free. */
  readonly readsPerOwner: number;
  /** Rejects unless the database answers, and is still the one that was opened. */
  ping(): Promise<void>;
  /** Stops waiting for Postgres: unanswered and later statements fail. */
  hangUp(): void;
  close(): Promise<void>;
};

export type Jobs = {
  /**
   * Adds a job with its first history event, under a submit lease (15 s by default). False, and
   * nothing added, when another job has the key. Rejects with an `IdempotencyConflictError` when the key's job was
   * deleted, with a `LimitError` when the owner has `mostInFlight` unfinished jobs on all gateways, and with an
   * `InvalidInputError` when one of the uploads is gone.
   */
  insert(submit: NewJob): Promise<boolean>;
  /**
   * Writes the job's next version, with an event if its status is new, and wakes its watchers. False, and nothing
   * written, when the stored version is not the one right before `job.version` or is final.
   */
  save(job: Job, result: Result | null): Promise<boolean>;
  /** Removes a SUBMITTING job that the upstream refused and frees its key. Wakes its watchers. */
  withdraw(id: string): Promise<void>;
  /** Removes a finished or paused job; its key stays taken for 24 h. False when there is no such job of this id. */
  delete(id: string): Promise<boolean>;
  /** Removes at most `limit` jobs that finished and were created that long ago, with their keys; returns how many. */
  deleteOld(ages: Ages, limit: number): Promise<number>;
  read(id: string, ownerId?: string): Promise<Job | null>;
  /** In the order of `ids`, null where there is none. */
  readMany(ids: readonly string[], ownerId?: string): Promise<(Job | null)[]>;
  /** The same together with their documents, as `documents.read` gives them. */
  readWithDocuments(
    ids: readonly string[],
    mostBytes: number,
    ownerId?: string,
  ): Promise<(JobWithDocuments | null)[]>;
  readKeyed(
    ownerId: string,
    key: string,
  ): Promise<{ readonly job: Job; readonly fingerprint: string } | null>;
  /** In the order of `ids`, each oldest first. */
  readHistories(ids: readonly string[]): Promise<JobEvent[][]>;
  /** As a subscriber set it at the insert; null where none was, or there is no such job. */
  readTraceparent(id: string): Promise<string | null>;
  /** Where no index answers the whole filter, a walk, for as long as the budget lets it: one of its own by default. */
  list(range: JobRange, budget?: WalkBudget): Promise<JobPage>;
  /** Counts to 10,000 and no further; null where that would take a walk. */
  count(filter: JobFilter): Promise<number | null>;
  /** Every deployment that a job names, by id. */
  listDeploymentIds(ownerId?: string): Promise<string[]>;
  /** Those of `ids` that a job names. */
  findDeployments(ids: readonly string[], ownerId?: string): Promise<ReadonlySet<string>>;
  /** Renews a submit lease. False when the job is no longer SUBMITTING or was given up: its POST must not leave. */
  extendSubmit(id: string, leaseMs: number): Promise<boolean>;
  /**
   * SUBMITTING jobs whose submit lease expired, and can't be extended any more; listed again until they are settled. On
   * SQLite those of an earlier process are among them at once.
   */
  listAbandonedSubmits(limit: number): Promise<string[]>;
  /** Followed jobs that were created, without the time that they were away, before a time; oldest first. */
  listOverdue(before: Date, limit: number): Promise<string[]>;
  /** Counts the time that its own jobs were away, and follows them again. */
  takeBack(): Promise<void>;
  /** How many unfinished jobs each other upstream has. */
  countOthers(): Promise<readonly { readonly upstream: string; readonly count: number }[]>;
  /** Notes since when other upstreams' jobs are away that no gateway follows. */
  noteLeft(): Promise<void>;
  /** Whether there is a job, which may have ended, that is not surely this upstream's. Polls every job. */
  holdsOthers(): Promise<boolean>;
};

export type Documents = {
  /** In the order of `ids`, null where there is no job. The texts of documents above `mostBytes` are not read. */
  read(ids: readonly string[], mostBytes: number): Promise<(StoredDocuments | null)[]>;
  /** The text of one, however large it is; null where there is none. */
  readText(id: string, name: DocumentName): Promise<string | null>;
  /** Keeps what files an output names, of a job that ended in a version before. */
  noteAssets(id: string, assets: readonly Asset[]): Promise<void>;
  /** A job's input without its output, which may be far larger; null where there is no job. */
  readInput(id: string): Promise<JsonObject | null>;
};

export type Feed = {
  /** The cursor behind everything that is committed now, whosever it is. */
  readHead(): Promise<string>;
  /**
   * The jobs that changed between a cursor and `until`, a cursor of `readHead`: each once, in its newest state. Null when
   * the cursor is of another database, lies in the future, or is more than 10,000 changes behind. Rejects with a
   * `BadCursorError` when the text is no cursor.
   */
  read(cursor: string, options: FeedOptions): Promise<FeedPage | null>;
  /** Calls `wake` after each write to the job, by any gateway, and every 15 s. Returns how to stop that. */
  subscribeToJob(jobId: string, wake: () => void): () => void;
  /** The same for each change of an owner's jobs that the feed tells of; of everybody's where none is given. */
  subscribe(ownerId: string | undefined, wake: () => void): () => void;
};

/** Counts what owners do within a time, for all gateways together. */
export type Quotas = {
  /** Counts so many more, one by default; resolves with how many there are in the window by then, and when it ends. */
  count(name: QuotaName, ownerId: string, amount?: number): Promise<QuotaCount>;
  /** Takes back what was counted in the window that ends then, one by default; nothing once it has ended. */
  discount(name: QuotaName, ownerId: string, endsAtMs: number, amount?: number): Promise<void>;
};

/** Submits in a minute, jobs in a day, and MiB that are uploaded in a day. */
export type QuotaName = "submits" | "jobs" | "uploads";

/** `endsAtMs` is by the database's clock. */
export type QuotaCount = {
  readonly count: number;
  readonly endsInMs: number;
  readonly endsAtMs: number;
};

/** Who polls which job when, for all gateways together. */
export type PollTable = {
  /**
   * Claims at most `limit` polls that are due, the one that is due longest first, together with their jobs. `nextInMs` says
   * when another one is due; null when none is.
   */
  claimDue(options: {
    readonly limit: number;
    readonly exceptDeployments: readonly string[];
  }): Promise<{ readonly polls: readonly ClaimedPoll[]; readonly nextInMs: number | null }>;
  /** Claims the polls of these jobs, whether due, claimed or not; those that are not followed are left out. */
  claimThese(jobIds: readonly string[]): Promise<readonly ClaimedPoll[]>;
  /** Says when the next polls are due. Does nothing for a poll that somebody else has claimed meanwhile. */
  putBack(polls: readonly EndedPoll[]): Promise<void>;
  /** Makes due the polls of the first 1,000 jobs that wait at a deployment, front first, within 15 s. */
  makeQueueDue(deploymentId: string): Promise<void>;
  /** Makes due the polls of jobs that are away, and were for so long since the last poll. */
  resume(leftForMs: number): Promise<void>;
  /** Makes due what can be due so late only because the database's clock was set back. */
  mendTimes(): Promise<void>;
};

/** For 9 s it is nobody else's. */
export type ClaimedPoll = {
  readonly job: Job & { readonly requestId: string };
  /** Proves the claim. */
  readonly token: number;
  /** Whether an earlier claim had expired, as when the gateway that had it died. */
  readonly isTakenOver: boolean;
  readonly polls: Polls;
  /** The job's, as a subscriber set it at the insert. */
  readonly traceparent: string | null;
};

export type EndedPoll = Polls & {
  readonly jobId: string;
  readonly token: number;
  /** Null for a job that is away: it is not due until it is resumed. */
  readonly delayMs: number | null;
};

/** The copies of files that outputs name, and where all files of this database are. */
export type Files = {
  /** The folder of its own that this database has wherever files are, and what their URLs are signed with. */
  readPlace(): Promise<FilePlace>;
  /** Remembers the name of a file by which the place is known from now on, unless there is one; resolves with that. */
  claimMarker(marker: string): Promise<string>;
  /** Comes before a file is written: unless a row names it by then, it is deleted so much later. */
  lease(name: string, leaseMs: number): Promise<void>;
  /** Claims at most `limit` files that are due for so long. `nextInMs` says when another one is; null when none is. */
  claimDue(options: {
    readonly limit: number;
    readonly claimMs: number;
  }): Promise<{ readonly files: readonly ClaimedFile[]; readonly nextInMs: number | null }>;
  /** Makes a claim longer; null when it is no longer ours. */
  renewClaim(file: ClaimedFile, claimMs: number): Promise<ClaimedFile | null>;
  /** Gives a claim up: the file is due so much later. */
  putBack(file: ClaimedFile, delayMs: number): Promise<void>;
  /** Writes down what became of a file, as a new version of its job. False when the claim or the file's lease has ended. */
  settle(file: ClaimedFile, kept: KeptFile): Promise<boolean>;
  /** Lets files of a finished job be fetched that are not kept, or FAILED. False when there are none. */
  request(job: Job, urls: readonly string[]): Promise<boolean>;
  /** In the order of `jobIds`, each by the URL that the output names. */
  readMany(jobIds: readonly string[]): Promise<ReadonlyMap<string, KeptFile>[]>;
  /** The owners' ids by name, of those of these names that a kept file has, or an upload that stays. */
  findOwners(names: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Names of files without a row: it is gone, or their lease has ended. */
  listPendingDeletions(limit: number): Promise<string[]>;
  /** Forgets some that were deleted, or that stay without a row. */
  forgetDeletions(names: readonly string[]): Promise<void>;
};

type FilePlace = {
  readonly folder: string;
  readonly key: string;
  /** The file that is in the place of this database and in no other; null until there is one. */
  readonly marker: string | null;
};

/** A file that one gateway is to fetch. */
export type ClaimedFile = {
  readonly jobId: string;
  readonly number: number;
  readonly url: string;
  /** Its job's; null where that is not known. */
  readonly upstream: string | null;
  /** This one included. */
  readonly attempts: number;
  /** How long ago its job ended. */
  readonly sinceEndMs: number;
  /** Proves the claim. */
  readonly token: number;
};

/** Files that clients bring. */
export type Uploads = {
  /** Rejects with a `LimitError` when the owner has `mostOpen` uploads that have not come; no limit when null. */
  create(upload: NewUpload, mostOpen: number | null): Promise<void>;
  /** In the order of `ids`, null where there is none. */
  readMany(ids: readonly string[]): Promise<(Upload | null)[]>;
  /** Notes that all of it has come. False when it has already, or is gone. */
  receive(id: string, file: string): Promise<boolean>;
  /** Deletes at most `limit` uploads that are a day old and that no job names; returns how many. */
  deleteUnused(limit: number): Promise<number>;
};

type NewUpload = {
  readonly id: string;
  readonly ownerId: string;
  readonly fileName: string;
  readonly contentType: string;
  readonly bytes: number;
};

/** `file` is the name of its file; null until all of it has come. */
export type Upload = NewUpload & { readonly file: string | null };

/** The pause that the upstream asked for. */
export type Pauses = {
  /** How many milliseconds nobody may call the upstream, as any gateway noted; 0 when nobody did. */
  readPauseMs(): Promise<number>;
  /** Lets all gateways pause. */
  notePause(durationMs: number): Promise<void>;
};

/** A job to be submitted. */
type NewJob = {
  readonly job: Job;
  readonly input: JsonObject;
  readonly key: SubmissionKey | null;
  readonly leaseMs?: number;
  /** No limit when null. */
  readonly mostInFlight?: number | null;
  /** The uploads that the input names, which stay as long as the job. */
  readonly uploads?: readonly string[];
};

/** By the database's clock. */
type Ages = { readonly finishedForMs: number; readonly createdForMs: number };

export type FeedOptions = {
  readonly until: string;
  readonly limit: number;
  /** Only its changes count. */
  readonly ownerId?: string | undefined;
};

export type FeedPage = {
  /** In the order of their commits as far as that is known; `cursor` stands behind the change. */
  readonly changes: readonly {
    readonly cursor: string;
    readonly job: Job;
    readonly reason: JobChangeReason;
  }[];
  /** Stands behind the page. */
  readonly cursor: string;
  /** Whether nothing else had changed when the page was read. */
  readonly isLast: boolean;
};
