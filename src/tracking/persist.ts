import type { BaseLogger } from "pino";

import type { Job } from "../job/job.ts";

/** Writes down what became of a submit, trying again while the database is away. */
export type Persist = <T>(
  job: Job,
  write: () => Promise<T>,
  options?: {
    /** The upstream's id, for the log, in case it can't be stored. */
    readonly requestId?: string | undefined;
    /** What lies between the tries; five minutes in all when not given. */
    readonly delaysMs?: readonly number[] | undefined;
  },
) => Promise<T>;

const DELAYS_MS = [100, 500, ...Array.from({ length: 300 }, () => 1_000)] as const;

export function createPersist(dependencies: {
  /** When it rejects, there is one last try. */
  readonly sleep: (durationMs: number) => Promise<unknown>;
  readonly log: BaseLogger;
}): Persist {
  const { sleep, log } = dependencies;

  return async (job, write, { requestId, delaysMs = DELAYS_MS } = {}) => {
    for (const [attempt, delayMs] of delaysMs.entries()) {
      try {
        return await write();
      } catch (error) {
        log[attempt === 0 ? "error" : "debug"](
          { jobId: job.id, requestId, err: error },
          "The database did not take a submit's outcome; trying again.",
        );
      }
      const hasSlept = await sleep(delayMs).then(
        () => true,
        () => false,
      );
      if (!hasSlept) break;
    }
    return await write();
  };
}
