import { LRUCache } from "lru-cache";

import type { Estimate } from "../job/estimate.ts";
import { estimate } from "../job/estimate.ts";
import type { Job } from "../job/job.ts";
import { isFinished } from "../job/job.ts";
import type { Run, RunStats, Times } from "../job/run-times.ts";
import { toRunStats, learnTimes } from "../job/run-times.ts";
import { isPaused } from "../job/upstream.ts";
import type { JobStore } from "../store/job-store.ts";
import type { UpstreamWebhooks } from "./upstream-webhooks.ts";

export type Learning = ReturnType<typeof createLearning>;

const KEPT_MS = 2_000;
const MAX_DEPLOYMENTS = 500;

/**
 * What the last 200 runs of each deployment teach, at most two seconds old: the same on all gateways, as they read the same
 * rows. Rejects while the database does not answer.
 */
export function createLearning({
  upstream,
  readRuns,
  upstreamWebhooks,
  now,
  monotonic,
}: Pick<JobStore, "upstream" | "readRuns"> & {
  readonly upstreamWebhooks: Pick<UpstreamWebhooks, "countFollowed">;
  readonly now: () => number;
  readonly monotonic: () => number;
}) {
  const learned = new LRUCache<
    string,
    Promise<{ readonly runs: readonly Run[]; readonly times: Times }>
  >({
    max: MAX_DEPLOYMENTS,
    ttl: KEPT_MS,
    // Otherwise it caches the time with a timer of its own.
    ttlResolution: 0,
    perf: { now: monotonic },
    memoMethod: learn,
  });

  async function learn(deploymentId: string) {
    try {
      const runs = await readRuns(deploymentId);
      return { runs, times: learnTimes(runs) };
    } catch (error) {
      learned.delete(deploymentId);
      throw error;
    }
  }

  async function readTimes(deploymentId: string): Promise<Times> {
    return (await learned.memo(deploymentId)).times;
  }

  return {
    readTimes,
    async readStats(
      deploymentId: string,
    ): Promise<RunStats & { readonly upstreamWebhooks: number }> {
      const { runs, times } = await learned.memo(deploymentId);
      return {
        ...toRunStats(runs, times),
        upstreamWebhooks: upstreamWebhooks.countFollowed(deploymentId),
      };
    },
    /** When the job will probably end, as it is now; null where that can't be estimated. */
    async estimate(job: Job): Promise<Estimate | null> {
      if (isFinished(job) || isPaused(job, upstream)) return null;
      return estimate(job, await readTimes(job.deploymentId), now());
    },
  };
}
