import DataLoader from "dataloader";

import type { Job, JobEvent } from "../job/job.ts";
import type { JobDocuments, JobStore } from "../store/job-store.ts";
import type { DetailReader } from "../watch/create-detail-reader.ts";

/** What one operation has read by job id, a statement for all that is asked for together. */
export type Loaders = {
  readonly jobs: DataLoader<string, Job | null>;
  readonly histories: DataLoader<string, readonly JobEvent[]>;
  readonly documents: DataLoader<string, JobDocuments | null>;
  /** Forgets everything: for whoever lives on after a job has changed. */
  readonly clear: () => void;
};

export function createLoaders(options: {
  readonly store: Pick<JobStore, "readJobs">;
  readonly details: DetailReader;
}): Loaders {
  const { store, details } = options;
  let current = create();

  function create() {
    return {
      jobs: new DataLoader<string, Job | null>((ids) => store.readJobs(ids)),
      histories: new DataLoader<string, readonly JobEvent[]>((ids) =>
        Promise.all(ids.map((id) => details.readHistory(id))),
      ),
      documents: new DataLoader<string, JobDocuments | null>((ids) =>
        Promise.all(ids.map((id) => details.readDocuments(id))),
      ),
    };
  }

  return {
    get jobs() {
      return current.jobs;
    },
    get histories() {
      return current.histories;
    },
    get documents() {
      return current.documents;
    },
    clear() {
      // A loader whose cache is cleared still holds its last batch, and so what that has read.
      current = create();
    },
  };
}
