import type { Job } from "../job/job.ts";
import { isFinished } from "../job/job.ts";
import type { WatchJob } from "./watch-job.ts";

/**
 * Resolves with the job once it has ended, or as it is when `timeoutMs` is over, the caller leaves or the gateway stops.
 * Never rejects: a job that can't be read, or no longer, is told as it was last seen.
 */
export type WaitForEnd = (
  job: Job,
  options: {
    readonly timeoutMs: number;
    /** Calls `leave` once nobody waits for the answer any more, at once if that is so already. */
    readonly onLeft: (leave: () => void) => void;
  },
) => Promise<Job>;

/** `stop` ends every wait, also those that come later. */
export function createEndWaits(watchJob: WatchJob): {
  readonly waitForEnd: WaitForEnd;
  stop(): void;
} {
  const leaves = new Set<() => void>();
  let isStopped = false;

  return {
    async waitForEnd(job, { timeoutMs, onLeft }) {
      if (isFinished(job) || isStopped || timeoutMs <= 0) return job;
      const states = watchJob(job.id);
      const leave = (): void => void states.return();
      const timer = setTimeout(leave, timeoutMs);
      leaves.add(leave);
      onLeft(leave);
      let newest = job;
      try {
        for await (const state of states) newest = state;
        return newest;
      } catch {
        // RunComfy has accepted the job, so the caller must not take this for a refusal.
        return newest;
      } finally {
        clearTimeout(timer);
        leaves.delete(leave);
      }
    },
    stop() {
      isStopped = true;
      for (const leave of leaves) leave();
    },
  };
}
