import { LRUCache } from "lru-cache";
import type { BaseLogger } from "pino";

import type { Job } from "../job/job.ts";
import type { Looks } from "../job/looks.ts";
import { RunComfyError } from "../runcomfy/runcomfy-error.ts";
import { isDatabaseFailure } from "../store/database-error.ts";
import type { Look } from "./look-at-job.ts";

/** What the log is told of looks. */
export type LookLog = {
  /** Tells of an unknown word once, of a slow deployment once in ten minutes, and of a job's failures the first. */
  tell(job: Job, pastLooks: Looks, look: Look): void;
  /**
   * A look could not be made or written down. Of the database's failures it tells the first, until the job it befell was
   * looked at or is no longer followed.
   */
  tellFailure(jobId: string, error: unknown): void;
  noteMade(jobId: string): void;
};

/** How many unknown status words are told apart. */
const MOST_WORDS = 100;
/** How many slow deployments are remembered. */
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

  return {
    tell({ id: jobId, deploymentId }, { failures }, { error, word }) {
      if (word !== undefined && !words.has(word) && words.size < MOST_WORDS) {
        words.add(word);
        log.warn(
          { jobId, word },
          "RunComfy used an unknown status word; jobs with it stay as they are.",
        );
      }
      if (error instanceof RunComfyError && error.code === "TIMEOUT") {
        if (!slowDeployments.has(deploymentId)) {
          log.warn(
            { deploymentId },
            "RunComfy takes too long to answer about a deployment's jobs. They are looked at again, and no others are held up. Check the deployment on RunComfy's dashboard.",
          );
        }
        slowDeployments.set(deploymentId, true);
      } else if (error !== undefined && failures === 0) {
        if (error instanceof RunComfyError) {
          const { code, message: reason } = error;
          log.warn({ jobId, code, reason }, "A look failed; the job is looked at again.");
        } else {
          log.error(
            { jobId, err: error },
            "A look failed inside the gateway; the job is looked at again until its deadline. Please report this.",
          );
        }
      }
    },
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
