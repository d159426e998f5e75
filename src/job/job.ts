import { randomBytes } from "node:crypto";

import type { JobStatus } from "./job-status.ts";
import { isFinal } from "./job-status.ts";

/**
 * One run of a deployment, as the gateway knows it: everything but its two JSON documents (input and output),
 * which are as large as the caller likes and are read from the store only where somebody asks for them.
 */
export type Job = {
  /** `job_` and 128 random bits. */
  readonly id: string;
  /** Whose job it is: for every other owner it does not exist. */
  readonly ownerId: string;
  /** The vendor's id. */
  readonly deploymentId: string;
  /** The upstream's id; null until it accepted the job. */
  readonly requestId: string | null;
  /** The version segment of the upstream's paths that the job was submitted with, and is followed with. */
  readonly apiVersion: string;
  readonly status: JobStatus;
  /** 0 = next; null when not IN_QUEUE or not known. */
  readonly queuePosition: number | null;
  /** Null unless FAILED. */
  readonly error: JobError | null;
  /** Grows by one with each recorded change, a new place in the queue included. */
  readonly version: number;
  readonly createdAt: Date;
  /** When the job was first seen IN_PROGRESS. */
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  readonly updatedAt: Date;
};

/** Why a job FAILED; how each code reads to a client is in `job-error.ts`. */
export type JobError = {
  readonly code: JobErrorCode;
  readonly message: string;
  /** Whether submitting the same input again may succeed without paying twice for one result. */
  readonly retryable: boolean;
};

export type JobErrorCode =
  | "INFERENCE_FAILED"
  | "SUBMISSION_UNKNOWN"
  | "LOST"
  | "EXPIRED"
  | "INVALID_RESPONSE";

/** The moment at which a job came into a status; at most four of them make up its history. */
export type JobEvent = {
  readonly version: number;
  readonly status: JobStatus;
  readonly at: Date;
};

/** The start of every job's id, by which `node(id:)` tells it from a deployment's. */
export const JOB_ID_PREFIX = "job_";

/** Makes a job that is about to be submitted. */
export function createJob(options: {
  readonly ownerId: string;
  readonly deploymentId: string;
  readonly apiVersion: string;
  readonly now: Date;
}): Job {
  return {
    id: JOB_ID_PREFIX + randomBytes(16).toString("hex"),
    ownerId: options.ownerId,
    deploymentId: options.deploymentId,
    requestId: null,
    apiVersion: options.apiVersion,
    status: "SUBMITTING",
    queuePosition: null,
    error: null,
    version: 1,
    createdAt: options.now,
    startedAt: null,
    finishedAt: null,
    updatedAt: options.now,
  };
}

export function isFinished(job: Job): boolean {
  return isFinal(job.status);
}

/** Whether a cancel has a chance: the upstream cancels only what has not started. */
export function isCancellable(job: Job): boolean {
  return job.status === "SUBMITTING" || job.status === "IN_QUEUE";
}
