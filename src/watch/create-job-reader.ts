import DataLoader from "dataloader";

import type { Job } from "../job/job.ts";
import type { JobStore } from "../store/job-store.ts";

export type ReadJob = (jobId: string) => Promise<Job | null>;

/** Reads jobs as they are now; all that is asked for in one turn of the event loop is one statement. */
export function createJobReader(store: Pick<JobStore, "readJobs">): ReadJob {
  const loader = new DataLoader<string, Job | null>((ids) => store.readJobs(ids), {
    cache: false,
    // Timers that expire together run with their promises settled in between, so that the end of the turn is awaited.
    batchScheduleFn: (dispatch) => {
      setImmediate(dispatch);
    },
  });
  return (jobId) => loader.load(jobId);
}
