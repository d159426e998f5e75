import type { Job } from "../job/job.ts";
import type { JsonObject } from "../job/json.ts";
import type { JobStore } from "../store/job-store.ts";
import type { Loaders } from "./loaders.ts";
import { createLoaders } from "./loaders.ts";

/** What the schema needs of the gateway. */
export type Services = {
  readonly store: JobStore;
  readonly tracking: {
    /** Rejects with one of the errors in `SubmitJobResult` when it is expected. */
    submitJob(submission: {
      readonly deploymentId: string;
      readonly input: JsonObject;
      readonly idempotencyKey: string | null;
    }): Promise<Job>;
    /** Rejects with one of the errors in `CancelJobResult` when it is expected. */
    cancelJob(id: string): Promise<Job>;
  };
  watchJob(id: string): AsyncIterableIterator<Job>;
};

export type GatewayContext = Services & { readonly loaders: Loaders };

/** The context of one operation. */
export function createContext({ store, tracking, watchJob }: Services): GatewayContext {
  return { store, tracking, watchJob, loaders: createLoaders(store) };
}
