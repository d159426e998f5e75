import DataLoader from "dataloader";

import type { Job, JobEvent } from "../job/job.ts";
import type { JobDocuments, JobStore } from "../store/job-store.ts";

/** What one operation has read by job id, a statement for all that is asked for together. */
export type Loaders = {
  readonly jobs: DataLoader<string, Job | null>;
  readonly histories: DataLoader<string, readonly JobEvent[]>;
  readonly documents: DataLoader<string, JobDocuments | null>;
  /** Forgets everything: for whoever lives on after a job has changed. */
  clear(): void;
};

export function createLoaders(store: JobStore): Loaders {
  const jobs = new DataLoader<string, Job | null>((ids) => store.readJobs(ids));
  const histories = new DataLoader<string, readonly JobEvent[]>((ids) => store.readHistories(ids));
  const documents = new DataLoader<string, JobDocuments | null>((ids) => store.readDocuments(ids));
  return {
    jobs,
    histories,
    documents,
    clear() {
      jobs.clearAll();
      histories.clearAll();
      documents.clearAll();
    },
  };
}
