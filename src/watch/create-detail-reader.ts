import DataLoader from "dataloader";

import type { JobEvent } from "../job/job.ts";
import type { JobDocuments, JobStore, MeasuredDocuments } from "../store/job-store.ts";

/** Reads what is kept beside jobs, as it is now. */
export type DetailReader = {
  /** Without the documents where they are large; null when there is no such job. */
  measureDocuments(jobId: string): Promise<MeasuredDocuments | null>;
  /** However large they are. Whoever wants those of many jobs asks for one after the other. */
  readDocuments(jobId: string): Promise<JobDocuments | null>;
  /** Oldest first; empty when there is no such job. */
  readHistory(jobId: string): Promise<readonly JobEvent[]>;
};

const JOBS_PER_READ = 200;
/** More than most take, and little enough that those of some hundred jobs may be in memory at once. */
const MOST_SMALL_BYTES = 16_384;

/**
 * All that is asked for in one turn of the event loop, by whomever, is one statement, and each job is read once; but
 * whole documents, of which each may be large, are a statement each.
 */
export function createDetailReader(
  store: Pick<JobStore, "measureDocuments" | "readDocuments" | "readHistories">,
): DetailReader {
  return {
    measureDocuments: shareTurn(JOBS_PER_READ, (ids) =>
      store.measureDocuments(ids, MOST_SMALL_BYTES),
    ),
    readDocuments: shareTurn(1, (ids) => store.readDocuments(ids)),
    readHistory: shareTurn(JOBS_PER_READ, (ids) => store.readHistories(ids)),
  };
}

/** A loader lives for a turn only: one that lived on would hold its last documents for as long as nobody asks again. */
function shareTurn<Value>(
  jobsPerRead: number,
  read: (ids: readonly string[]) => Promise<Value[]>,
): (id: string) => Promise<Value> {
  let current: DataLoader<string, Value> | null = null;

  function begin(dispatch: () => void): void {
    current = null;
    dispatch();
  }

  return (id) => {
    current ??= new DataLoader<string, Value>(read, {
      maxBatchSize: jobsPerRead,
      // Watchers that were woken together ask in many promises of one turn, so that its end is awaited.
      batchScheduleFn: (dispatch) => {
        setImmediate(begin, dispatch);
      },
    });
    return current.load(id);
  };
}
