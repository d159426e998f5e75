/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
export type AssetKind =
  | 'AUDIO'
  | 'IMAGE'
  | 'OTHER'
  | 'VIDEO';

export type BudgetPeriod =
  | 'DAY'
  | 'MONTH';

export type CostSource =
  | 'ESTIMATED'
  | 'EXACT'
  | 'UNKNOWN';

export type DeliveryState =
  | 'DELIVERED'
  | 'FAILED'
  | 'PENDING';

export type DeploymentKind =
  | 'COMFYUI'
  | 'LORA'
  | 'MODEL';

export type HoldReason =
  | 'APPROVAL'
  | 'BY_HAND'
  | 'LIMIT'
  | 'OUTAGE'
  | 'PAUSED'
  | 'SCHEDULED'
  | 'TURN';

export type JobFilter = {
  createdAfter?: string | null | undefined;
  createdBefore?: string | null | undefined;
  deploymentId?: string | null | undefined;
  isStarred?: boolean | null | undefined;
  ownerId?: string | null | undefined;
  status?: Array<JobStatus> | null | undefined;
  tag?: string | null | undefined;
  text?: string | null | undefined;
};

export type JobStatus =
  | 'CANCELLED'
  | 'FAILED'
  | 'HELD'
  | 'IN_PROGRESS'
  | 'IN_QUEUE'
  | 'SUBMITTING'
  | 'SUCCEEDED';

export type KeepState =
  | 'FAILED'
  | 'KEPT'
  | 'NOT_KEPT'
  | 'PENDING';

export type QueueInput = {
  hold?: boolean | null | undefined;
  priority?: number | null | undefined;
  sendAfter?: string | null | undefined;
  sendBefore?: string | null | undefined;
};

export type SubmitJobItem = {
  deploymentId: string;
  idempotencyKey?: string | null | undefined;
  input: unknown;
  queue?: QueueInput | null | undefined;
  tags?: Array<string> | null | undefined;
  webhookUrl?: string | null | undefined;
};

export type WebhookEvent =
  | 'JOB_CANCELLED'
  | 'JOB_FAILED'
  | 'JOB_HELD'
  | 'JOB_KEPT'
  | 'JOB_SUCCEEDED'
  | 'WEBHOOK_DISABLED';

export type WebhookFailure =
  | 'CUT_OFF'
  | 'NOT_ALLOWED'
  | 'NO_ADDRESS'
  | 'NO_CONNECTION'
  | 'TIMED_OUT'
  | 'TLS';

export type WebhookFilter = {
  deploymentId?: string | null | undefined;
  tag?: string | null | undefined;
};

export type WaitsFragment = { reason: HoldReason, since: string, until: string | null, ahead: number | null, priority: number };

export type CancelManyMutationVariables = Exact<{
  ids: Array<string> | string;
}>;


export type CancelManyMutation = { cancelJobs: Array<
    | { __typename: 'CancelJobSuccess', job: { sentAt: string | null, queueSeconds: number | null, runSeconds: number | null, id: string, ownerId: string, version: number, status: JobStatus, tags: Array<string>, isStarred: boolean, queuePosition: number | null, isCancellable: boolean, isFinished: boolean, isPaused: boolean, createdAt: string, startedAt: string | null, finishedAt: string | null, input: unknown, cost: { source: CostSource, usd: number | null, minUsd: number | null, maxUsd: number | null }, assets: Array<{ keep: KeepState, url: string, kind: AssetKind, keptUrl: string | null, thumbnailUrl: string | null, width: number | null, height: number | null, expiresAt: string | null }>, error: { code: string, message: string, retryable: boolean } | null, deployment: { id: string, name: string } } }
    | { __typename: 'JobNotCancellableError', message: string }
    | { __typename: 'JobNotFoundError', message: string }
    | { __typename: 'UpstreamError', message: string }
  > };

