import DataLoader from "dataloader";
import type { BaseLogger } from "pino";

import type { Job } from "../job/job.ts";
import type { Jobs } from "../store/job-store.ts";

/** Where an owner is given, the jobs of all others are null, as if they did not exist. */
export type ReadJob = (jobId: string, ownerId?: string) => Promise<Job | null>;

/**
 * Reads jobs as they are now; all that is asked for in one turn of the event loop is one statement. Rejects when the
 * database does not answer, which the log says once until it does again.
 */
export function createJobReader(
  jobs: Pick<Jobs, "readMany">,
  log: Pick<BaseLogger, "warn">,
): ReadJob {
  let hasFailed = false;

  async function readJobs(ids: readonly string[]): Promise<(Job | null)[]> {
    try {
      const found = await jobs.readMany(ids);
      hasFailed = false;
      return found;
    } catch (error) {
      if (!hasFailed) {
        log.warn(
          { err: error },
          "Watched jobs can't be read; they are read again. Check that the database runs.",
        );
      }
      hasFailed = true;
      throw error;
    }
  }

  const loader = new DataLoader<string, Job | null>(readJobs, {
    cache: false,
    // Timers that expire together run with their promises settled in between, so that the end of the turn is awaited.
    batchScheduleFn: (dispatch) => {
      setImmediate(dispatch);
    },
  });
  // One statement for watchers of all owners; none of them sees what it read for another.
  return async (jobId, ownerId) => {
    const job = await loader.load(jobId);
    return ownerId === undefined || job?.ownerId === ownerId ? job : null;
  };
}
