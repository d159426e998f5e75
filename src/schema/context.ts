import type { Viewer } from "../auth/viewer.ts";
import type { LiveDeployments } from "../runcomfy/live-deployments.ts";
import type { JobStore } from "../store/job-store.ts";
import type { Job } from "../job/job.ts";
import type { Tracking } from "../tracking/tracking.ts";
import type { DetailReader } from "../watch/create-detail-reader.ts";
import type { JobChange, JobsWatch } from "../watch/watch-jobs.ts";
import type { AnswerBudget } from "./answer-budget.ts";
import type { Loaders } from "./loaders.ts";
import { createLoaders } from "./loaders.ts";
import { readableOwner } from "./scope.ts";

/** What the schema needs of the gateway. */
export type Services = {
  readonly store: JobStore;
  /** One for all operations, so that those in step share its statements. */
  readonly details: DetailReader;
  /** Of the documents that one operation, or one event of a stream, reads and tells. */
  readonly mostAnswerBytes: number;
  /** One for all operations. */
  readonly answerBudget: AnswerBudget;
  /** Each rejects with an error of its mutation's result union when that is expected. */
  readonly tracking: Pick<Tracking, "submitJob" | "cancelJob" | "deleteJob">;
  /** Of this owner; anybody's where it is undefined. */
  watchJob(id: string, ownerId: string | undefined): AsyncIterableIterator<Job>;
  /** Rejects with a `BadCursorError`. */
  watchJobs(watch: JobsWatch): Promise<AsyncIterableIterator<JobChange>>;
  /** What the upstream says of deployments. */
  readonly live: Pick<LiveDeployments, "read" | "list" | "lastList">;
};

export type GatewayContext = Services & {
  readonly viewer: Viewer;
  readonly loaders: Loaders;
  /** The operation's variables as they were sent, before GraphQL made a list of a bare value. */
  readonly variables: Variables;
  /** For when all of its answer has left, or never will. */
  readonly end: () => void;
};

/** By name; empty when none were sent. */
export type Variables = Readonly<Record<string, unknown>>;

/** The context of one operation. */
export function createContext(
  services: Services,
  operation: {
    readonly viewer: Viewer;
    readonly variables?: Variables;
    /** Acts when a stream's event, which was given to be sent, has left. */
    readonly whenSent?: (act: () => void) => void;
  },
): GatewayContext {
  const { viewer, variables = {}, whenSent = (act) => act() } = operation;
  const loaders = createLoaders({
    ...services,
    ownerId: readableOwner(viewer),
    openShare: () => services.answerBudget.open(viewer.ownerId),
    whenSent,
  });
  return { ...services, viewer, variables, loaders, end: loaders.end };
}