export type ReleaseManyMutationVariables = Exact<{
  ids: Array<string> | string;
}>;


export type ReleaseManyMutation = { releaseJobs: Array<
    | { __typename: 'JobNotFoundError', message: string }
    | { __typename: 'JobNotHeldError', message: string }
    | { __typename: 'ReleaseJobSuccess' }
  > };

export type HoldManyMutationVariables = Exact<{
  ids: Array<string> | string;
}>;


export type HoldManyMutation = { holdJobs: Array<
    | { __typename: 'HoldJobSuccess' }
    | { __typename: 'JobNotFoundError', message: string }
    | { __typename: 'JobNotHeldError', message: string }
  > };

export type PrioritizeManyMutationVariables = Exact<{
  ids: Array<string> | string;
  priority: number;
}>;


export type PrioritizeManyMutation = { prioritizeJobs: Array<
    | { __typename: 'JobNotFoundError', message: string }
    | { __typename: 'JobNotHeldError', message: string }
    | { __typename: 'PrioritizeJobSuccess' }
  > };

export type JobHoldQueryVariables = Exact<{
  id: string;
}>;


export type JobHoldQuery = { job: { id: string, hold: { reason: HoldReason, since: string, until: string | null, ahead: number | null, priority: number } | null } | null };

export type DeleteManyMutationVariables = Exact<{
  ids: Array<string> | string;
}>;


export type DeleteManyMutation = { deleteJobs: Array<
    | { __typename: 'DeleteJobSuccess' }
    | { __typename: 'JobNotFinishedError', message: string }
    | { __typename: 'JobNotFoundError', message: string }
  > };

export type RunAgainMutationVariables = Exact<{
  id: string;
  key: string;
}>;


export type RunAgainMutation = { rerunJob:
    | { __typename: 'DeploymentNotFoundError', message: string }
    | { __typename: 'IdempotencyConflictError', message: string }
    | { __typename: 'InvalidInputError', message: string, issues: Array<{ path: string, message: string }> }
    | { __typename: 'SubmitJobSuccess', job: { id: string } }
    | { __typename: 'UpstreamError', retryable: boolean, message: string }
   };

export type OutputsQueryVariables = Exact<{ [key: string]: never; }>;


export type OutputsQuery = { deployments: Array<{ id: string, outputSchema: unknown }> };

export type CancelMatchingMutationVariables = Exact<{
  filter: JobFilter;
  createdBefore: string;
  after?: string | null | undefined;
}>;


export type CancelMatchingMutation = { progress: { done: number, failed: number, hasMore: boolean, cursor: string | null } };

export type DeleteMatchingMutationVariables = Exact<{
  filter: JobFilter;
  createdBefore: string;
  after?: string | null | undefined;
}>;


export type DeleteMatchingMutation = { progress: { done: number, failed: number, hasMore: boolean, cursor: string | null } };

export type EditManyMutationVariables = Exact<{
  ids: Array<string> | string;
  addTags?: Array<string> | string | null | undefined;
  removeTags?: Array<string> | string | null | undefined;
  isStarred?: boolean | null | undefined;
}>;


export type EditManyMutation = { editJobs: Array<
    | { __typename: 'EditJobSuccess', job: { sentAt: string | null, queueSeconds: number | null, runSeconds: number | null, id: string, ownerId: string, version: number, status: JobStatus, tags: Array<string>, isStarred: boolean, queuePosition: number | null, isCancellable: boolean, isFinished: boolean, isPaused: boolean, createdAt: string, startedAt: string | null, finishedAt: string | null, input: unknown, cost: { source: CostSource, usd: number | null, minUsd: number | null, maxUsd: number | null }, assets: Array<{ keep: KeepState, url: string, kind: AssetKind, keptUrl: string | null, thumbnailUrl: string | null, width: number | null, height: number | null, expiresAt: string | null }>, error: { code: string, message: string, retryable: boolean } | null, deployment: { id: string, name: string } } }
    | { __typename: 'InvalidLabelsError', message: string, issues: Array<{ message: string }> }
    | { __typename: 'JobNotFoundError', message: string }
  > };

