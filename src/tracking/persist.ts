import type { BaseLogger } from "pino";

import type { Job } from "../job/job.ts";

/** Five minutes in all. */
const DELAYS_MS = [100, 500, ...Array.from({ length: 300 }, () => 1_000)] as const;

type Outcome = {
  /** The upstream's id, for the log, in case it can't be stored. */
  readonly requestId?: string | undefined;
  /** What lies between the tries. */
  readonly delaysMs?: readonly number[] | undefined;
};

/** Writes down what became of a submit, trying again while the database is away. */
export function createPersist(dependencies: {
  /** When it rejects, there is one last try. */
  readonly sleep: (durationMs: number) => Promise<unknown>;
  readonly log: BaseLogger;
}) {
  const { sleep, log } = dependencies;

  return async <T>(job: Job, write: () => Promise<T>, outcome: Outcome = {}): Promise<T> => {
    const { requestId, delaysMs = DELAYS_MS } = outcome;
    for (const [attempt, delayMs] of delaysMs.entries()) {
      try {
        return await write();
      } catch (error) {
        log[attempt === 0 ? "error" : "debug"](
          { jobId: job.id, requestId, err: error },
          "The database did not take a submit's outcome; trying again.",
        );
      }
      const isOver = await sleep(delayMs).then(
        () => false,
        () => true,
      );
      if (isOver) break;
    }
    return await write();
  };
}
