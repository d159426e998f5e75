import DataLoader from "dataloader";

import type { JobEvent } from "../job/job.ts";
import type { JobDocuments, JobStore } from "../store/job-store.ts";

/** Reads what is kept beside jobs, as it is now. */
export type DetailReader = {
  /** Null when there is no such job. */
  readDocuments(jobId: string): Promise<JobDocuments | null>;
  /** Oldest first; empty when there is no such job. */
  readHistory(jobId: string): Promise<readonly JobEvent[]>;
};

const JOBS_PER_READ = 200;

/** All that is asked for in one turn of the event loop, by whomever, is one statement, and each job is read once. */
export function createDetailReader(
  store: Pick<JobStore, "readDocuments" | "readHistories">,
): DetailReader {
  return {
    readDocuments: shareTurn((ids) => store.readDocuments(ids)),
    readHistory: shareTurn((ids) => store.readHistories(ids)),
  };
}

/** A loader lives for a turn only: one that lived on would hold its last documents for as long as nobody asks again. */
function shareTurn<Value>(
  read: (ids: readonly string[]) => Promise<Value[]>,
): (id: string) => Promise<Value> {
  let current: DataLoader<string, Value> | null = null;

  function begin(dispatch: () => void): void {
    current = null;
    dispatch();
  }

  return (id) => {
    current ??= new DataLoader<string, Value>(read, {
      maxBatchSize: JOBS_PER_READ,
      // Watchers that were woken together ask in many promises of one turn, so that its end is awaited.
      batchScheduleFn: (dispatch) => {
        setImmediate(begin, dispatch);
      },
    });
    return current.load(id);
  };
}