type Submitted_DeploymentNotFoundError_Fragment = { __typename: 'DeploymentNotFoundError', message: string };

type Submitted_IdempotencyConflictError_Fragment = { __typename: 'IdempotencyConflictError', message: string };

type Submitted_InvalidInputError_Fragment = { __typename: 'InvalidInputError', message: string, issues: Array<{ path: string, message: string }> };

type Submitted_SubmitJobSuccess_Fragment = { __typename: 'SubmitJobSuccess', job: { sentAt: string | null, queueSeconds: number | null, runSeconds: number | null, id: string, ownerId: string, version: number, status: JobStatus, tags: Array<string>, isStarred: boolean, queuePosition: number | null, isCancellable: boolean, isFinished: boolean, isPaused: boolean, createdAt: string, startedAt: string | null, finishedAt: string | null, input: unknown, cost: { source: CostSource, usd: number | null, minUsd: number | null, maxUsd: number | null }, assets: Array<{ keep: KeepState, url: string, kind: AssetKind, keptUrl: string | null, thumbnailUrl: string | null, width: number | null, height: number | null, expiresAt: string | null }>, error: { code: string, message: string, retryable: boolean } | null, deployment: { id: string, name: string } } };

type Submitted_UpstreamError_Fragment = { __typename: 'UpstreamError', retryable: boolean, retryAfterSeconds: number | null, message: string, unconfirmedJob: { sentAt: string | null, queueSeconds: number | null, runSeconds: number | null, id: string, ownerId: string, version: number, status: JobStatus, tags: Array<string>, isStarred: boolean, queuePosition: number | null, isCancellable: boolean, isFinished: boolean, isPaused: boolean, createdAt: string, startedAt: string | null, finishedAt: string | null, input: unknown, cost: { source: CostSource, usd: number | null, minUsd: number | null, maxUsd: number | null }, assets: Array<{ keep: KeepState, url: string, kind: AssetKind, keptUrl: string | null, thumbnailUrl: string | null, width: number | null, height: number | null, expiresAt: string | null }>, error: { code: string, message: string, retryable: boolean } | null, deployment: { id: string, name: string } } | null };

export type SubmittedFragment =
  | Submitted_DeploymentNotFoundError_Fragment
  | Submitted_IdempotencyConflictError_Fragment
  | Submitted_InvalidInputError_Fragment
  | Submitted_SubmitJobSuccess_Fragment
  | Submitted_UpstreamError_Fragment
;

export type RunMutationVariables = Exact<{
  deploymentId: string;
  input: unknown;
  key: string;
  queue?: QueueInput | null | undefined;
}>;


export type RunMutation = { submitJob:
    | { __typename: 'DeploymentNotFoundError', message: string }
    | { __typename: 'IdempotencyConflictError', message: string }
    | { __typename: 'InvalidInputError', message: string, issues: Array<{ path: string, message: string }> }
    | { __typename: 'SubmitJobSuccess', job: { sentAt: string | null, queueSeconds: number | null, runSeconds: number | null, id: string, ownerId: string, version: number, status: JobStatus, tags: Array<string>, isStarred: boolean, queuePosition: number | null, isCancellable: boolean, isFinished: boolean, isPaused: boolean, createdAt: string, startedAt: string | null, finishedAt: string | null, input: unknown, cost: { source: CostSource, usd: number | null, minUsd: number | null, maxUsd: number | null }, assets: Array<{ keep: KeepState, url: string, kind: AssetKind, keptUrl: string | null, thumbnailUrl: string | null, width: number | null, height: number | null, expiresAt: string | null }>, error: { code: string, message: string, retryable: boolean } | null, deployment: { id: string, name: string } } }
    | { __typename: 'UpstreamError', retryable: boolean, retryAfterSeconds: number | null, message: string, unconfirmedJob: { sentAt: string | null, queueSeconds: number | null, runSeconds: number | null, id: string, ownerId: string, version: number, status: JobStatus, tags: Array<string>, isStarred: boolean, queuePosition: number | null, isCancellable: boolean, isFinished: boolean, isPaused: boolean, createdAt: string, startedAt: string | null, finishedAt: string | null, input: unknown, cost: { source: CostSource, usd: number | null, minUsd: number | null, maxUsd: number | null }, assets: Array<{ keep: KeepState, url: string, kind: AssetKind, keptUrl: string | null, thumbnailUrl: string | null, width: number | null, height: number | null, expiresAt: string | null }>, error: { code: string, message: string, retryable: boolean } | null, deployment: { id: string, name: string } } | null }
   };

