/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
/** What a file is, judging by its name and by where it is in the output, not by its content. */
export type AssetKind =
  /** Sound without pictures. */
  | 'AUDIO'
  /** A still or animated picture. */
  | 'IMAGE'
  /** Anything else, or unknown. */
  | 'OTHER'
  /** Moving pictures, with or without sound. */
  | 'VIDEO';

/** Matches jobs that meet every condition. A condition that is null or missing is ignored. */
export type JobFilter = {
  /** Submitted after this moment (exclusive). */
  readonly createdAfter?: string | null | undefined;
  /** Submitted before this moment (exclusive). */
  readonly createdBefore?: string | null | undefined;
  /** A deployment's `id`. */
  readonly deploymentId?: string | null | undefined;
  /** Whether the job has its owner's star. */
  readonly isStarred?: boolean | null | undefined;
  /** One owner's jobs. Needs the scope `jobs:read:all`; without it you only ever see your own. */
  readonly ownerId?: string | null | undefined;
  /** One of these statuses; an empty list matches no job. */
  readonly status?: ReadonlyArray<JobStatus> | null | undefined;
  /** One of the job's `tags`, matched exactly. */
  readonly tag?: string | null | undefined;
  /** 3 to 200 characters to find in the texts of the job's input, of which the first 4,000 characters in all are searched. Case and the kind of white space are ignored. Only `jobs` supports it. Such a list is searched, newest job first; see `JobConnection`. */
  readonly text?: string | null | undefined;
};

/** The stage that a job has reached. It only moves forward, and may skip statuses; except that a job that was HELD is HELD again if RunComfy certainly did not get it. */
export type JobStatus =
  /** Cancelled before it ran. Final. */
  | 'CANCELLED'
  /** Ended without an output; `error` says why. Final. */
  | 'FAILED'
  /** Stored in the gateway and not sent to RunComfy yet: it costs nothing, and a cancel is certain. `hold` says why. */
  | 'HELD'
  /** Running; too late to cancel. */
  | 'IN_PROGRESS'
  /** Accepted and waiting in the queue. A job can be cancelled until it is IN_PROGRESS, not later. */
  | 'IN_QUEUE'
  /** On its way to RunComfy, which has not accepted it yet. */
  | 'SUBMITTING'
  /** Ended successfully; the job has an `output`. Final. */
  | 'SUCCEEDED';

/** How a job waits in the gateway before it is sent. */
export type QueueInput = {
  /** Whether it waits until `releaseJobs`. */
  readonly hold?: boolean | null | undefined;
  /** -100 to 100: among your own jobs, the highest is sent first, and of equal ones the oldest. */
  readonly priority?: number | null | undefined;
  /** It is not sent before then. Null sends it when its turn comes. */
  readonly sendAfter?: string | null | undefined;
  /** If it was not sent by then, whatever held it, it is FAILED with the error NOT_SENT_IN_TIME and costs nothing. Null lets it wait as long as it takes. A time in the past, or not after `sendAfter`, is an invalid input. */
  readonly sendBefore?: string | null | undefined;
};

export type JobUpdatedSubscriptionVariables = Exact<{
  id: string;
}>;


export type JobUpdatedSubscription = { readonly jobUpdated: { readonly output: unknown, readonly id: string, readonly ownerId: string, readonly version: number, readonly status: JobStatus, readonly tags: ReadonlyArray<string>, readonly isStarred: boolean, readonly queuePosition: number | null, readonly isCancellable: boolean, readonly isFinished: boolean, readonly isPaused: boolean, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly input: unknown, readonly estimate: { readonly startsAt: string | null, readonly finishesAt: string, readonly finishesBy: string, readonly progress: number, readonly isColdStart: boolean } | null, readonly error: { readonly code: string, readonly message: string, readonly retryable: boolean } | null, readonly deployment: { readonly id: string, readonly name: string }, readonly assets: ReadonlyArray<{ readonly url: string, readonly kind: AssetKind, readonly keptUrl: string | null, readonly thumbnailUrl: string | null, readonly width: number | null, readonly height: number | null, readonly expiresAt: string | null }> } };

export type JobsQueryVariables = Exact<{
  filter?: JobFilter | null | undefined;
  first: number;
  after?: string | null | undefined;
}>;


export type JobsQuery = { readonly jobs: { readonly totalCount: number | null, readonly searchedTo: string | null, readonly edges: ReadonlyArray<{ readonly cursor: string, readonly node: { readonly id: string, readonly ownerId: string, readonly version: number, readonly status: JobStatus, readonly tags: ReadonlyArray<string>, readonly isStarred: boolean, readonly queuePosition: number | null, readonly isCancellable: boolean, readonly isFinished: boolean, readonly isPaused: boolean, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly input: unknown, readonly error: { readonly code: string, readonly message: string, readonly retryable: boolean } | null, readonly deployment: { readonly id: string, readonly name: string }, readonly assets: ReadonlyArray<{ readonly url: string, readonly kind: AssetKind, readonly keptUrl: string | null, readonly thumbnailUrl: string | null, readonly width: number | null, readonly height: number | null, readonly expiresAt: string | null }> } }>, readonly pageInfo: { readonly hasNextPage: boolean, readonly endCursor: string | null } } };

