import { chance } from "../../runtime/environment.ts";
import type { JobKind } from "./kind.ts";

/**
 * The life of a job, in the order in which it can be lived; the last three are final. The one step backwards leads from
 * SUBMITTING to HELD, where a claimed job certainly never reached the upstream.
 */
export const JOB_STATUSES = [
  "HELD",
  "SUBMITTING",
  "IN_QUEUE",
  "IN_PROGRESS",
  "SUCCEEDED",
  "FAILED",
  "CANCELLED",
] as const;

export type JobStatus = (typeof JOB_STATUSES)[number];

/** One run of a deployment, without its input and output: they may be large, and are read only where they are asked for. */
export type Job = {
  /** `job_` and 128 random bits. */
  readonly id: string;
  /** Whose job it is: for every other owner it does not exist. */
  readonly ownerId: string;
  /** Which of the vendor's APIs runs it. */
  readonly kind: JobKind;
  /** The vendor's id. */
  readonly deploymentId: string;
  /** Where it was sent, as `nameJobUpstream` names it. */
  readonly upstream: string;
  /** Since when nobody follows it, because its upstream is not in use or says that it is not its own; null otherwise. */
  readonly detachedSince: Date | null;
  /** For how long that was so before; it does not count towards the deadline. */
  readonly detachedMs: number;
  /** The upstream's id; null until it accepted the job. */
  readonly requestId: string | null;
  /** The version segment in the paths of all the job's calls. */
  readonly apiVersion: string;
  /** What its owner groups jobs by; each once. */
  readonly tags: readonly string[];
  /** Whether its owner has marked it. */
  readonly isStarred: boolean;
  readonly status: JobStatus;
  /** How often it was claimed to be sent; 0 for a job that was never HELD. */
  readonly claim: number;
  /** 0 = next; null when not IN_QUEUE or not known. */
  readonly queuePosition: number | null;
  /** Null unless FAILED. */
  readonly error: JobError | null;
  /** In USD; null where the upstream has not reported it, which does not mean free. */
  readonly cost: number | null;
  /** Grows by one with each recorded change, including a new place in the queue. */
  readonly version: number;
  readonly createdAt: Date;
  /** When it was last sent; null while it is HELD. Its deadline, place and times count from it; see `sentAtOf`. */
  readonly sentAt: Date | null;
  /** When the job was first seen IN_PROGRESS. */
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  readonly updatedAt: Date;
  /** How much its input asks for, as `toWork` says. */
  readonly work: number;
  /** How many jobs were in front of it when RunComfy first said so; null until then. */
  readonly place: number | null;
  /** For how long the deployment had run nothing of the gateway's when it was sent; null: it never had. */
  readonly idleMs: number | null;
};

/** Why a job FAILED; `errors.ts` makes them. */
export type JobError = {
  readonly code:
    | "INFERENCE_FAILED"
    | "SUBMISSION_UNKNOWN"
    | "LOST"
    | "EXPIRED"
    | "INVALID_RESPONSE"
    | "NOT_SENT_IN_TIME"
    | "NOT_APPROVED"
    | "REFUSED";
  readonly message: string;
  /** Whether submitting the same input again may succeed without paying twice for one result. */
  readonly retryable: boolean;
};

/** When a job entered a status; at most five of them make up its history. */
export type JobEvent = {
  readonly version: number;
  readonly status: JobStatus;
  readonly at: Date;
};

/**
 * What changed about a job since its reader's place in the feed: the status, or else how it waits; or once it has ended,
 * what it cost or its kept files, whichever came last.
 */
export type JobChangeReason = "STATUS" | "PROGRESS" | "FILES" | "COST" | "LABELS";

/** Distinguishes a job's id from a deployment's. */
export const JOB_ID_PREFIX = "job_";

/** Makes a job that is about to be submitted, or is HELD; `work` is 1 where it is not known. */
export function createJob({
  now,
  work = 1,
  tags = [],
  status = "SUBMITTING",
  ...facts
}: Pick<Job, "ownerId" | "kind" | "deploymentId" | "upstream" | "apiVersion"> &
  Partial<Pick<Job, "tags">> & {
    readonly now: Date;
    readonly work?: number;
    readonly status?: "HELD" | "SUBMITTING";
  }): Job {
  return {
    ...facts,
    tags,
    isStarred: false,
    id: JOB_ID_PREFIX + chance.bytes(16).toString("hex"),
    requestId: null,
    detachedSince: null,
    detachedMs: 0,
    status,
    claim: 0,
    queuePosition: null,
    error: null,
    cost: null,
    version: 1,
    createdAt: now,
    sentAt: status === "HELD" ? null : now,
    startedAt: null,
    finishedAt: null,
    updatedAt: now,
    work,
    place: null,
    // The store knows.
    idleMs: null,
  };
}

/** When a job was sent; where it never was, when it was created. */
export function sentAtOf({ sentAt, createdAt }: Pick<Job, "sentAt" | "createdAt">): Date {
  return sentAt ?? createdAt;
}

/** Whether a job in this status has ended; nothing changes it any more. */
export function isFinal(status: JobStatus): boolean {
  return rankOf(status) === rankOf("SUCCEEDED");
}

/** Whether `to` lies further along a job's life than `from`. */
export function isForward(from: JobStatus, to: JobStatus): boolean {
  return rankOf(to) > rankOf(from);
}

/** All final statuses have the same. */
function rankOf(status: JobStatus): number {
  return Math.min(JOB_STATUSES.indexOf(status), JOB_STATUSES.indexOf("SUCCEEDED"));
}

export function isFinished(job: Pick<Job, "status">): boolean {
  return isFinal(job.status);
}

/** Whether the upstream has accepted the job, and it has not ended. */
export function isAccepted({ status }: Pick<Job, "status">): boolean {
  return isForward("SUBMITTING", status) && !isFinal(status);
}

/** Whether a cancel has a chance: the upstream cancels only what has not started. */
export function isCancellable(job: Job): boolean {
  return !isForward("IN_QUEUE", job.status);
}

/** The pattern of ids, ours and the upstream's, without anchors: as part of a path they can't change its shape. */
export const IDENTIFIER = "[A-Za-z0-9_-]{1,128}";

const WHOLE = new RegExp(`^${IDENTIFIER}$`);

/** Whether a value can be an id; what can't never reaches the upstream or a database. */
export function isIdentifier(value: unknown): value is string {
  return typeof value === "string" && WHOLE.test(value);
}