export type RunManyMutationVariables = Exact<{
  items: Array<SubmitJobItem> | SubmitJobItem;
}>;


export type RunManyMutation = { submitJobs: Array<
    | { __typename: 'DeploymentNotFoundError', message: string }
    | { __typename: 'IdempotencyConflictError', message: string }
    | { __typename: 'InvalidInputError', message: string, issues: Array<{ path: string, message: string }> }
    | { __typename: 'SubmitJobSuccess', job: { sentAt: string | null, queueSeconds: number | null, runSeconds: number | null, id: string, ownerId: string, version: number, status: JobStatus, tags: Array<string>, isStarred: boolean, queuePosition: number | null, isCancellable: boolean, isFinished: boolean, isPaused: boolean, createdAt: string, startedAt: string | null, finishedAt: string | null, input: unknown, cost: { source: CostSource, usd: number | null, minUsd: number | null, maxUsd: number | null }, assets: Array<{ keep: KeepState, url: string, kind: AssetKind, keptUrl: string | null, thumbnailUrl: string | null, width: number | null, height: number | null, expiresAt: string | null }>, error: { code: string, message: string, retryable: boolean } | null, deployment: { id: string, name: string } } }
    | { __typename: 'UpstreamError', retryable: boolean, retryAfterSeconds: number | null, message: string, unconfirmedJob: { sentAt: string | null, queueSeconds: number | null, runSeconds: number | null, id: string, ownerId: string, version: number, status: JobStatus, tags: Array<string>, isStarred: boolean, queuePosition: number | null, isCancellable: boolean, isFinished: boolean, isPaused: boolean, createdAt: string, startedAt: string | null, finishedAt: string | null, input: unknown, cost: { source: CostSource, usd: number | null, minUsd: number | null, maxUsd: number | null }, assets: Array<{ keep: KeepState, url: string, kind: AssetKind, keptUrl: string | null, thumbnailUrl: string | null, width: number | null, height: number | null, expiresAt: string | null }>, error: { code: string, message: string, retryable: boolean } | null, deployment: { id: string, name: string } } | null }
   | null> };

export type CheckInputQueryVariables = Exact<{
  deploymentId: string;
  input: unknown;
}>;


export type CheckInputQuery = { checkInput: { issues: Array<{ path: string, message: string }>, warnings: Array<{ path: string, message: string }>, cost: { source: CostSource, usd: number | null, minUsd: number | null, maxUsd: number | null, reason: string | null } } };

export type DeploymentLiveQueryVariables = Exact<{
  id: string;
}>;


export type DeploymentLiveQuery = { deployment: { id: string, live: { hardware: Array<string>, minInstances: number | null, maxInstances: number | null, queueSize: number | null, keepWarmSeconds: number | null, isEnabled: boolean | null, status: string | null } | null } | null };

export type DeploymentLoadQueryVariables = Exact<{
  id: string;
}>;


