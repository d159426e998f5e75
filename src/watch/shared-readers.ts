import DataLoader from "dataloader";
import type { BaseLogger } from "pino";

import type { Job, JobEvent } from "../job/job.ts";
import type { Jobs, JobStore } from "../store/job-store.ts";
import type { StoredDocuments } from "../store/read-jobs.ts";
import { notifyOfFirst } from "../runtime/loop.ts";
import type { Queue } from "../runtime/queue.ts";

export type ReadJob = (jobId: string) => Promise<Job | null>;

/** Reads jobs as they are now, for watchers of all owners together; rejects while the database does not answer. */
export function createJobReader(
  jobs: Pick<Jobs, "readMany">,
  log: Pick<BaseLogger, "warn">,
): ReadJob {
  const attempt = notifyOfFirst((err) => log.warn({ err }, UNREAD));
  const read = shareTurn(Infinity, (_all, ids) => attempt(() => jobs.readMany(ids)));
  return (jobId) => read("", jobId);
}

const UNREAD = "Watched jobs can't be read. The gateway tries again. Check that the database runs.";

/** Reads for an owner what is kept beside jobs, as it is now. */
export type DetailReader = {
  /** Only the sizes of documents that are large; null when there is no such job. */
  readDocuments(ownerId: string, jobId: string): Promise<StoredDocuments | null>;
  /** Oldest first; empty when there is no such job. */
  readHistory(ownerId: string, jobId: string): Promise<readonly JobEvent[]>;
};

const JOBS_PER_READ = 200;
/** Most documents are smaller, and those of some hundred jobs fit into memory at once. */
export const MAX_SMALL_BYTES = 16_384;

export function createDetailReader(
  store: {
    readonly documents: Pick<JobStore["documents"], "read">;
    readonly jobs: Pick<JobStore["jobs"], "readHistories">;
  },
  queue: Queue,
): DetailReader {
  return {
    readDocuments: shareTurn(JOBS_PER_READ, (ownerId, ids) =>
      queue.run(ownerId, () => store.documents.read(ids, MAX_SMALL_BYTES)),
    ),
    readHistory: shareTurn(JOBS_PER_READ, (ownerId, ids) =>
      queue.run(ownerId, () => store.jobs.readHistories(ids)),
    ),
  };
}

/**
 * Whatever is asked for an owner in one turn of the event loop, by any operation, is one read. A loader lives for that
 * turn only: one that lived on would hold the last documents until somebody asks again.
 */
function shareTurn<Value>(
  jobsPerRead: number,
  read: (ownerId: string, ids: readonly string[]) => Promise<Value[]>,
): (ownerId: string, id: string) => Promise<Value> {
  const current = new Map<string, DataLoader<string, Value>>();

  return (ownerId, id) => {
    const loader =
      current.get(ownerId) ??
      new DataLoader<string, Value>((ids) => read(ownerId, ids), {
        maxBatchSize: jobsPerRead,
        // Watchers that were woken together ask in many promises of one turn, so it waits for the turn's end.
        batchScheduleFn: (dispatch) => {
          setImmediate(() => {
            current.delete(ownerId);
            dispatch();
          });
        },
      });
    current.set(ownerId, loader);
    return loader.load(id);
  };
}
