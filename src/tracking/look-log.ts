import { LRUCache } from "lru-cache";
import type { BaseLogger } from "pino";

import type { Job } from "../job/job.ts";
import type { Looks } from "../job/looks.ts";
import { RunComfyError } from "../runcomfy/runcomfy-error.ts";
import { isDatabaseFailure } from "../store/database-error.ts";
import type { Look } from "./look-at-job.ts";

/** What the log is told of looks. */
export type LookLog = {
  /**
   * Of a look that told nothing: of each unknown word once, of a deployment whose looks take too long once until that has
   * not been so for ten minutes, and otherwise of a job's failures the first in a row.
   */
  tell(job: Job, pastLooks: Looks, look: Look): void;
  /**
   * Of a look that the gateway could not make, or not write down: of the database's failures the first, until the job
   * that it befell was looked at or is no longer followed, and of each other one.
   */
  tellFailure(jobId: string, error: unknown): void;
  noteMade(jobId: string): void;
};

/** How many unknown status words are told apart. */
const MOST_WORDS = 100;
/** How many slow deployments are; beyond it the one that was slow longest ago may be told of again. */
const MOST_DEPLOYMENTS = 1_000;
const SLOW_AGAIN_MS = 10 * 60_000;

export function createLookLog(dependencies: {
  readonly log: BaseLogger;
  readonly monotonic: () => number;
  readonly isFollowed: (jobId: string) => boolean;
}): LookLog {
  const { log, monotonic, isFollowed } = dependencies;
  const words = new Set<string>();
  const slowDeployments = new LRUCache<string, true>({
    max: MOST_DEPLOYMENTS,
    ttl: SLOW_AGAIN_MS,
    ttlResolution: 0,
    perf: { now: monotonic },
  });
  /** The job of the database's failure that was told. Looks at others may go well meanwhile: not all have to write. */
  let failedJobId: string | null = null;

  function tellSlow({ deploymentId }: Job): void {
    if (!slowDeployments.has(deploymentId)) {
      log.warn(
        { deploymentId },
        "Looks at a deployment's jobs take too long; the jobs are looked at again, and others are not held up. Check the deployment on RunComfy's dashboard.",
      );
    }
    slowDeployments.set(deploymentId, true);
  }

  function tell(job: Job, { failures }: Looks, { error, word }: Look): void {
    if (word !== undefined && !words.has(word) && words.size < MOST_WORDS) {
      words.add(word);
      log.warn(
        { jobId: job.id, word },
        "RunComfy used an unknown status word; jobs with it stay as they are.",
      );
    }
    if (error instanceof RunComfyError && error.code === "TIMEOUT") return tellSlow(job);
    if (error === undefined || failures > 0) return;
    if (error instanceof RunComfyError) {
      log.warn(
        { jobId: job.id, code: error.code, reason: error.message },
        "A look failed; the job is looked at again.",
      );
    } else {
      log.error(
        { jobId: job.id, err: error },
        "A look failed inside the gateway; the job is looked at again until its deadline. Please report this.",
      );
    }
  }

  return {
    tell,
    tellFailure(jobId, error) {
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
    noteMade(jobId) {
      if (jobId !== failedJobId) return;
      failedJobId = null;
      log.info({}, "Jobs are looked at again: the database answers.");
    },
  };
}