export type DeploymentLoadQuery = { deployment: { id: string, stats: { runs: number, succeeded: number, failed: number, cancelled: number, queueSeconds: { p50: number, p90: number } | null, runSeconds: { p50: number, p90: number } | null, coldStartSeconds: { p50: number, p90: number } | null } } | null, waiting: { totalCount: number | null }, running: { totalCount: number | null } };

export type PauseMutationVariables = Exact<{
  id: string;
  reason: string;
}>;


export type PauseMutation = { result:
    | { __typename: 'DeploymentNotFoundError', message: string }
    | { __typename: 'PauseDeploymentSuccess' }
   };

export type ResumeMutationVariables = Exact<{
  id: string;
}>;


export type ResumeMutation = { result:
    | { __typename: 'DeploymentNotFoundError', message: string }
    | { __typename: 'ResumeDeploymentSuccess' }
   };

export type JobQueryVariables = Exact<{
  id: string;
}>;


export type JobQuery = { job: { kind: DeploymentKind, requestId: string | null, updatedAt: string, output: unknown, sentAt: string | null, queueSeconds: number | null, runSeconds: number | null, id: string, ownerId: string, version: number, status: JobStatus, tags: Array<string>, isStarred: boolean, queuePosition: number | null, isCancellable: boolean, isFinished: boolean, isPaused: boolean, createdAt: string, startedAt: string | null, finishedAt: string | null, input: unknown, cost: { reason: string | null, source: CostSource, usd: number | null, minUsd: number | null, maxUsd: number | null }, history: Array<{ status: JobStatus, at: string }>, assets: Array<{ path: string, keepError: string | null, contentType: string | null, bytes: number | null, keep: KeepState, url: string, kind: AssetKind, keptUrl: string | null, thumbnailUrl: string | null, width: number | null, height: number | null, expiresAt: string | null }>, error: { code: string, message: string, retryable: boolean } | null, deployment: { id: string, name: string } } | null };

export type KeepMutationVariables = Exact<{
  id: string;
}>;


export type KeepMutation = { result:
    | { __typename: 'JobNotFinishedError', message: string }
    | { __typename: 'JobNotFoundError', message: string }
    | { __typename: 'KeepOutputsSuccess', job: { sentAt: string | null, queueSeconds: number | null, runSeconds: number | null, id: string, ownerId: string, version: number, status: JobStatus, tags: Array<string>, isStarred: boolean, queuePosition: number | null, isCancellable: boolean, isFinished: boolean, isPaused: boolean, createdAt: string, startedAt: string | null, finishedAt: string | null, input: unknown, cost: { source: CostSource, usd: number | null, minUsd: number | null, maxUsd: number | null }, assets: Array<{ keep: KeepState, url: string, kind: AssetKind, keptUrl: string | null, thumbnailUrl: string | null, width: number | null, height: number | null, expiresAt: string | null }>, error: { code: string, message: string, retryable: boolean } | null, deployment: { id: string, name: string } } }
   };

export type DownloadMutationVariables = Exact<{
  ids: Array<string> | string;
}>;


export type DownloadMutation = { result:
    | { __typename: 'CreateDownloadSuccess', download: { url: string, files: number } }
    | { __typename: 'DownloadTooLargeError', message: string }
    | { __typename: 'JobNotFoundError', message: string }
   };

export type SpentFragment = { jobs: number, seconds: number, exactUsd: number, estimatedUsd: number, unknownJobs: number };

export type SpendingQueryVariables = Exact<{
  from: string;
  to: string;
}>;


export type SpendingQuery = { days: Array<{ day: string | null, jobs: number, seconds: number, exactUsd: number, estimatedUsd: number, unknownJobs: number }>, owners: Array<{ ownerId: string | null, jobs: number, seconds: number, exactUsd: number, estimatedUsd: number, unknownJobs: number }>, deployments: Array<{ deploymentId: string | null, jobs: number, seconds: number, exactUsd: number, estimatedUsd: number, unknownJobs: number }> };

export type BudgetsQueryVariables = Exact<{ [key: string]: never; }>;