export type JobsUpdatedSubscriptionVariables = Exact<{
  filter?: JobFilter | null | undefined;
  after?: string | null | undefined;
}>;


export type JobsUpdatedSubscription = { readonly jobsUpdated: { readonly cursor: string, readonly job: { readonly id: string, readonly ownerId: string, readonly version: number, readonly status: JobStatus, readonly tags: ReadonlyArray<string>, readonly isStarred: boolean, readonly queuePosition: number | null, readonly isCancellable: boolean, readonly isFinished: boolean, readonly isPaused: boolean, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly input: unknown, readonly error: { readonly code: string, readonly message: string, readonly retryable: boolean } | null, readonly deployment: { readonly id: string, readonly name: string }, readonly assets: ReadonlyArray<{ readonly url: string, readonly kind: AssetKind, readonly keptUrl: string | null, readonly thumbnailUrl: string | null, readonly width: number | null, readonly height: number | null, readonly expiresAt: string | null }> } | null } };

export type SubmitJobMutationVariables = Exact<{
  deploymentId: string;
  input: unknown;
  key: string;
  tags?: ReadonlyArray<string> | string | null | undefined;
  queue?: QueueInput | null | undefined;
}>;


export type SubmitJobMutation = { readonly submitJob:
    | { readonly __typename: 'DeploymentNotFoundError', readonly message: string }
    | { readonly __typename: 'IdempotencyConflictError', readonly message: string }
    | { readonly __typename: 'InvalidInputError', readonly message: string, readonly issues: ReadonlyArray<{ readonly path: string, readonly message: string }> }
    | { readonly __typename: 'SubmitJobSuccess', readonly job: { readonly id: string, readonly ownerId: string, readonly version: number, readonly status: JobStatus, readonly tags: ReadonlyArray<string>, readonly isStarred: boolean, readonly queuePosition: number | null, readonly isCancellable: boolean, readonly isFinished: boolean, readonly isPaused: boolean, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly input: unknown, readonly error: { readonly code: string, readonly message: string, readonly retryable: boolean } | null, readonly deployment: { readonly id: string, readonly name: string }, readonly assets: ReadonlyArray<{ readonly url: string, readonly kind: AssetKind, readonly keptUrl: string | null, readonly thumbnailUrl: string | null, readonly width: number | null, readonly height: number | null, readonly expiresAt: string | null }> }, readonly warnings: ReadonlyArray<{ readonly path: string, readonly message: string }> }
    | { readonly __typename: 'UpstreamError', readonly code: string, readonly retryable: boolean, readonly retryAfterSeconds: number | null, readonly message: string, readonly unconfirmedJob: { readonly id: string } | null }
   };

export type CancelJobMutationVariables = Exact<{
  id: string;
}>;


export type CancelJobMutation = { readonly cancelJob:
    | { readonly __typename: 'CancelJobSuccess' }
    | { readonly __typename: 'JobNotCancellableError', readonly message: string }
    | { readonly __typename: 'JobNotFoundError', readonly message: string }
    | { readonly __typename: 'UpstreamError', readonly message: string }
   };

export type CreateUploadMutationVariables = Exact<{
  fileName: string;
  contentType: string;
  bytes: number;
}>;


export type CreateUploadMutation = { readonly createUpload:
    | { readonly __typename: 'CreateUploadSuccess', readonly upload: { readonly id: string, readonly putUrl: string | null } }
    | { readonly __typename: 'InvalidUploadError', readonly message: string, readonly issues: ReadonlyArray<{ readonly path: string, readonly message: string }> }
   };

export type JobFieldsFragment = { readonly id: string, readonly ownerId: string, readonly version: number, readonly status: JobStatus, readonly tags: ReadonlyArray<string>, readonly isStarred: boolean, readonly queuePosition: number | null, readonly isCancellable: boolean, readonly isFinished: boolean, readonly isPaused: boolean, readonly createdAt: string, readonly startedAt: string | null, readonly finishedAt: string | null, readonly input: unknown, readonly error: { readonly code: string, readonly message: string, readonly retryable: boolean } | null, readonly deployment: { readonly id: string, readonly name: string }, readonly assets: ReadonlyArray<{ readonly url: string, readonly kind: AssetKind, readonly keptUrl: string | null, readonly thumbnailUrl: string | null, readonly width: number | null, readonly height: number | null, readonly expiresAt: string | null }> };
