import type { BaseLogger } from "pino";

import type { Job } from "../job/job.ts";
import type { Looks } from "../job/looks.ts";
import { isDatabaseFailure } from "../store/database-error.ts";
import type { Look } from "./look-at-job.ts";

/** How many unknown status words are told apart. */
const MOST_WORDS = 100;

/** What the log is told of looks. */
export function createLookLog(dependencies: {
  readonly log: BaseLogger;
  readonly isFollowed: (jobId: string) => boolean;
}) {
  const { log, isFollowed } = dependencies;
  const words = new Set<string>();
  /** The job of the database's failure that was told. Looks at others may go well meanwhile: not all have to write. */
  let failedJobId: string | null = null;

  return {
    /** Tells of an unknown word once, and of a job's failures the first. */
    tell({ id: jobId }: Job, { failures }: Looks, { error, word }: Look): void {
      if (word !== undefined && !words.has(word) && words.size < MOST_WORDS) {
        words.add(word);
        log.warn(
          { jobId, word },
          "RunComfy used an unknown status word; jobs with it stay as they are.",
        );
      }
      if (error === undefined || failures > 0) return;
      const { code, message: reason } = error;
      log.warn({ jobId, code, reason }, "A look failed; the job is looked at again.");
    },
    /**
     * A look could not be made or written down. Of the database's failures it tells the first, until the job it befell was
     * looked at or is no longer followed.
     */
    tellFailure(jobId: string, error: unknown): void {
      if (!isDatabaseFailure(error)) {
        log.error(
          { jobId, err: error },
          "A look failed inside the gateway; the job is looked at again. Please report this.",
        );
      } else if (failedJobId === null || !isFollowed(failedJobId)) {
        failedJobId = jobId;
        log.error(
          { jobId, err: error },
          "Jobs can't be looked at, because the database fails; the gateway goes on trying. Check that it runs and takes writes.",
        );
      }
    },
    noteMade(jobId: string): void {
      if (jobId !== failedJobId) return;
      failedJobId = null;
      log.info({}, "Jobs are looked at again: the database answers.");
    },
  };
}