export type BudgetsQuery = { viewer: { budgets: Array<{ name: string, period: BudgetPeriod, limitUsd: number, spentUsd: number, reservedUsd: number, leftUsd: number, renewsAt: string }> } };

export type BalanceQueryVariables = Exact<{ [key: string]: never; }>;


export type BalanceQuery = { balance: { usd: number, readAt: string } | null };

export type WebhooksQueryVariables = Exact<{ [key: string]: never; }>;


export type WebhooksQuery = { webhooks: Array<{ id: string, url: string, events: Array<WebhookEvent> | null, deploymentId: string | null, tag: string | null, failingSince: string | null, disabledAt: string | null, disabledReason: string | null }> };

export type DeliveriesQueryVariables = Exact<{
  id: string;
  first: number;
  after?: string | null | undefined;
}>;


export type DeliveriesQuery = { webhook: { deliveries: Array<{ id: string, event: WebhookEvent, jobId: string | null, state: DeliveryState, createdAt: string, nextTryAt: string | null, tries: Array<{ at: string, status: number | null, failure: WebhookFailure | null, durationMs: number }> }> } | null };

export type CreateWebhookMutationVariables = Exact<{
  url: string;
  events?: Array<WebhookEvent> | WebhookEvent | null | undefined;
  filter?: WebhookFilter | null | undefined;
}>;


export type CreateWebhookMutation = { result:
    | { __typename: 'CreateWebhookSuccess', secret: string }
    | { __typename: 'InvalidWebhookError', message: string, issues: Array<{ path: string, message: string }> }
   };

export type UpdateWebhookMutationVariables = Exact<{
  id: string;
  url?: string | null | undefined;
  events?: Array<WebhookEvent> | WebhookEvent | null | undefined;
  filter?: WebhookFilter | null | undefined;
  isEnabled?: boolean | null | undefined;
}>;


export type UpdateWebhookMutation = { result:
    | { __typename: 'InvalidWebhookError', message: string, issues: Array<{ path: string, message: string }> }
    | { __typename: 'UpdateWebhookSuccess' }
    | { __typename: 'WebhookNotFoundError', message: string }
   };

export type DeleteWebhookMutationVariables = Exact<{
  id: string;
}>;


export type DeleteWebhookMutation = { result:
    | { __typename: 'DeleteWebhookSuccess' }
    | { __typename: 'WebhookNotFoundError', message: string }
   };

export type RotateSecretMutationVariables = Exact<{
  id: string;
}>;


export type RotateSecretMutation = { result:
    | { __typename: 'RotateWebhookSecretSuccess', secret: string }
    | { __typename: 'WebhookNotFoundError', message: string }
   };

export type SendAgainMutationVariables = Exact<{
  id: string;
}>;


export type SendAgainMutation = { result:
    | { __typename: 'RedeliverSuccess' }
    | { __typename: 'WebhookDisabledError', message: string }
    | { __typename: 'WebhookNotFoundError', message: string }
   };

export type JobRowFragment = { sentAt: string | null, queueSeconds: number | null, runSeconds: number | null, id: string, ownerId: string, version: number, status: JobStatus, tags: Array<string>, isStarred: boolean, queuePosition: number | null, isCancellable: boolean, isFinished: boolean, isPaused: boolean, createdAt: string, startedAt: string | null, finishedAt: string | null, input: unknown, cost: { source: CostSource, usd: number | null, minUsd: number | null, maxUsd: number | null }, assets: Array<{ keep: KeepState, url: string, kind: AssetKind, keptUrl: string | null, thumbnailUrl: string | null, width: number | null, height: number | null, expiresAt: string | null }>, error: { code: string, message: string, retryable: boolean } | null, deployment: { id: string, name: string } };

export type LiveSubscriptionVariables = Exact<{
  after: string;
}>;


