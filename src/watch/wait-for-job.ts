import { clock } from "../runtime/environment.ts";
import type { Job } from "../job/job.ts";
import { isFinished } from "../job/job.ts";
import type { Stream } from "../runtime/stream.ts";
import type { WatchJob } from "./watch-job.ts";

/**
 * Resolves with the job once it is ready, or as it was last seen when `timeoutMs` is over; null if it could not be read by
 * then. Rejects as the watch does.
 */
export async function waitForJob(
  states: Stream<Job>,
  isReady: (job: Job) => boolean,
  timeoutMs: number,
): Promise<Job | null> {
  const stopTimer = clock.setTimer(() => states.end(), timeoutMs);
  let newest: Job | null = null;
  try {
    for await (newest of states) if (isReady(newest)) break;
    return newest;
  } finally {
    stopTimer();
  }
}

export type WaitForEnd = ReturnType<typeof createEndWaits>["waitForEnd"];

/** `stop` ends every wait, also those that come later. */
export function createEndWaits(watchJob: WatchJob) {
  const waits = new Set<Stream<Job>>();
  let isStopped = false;

  return {
    /**
     * Resolves with the job once it has ended, or as it is when `timeoutMs` is over, the caller leaves or the gateway stops.
     * Never rejects: a job that can't be read, or no longer, is told as it was last seen.
     */
    async waitForEnd(
      job: Job,
      options: {
        readonly timeoutMs: number;
        /** Calls `leave` once nobody waits for the answer any more, at once if that is so already. */
        readonly onLeft: (leave: () => void) => void;
      },
    ): Promise<Job> {
      const { timeoutMs, onLeft } = options;
      if (isFinished(job) || isStopped || timeoutMs <= 0) return job;
      const states = watchJob(job.id);
      waits.add(states);
      onLeft(() => states.end());
      let newest = job;
      const isReady = (state: Job): boolean => isFinished((newest = state));
      // RunComfy has accepted the job, so the caller must not take a failure for a refusal.
      await waitForJob(states, isReady, timeoutMs).catch(() => undefined);
      waits.delete(states);
      return newest;
    },
    stop(): void {
      isStopped = true;
      for (const states of waits) states.end();
    },
  };
}
