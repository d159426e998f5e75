import type { Viewer } from "../auth/viewer.ts";
import type { LiveDeployments } from "../runcomfy/live-deployments.ts";
import type { Job } from "../job/job.ts";
import type { Tracking } from "../tracking/tracking.ts";
import type { JobChange, JobsWatch } from "../watch/watch-jobs.ts";
import type { BacklogShare } from "./backlog.ts";
import type { Loaders } from "./loaders.ts";
import { createLoaders } from "./loaders.ts";
import type { Reads } from "./reads.ts";

/** What the schema needs of the gateway. */
export type Services = {
  openReads(viewer: Viewer): Reads;
  /** Of the documents that one operation, or one event of a stream, reads and tells. */
  readonly mostAnswerBytes: number;
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
  readonly reads: Reads;
  readonly loaders: Loaders;
  /** The operation's variables as they were sent, before GraphQL made a list of a bare value. */
  readonly variables: Variables;
};

/** By name; empty when none were sent. */
export type Variables = Readonly<Record<string, unknown>>;

/** The context of one operation. */
export function createContext(
  services: Services,
  operation: {
    readonly viewer: Viewer;
    readonly variables: Variables;
    /** Closed by whoever opened it, when all of the answer has left or never will. */
    readonly share: BacklogShare;
  },
): GatewayContext {
  const { viewer, variables, share } = operation;
  const reads = services.openReads(viewer);
  const { mostAnswerBytes } = services;
  const loaders = createLoaders({ reads, mostAnswerBytes, share });
  return { ...services, viewer, variables, reads, loaders };
}