export type LiveSubscription = { jobsUpdated: { job: { sentAt: string | null, queueSeconds: number | null, runSeconds: number | null, id: string, ownerId: string, version: number, status: JobStatus, tags: Array<string>, isStarred: boolean, queuePosition: number | null, isCancellable: boolean, isFinished: boolean, isPaused: boolean, createdAt: string, startedAt: string | null, finishedAt: string | null, input: unknown, cost: { source: CostSource, usd: number | null, minUsd: number | null, maxUsd: number | null }, assets: Array<{ keep: KeepState, url: string, kind: AssetKind, keptUrl: string | null, thumbnailUrl: string | null, width: number | null, height: number | null, expiresAt: string | null }>, error: { code: string, message: string, retryable: boolean } | null, deployment: { id: string, name: string } } | null } };

export type WatchSubscriptionVariables = Exact<{
  id: string;
}>;


export type WatchSubscription = { jobUpdated: { sentAt: string | null, queueSeconds: number | null, runSeconds: number | null, id: string, ownerId: string, version: number, status: JobStatus, tags: Array<string>, isStarred: boolean, queuePosition: number | null, isCancellable: boolean, isFinished: boolean, isPaused: boolean, createdAt: string, startedAt: string | null, finishedAt: string | null, input: unknown, estimate: { startsAt: string | null, finishesAt: string, progress: number, isColdStart: boolean } | null, cost: { source: CostSource, usd: number | null, minUsd: number | null, maxUsd: number | null }, assets: Array<{ keep: KeepState, url: string, kind: AssetKind, keptUrl: string | null, thumbnailUrl: string | null, width: number | null, height: number | null, expiresAt: string | null }>, error: { code: string, message: string, retryable: boolean } | null, deployment: { id: string, name: string } } };

export type JobsQueryVariables = Exact<{
  filter?: JobFilter | null | undefined;
  first?: number | null | undefined;
  last?: number | null | undefined;
  after?: string | null | undefined;
}>;


