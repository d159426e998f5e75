import type { LiveDeployment } from "../runcomfy/live-deployment.ts";
import type { JobStore } from "../store/job-store.ts";
import type { Job } from "../job/job.ts";
import type { Tracking } from "../tracking/tracking.ts";
import type { DetailReader } from "../watch/create-detail-reader.ts";
import type { JobChange, JobsWatch } from "../watch/watch-jobs.ts";
import type { Loaders } from "./loaders.ts";
import { createLoaders } from "./loaders.ts";

/** What the schema needs of the gateway. */
export type Services = {
  readonly store: JobStore;
  /** One for all operations, so that those in step share its statements. */
  readonly details: DetailReader;
  /** Each rejects with an error of its mutation's result union when that is expected. */
  readonly tracking: Pick<Tracking, "submitJob" | "cancelJob" | "deleteJob">;
  watchJob(id: string): AsyncIterableIterator<Job>;
  /** Rejects with a `BadCursorError`. */
  watchJobs(watch: JobsWatch): Promise<AsyncIterableIterator<JobChange>>;
  /** What the upstream says of a deployment now; null when it says nothing. Never rejects. */
  readLiveDeployment(id: string): Promise<LiveDeployment | null>;
};

export type GatewayContext = Services & {
  readonly loaders: Loaders;
  /** The operation's variables as they were sent, before GraphQL made a list of a bare value. */
  readonly variables: Variables;
};

/** By name; empty when none were sent. */
export type Variables = Readonly<Record<string, unknown>>;

/** The context of one operation. */
export function createContext(services: Services, variables: Variables = {}): GatewayContext {
  return { ...services, variables, loaders: createLoaders(services) };
}
