import DataLoader from "dataloader";

import type { JobEvent } from "../job/job.ts";
import type { JobStore, StoredDocuments } from "../store/job-store.ts";
import type { InTurn } from "../store/turns.ts";

/** Reads for an owner what is kept beside jobs, as it is now. */
export type DetailReader = {
  /** Of documents that are large only their sizes; null when there is no such job. */
  readDocuments(ownerId: string, jobId: string): Promise<StoredDocuments | null>;
  /** However large they are. Whoever wants those of many jobs asks for one after the other. */
  readLargeDocuments(ownerId: string, jobId: string): Promise<StoredDocuments | null>;
  /** Oldest first; empty when there is no such job. */
  readHistory(ownerId: string, jobId: string): Promise<readonly JobEvent[]>;
};

const JOBS_PER_READ = 200;
/** More than most take, and little enough that those of some hundred jobs may be in memory at once. */
const MOST_SMALL_BYTES = 16_384;

/**
 * All that is asked for an owner in one turn of the event loop, by whatever operations, is one statement, and each job is
 * read once; but large documents are a statement each.
 */
export function createDetailReader(
  store: Pick<JobStore, "documents"> & { readonly jobs: Pick<JobStore["jobs"], "readHistories"> },
  inTurn: InTurn,
): DetailReader {
  return {
    readDocuments: shareTurn(JOBS_PER_READ, (ownerId, ids) =>
      inTurn(ownerId, () => store.documents.read(ids, MOST_SMALL_BYTES)),
    ),
    readLargeDocuments: shareTurn(1, (ownerId, ids) =>
      inTurn(ownerId, () => store.documents.read(ids, null)),
    ),
    readHistory: shareTurn(JOBS_PER_READ, (ownerId, ids) =>
      inTurn(ownerId, () => store.jobs.readHistories(ids)),
    ),
  };
}

/** A loader lives for a turn only: one that lived on would hold its last documents for as long as nobody asks again. */
function shareTurn<Value>(
  jobsPerRead: number,
  read: (ownerId: string, ids: readonly string[]) => Promise<Value[]>,
): (ownerId: string, id: string) => Promise<Value> {
  const current = new Map<string, DataLoader<string, Value>>();

  function begin(ownerId: string, dispatch: () => void): void {
    current.delete(ownerId);
    dispatch();
  }

  return (ownerId, id) => {
    const loader =
      current.get(ownerId) ??
      new DataLoader<string, Value>((ids) => read(ownerId, ids), {
        maxBatchSize: jobsPerRead,
        // Watchers that were woken together ask in many promises of one turn, so that its end is awaited.
        batchScheduleFn: (dispatch) => {
          setImmediate(begin, ownerId, dispatch);
        },
      });
    current.set(ownerId, loader);
    return loader.load(id);
  };
}