export type JobsQuery = { jobs: { totalCount: number | null, searchedTo: string | null, edges: Array<{ cursor: string, node: { sentAt: string | null, queueSeconds: number | null, runSeconds: number | null, id: string, ownerId: string, version: number, status: JobStatus, tags: Array<string>, isStarred: boolean, queuePosition: number | null, isCancellable: boolean, isFinished: boolean, isPaused: boolean, createdAt: string, startedAt: string | null, finishedAt: string | null, input: unknown, cost: { source: CostSource, usd: number | null, minUsd: number | null, maxUsd: number | null }, assets: Array<{ keep: KeepState, url: string, kind: AssetKind, keptUrl: string | null, thumbnailUrl: string | null, width: number | null, height: number | null, expiresAt: string | null }>, error: { code: string, message: string, retryable: boolean } | null, deployment: { id: string, name: string } } }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type ListedJobQueryVariables = Exact<{
  id: string;
}>;


export type ListedJobQuery = { job: { sentAt: string | null, queueSeconds: number | null, runSeconds: number | null, id: string, ownerId: string, version: number, status: JobStatus, tags: Array<string>, isStarred: boolean, queuePosition: number | null, isCancellable: boolean, isFinished: boolean, isPaused: boolean, createdAt: string, startedAt: string | null, finishedAt: string | null, input: unknown, cost: { source: CostSource, usd: number | null, minUsd: number | null, maxUsd: number | null }, assets: Array<{ keep: KeepState, url: string, kind: AssetKind, keptUrl: string | null, thumbnailUrl: string | null, width: number | null, height: number | null, expiresAt: string | null }>, error: { code: string, message: string, retryable: boolean } | null, deployment: { id: string, name: string } } | null };

export type StatsFragment = { runs: number, succeeded: number, failed: number, cancelled: number, queueSeconds: { p50: number, p90: number } | null, runSeconds: { p50: number, p90: number } | null, coldStartSeconds: { p50: number, p90: number } | null };

export type DeploymentsQueryVariables = Exact<{ [key: string]: never; }>;


export type DeploymentsQuery = { isTokenRefused: boolean, deployments: Array<{ id: string, kind: DeploymentKind, name: string, description: string | null, model: string | null, inputSchema: unknown, price: { amount: number, unit: string, note: string | null } | null, stats: { runs: number, succeeded: number, failed: number, cancelled: number, queueSeconds: { p50: number, p90: number } | null, runSeconds: { p50: number, p90: number } | null, coldStartSeconds: { p50: number, p90: number } | null } }> };

export type ViewerQueryVariables = Exact<{ [key: string]: never; }>;


export type ViewerQuery = { viewer: { id: string, scopes: Array<string>, parts: Array<string> } };

export type FrameQueryVariables = Exact<{ [key: string]: never; }>;


export type FrameQuery = { isTokenRefused: boolean, outage: { since: string } | null, deployments: Array<{ id: string, name: string, outage: { since: string } | null, paused: { reason: string, since: string } | null }> };

export type JobInputSchemaQueryVariables = Exact<{
  deploymentId: string;
}>;


export type JobInputSchemaQuery = { deployment: { id: string, inputSchema: unknown } | null };

export type TagsQueryVariables = Exact<{ [key: string]: never; }>;


export type TagsQuery = { tags: Array<{ tag: string }> };

export type UploadQueryVariables = Exact<{
  id: string;
}>;


export type UploadQuery = { upload: { id: string, fileName: string, url: string | null, thumbnailUrl: string | null } | null };

export type HeldJobsQueryVariables = Exact<{
  deploymentId?: string | null | undefined;
}>;


export type HeldJobsQuery = { first: Array<{ hold: { priority: number } | null }>, heldJobs: Array<{ sentAt: string | null, queueSeconds: number | null, runSeconds: number | null, id: string, ownerId: string, version: number, status: JobStatus, tags: Array<string>, isStarred: boolean, queuePosition: number | null, isCancellable: boolean, isFinished: boolean, isPaused: boolean, createdAt: string, startedAt: string | null, finishedAt: string | null, input: unknown, hold: { reason: HoldReason, since: string, until: string | null, ahead: number | null, priority: number } | null, cost: { source: CostSource, usd: number | null, minUsd: number | null, maxUsd: number | null }, assets: Array<{ keep: KeepState, url: string, kind: AssetKind, keptUrl: string | null, thumbnailUrl: string | null, width: number | null, height: number | null, expiresAt: string | null }>, error: { code: string, message: string, retryable: boolean } | null, deployment: { id: string, name: string } }> };

export type ToApproveQueryVariables = Exact<{ [key: string]: never; }>;


export type ToApproveQuery = { jobsToApprove: Array<{ id: string, ownerId: string, createdAt: string, input: unknown, deployment: { id: string, name: string }, cost: { source: CostSource, usd: number | null, minUsd: number | null, maxUsd: number | null }, uploads: Array<{ id: string, fileName: string, url: string | null, thumbnailUrl: string | null }> }> };

export type ToApproveIdsQueryVariables = Exact<{ [key: string]: never; }>;


export type ToApproveIdsQuery = { jobsToApprove: Array<{ id: string }> };

export type ApproveMutationVariables = Exact<{
  ids: Array<string> | string;
}>;


export type ApproveMutation = { approveJobs: Array<
    | { __typename: 'ApproveJobSuccess' }
    | { __typename: 'JobNotFoundError', message: string }
    | { __typename: 'JobNotHeldError', message: string }
   | null> };

export type RefuseMutationVariables = Exact<{
  ids: Array<string> | string;
  reason: string;
}>;


export type RefuseMutation = { refuseJobs: Array<
    | { __typename: 'JobNotFoundError', message: string }
    | { __typename: 'JobNotHeldError', message: string }
    | { __typename: 'RefuseJobSuccess' }
  > };
