import type { BaseLogger } from "pino";

import { JobNotFinishedError, JobNotFoundError } from "../job/errors.ts";
import type { Job } from "../job/job.ts";
import { isFinished } from "../job/job.ts";
import { isPaused } from "../job/upstream.ts";
import { startLoop } from "../../runtime/loop.ts";
import type { sleepFor } from "../../runtime/loop.ts";
import type { Jobs } from "../store/job-store.ts";

/** Deletes jobs with all that is kept of them. */
export class Deleter {
  readonly #given;

  constructor(dependencies: {
    readonly jobs: Pick<Jobs, "read" | "delete">;
    readonly upstream: string;
    /** Notified that one is deleted. */
    readonly onDelete?: (() => void) | undefined;
  }) {
    this.#given = dependencies;
  }

  /** Deletes a finished or paused job. Rejects with JobNotFoundError or JobNotFinishedError. */
  async deleteJob(jobId: string, ownerId: string): Promise<void> {
    const { jobs, upstream, onDelete } = this.#given;
    const refuse = (found: Job | null): void => {
      if (found === null) throw new JobNotFoundError(jobId);
      if (!isFinished(found) && !isPaused(found, upstream)) throw new JobNotFinishedError(found);
    };
    const job = await jobs.read(jobId, ownerId);
    refuse(job);
    if (await jobs.delete(jobId)) return onDelete?.();
    // Somebody else has deleted it, or a paused one has just gone on.
    refuse(await jobs.read(jobId, ownerId));
    throw new JobNotFoundError(jobId);
  }
}

const DAY_MS = 86_400_000;
/** An idempotency key lives for a day at least, also when the clock of its gateway was two hours off. */
const MIN_LIFE_MS = DAY_MS + 2 * 3_600_000;
const BETWEEN_SWEEPS_MS = 60_000;
/** So that nobody else waits long for the database. */
const BETWEEN_BATCHES_MS = 100;
const JOBS_PER_BATCH = 500;

/**
 * Deletes jobs that ended more than `days` ago, now and then every minute, in small batches. Any number of gateways may
 * do it side by side. After it was sent, a job stays for 26 h at least, with its idempotency key.
 */
export function startRetention(options: {
  readonly jobs: Pick<Jobs, "deleteOld">;
  readonly days: number;
  readonly log: Pick<BaseLogger, "info" | "warn">;
  /** Ends early, and well, when the signal is aborted. */
  readonly sleep?: typeof sleepFor;
}): { close(): Promise<void> } {
  const { jobs, days, log, sleep } = options;
  const ages = {
    finishedForMs: days * DAY_MS,
    sentForMs: Math.max(days * DAY_MS, MIN_LIFE_MS),
  };

  let total = 0;
  async function deleteBatch(): Promise<number> {
    const deleted = await jobs.deleteOld(ages, JOBS_PER_BATCH);
    total += deleted;
    if (deleted === JOBS_PER_BATCH) return BETWEEN_BATCHES_MS;
    if (total > 0) log.info({ jobs: total }, "Jobs that ended long ago were deleted.");
    total = 0;
    return BETWEEN_SWEEPS_MS;
  }

  return startLoop({
    act: deleteBatch,
    retryMs: BETWEEN_SWEEPS_MS,
    onFailure: (err) =>
      log.warn({ err }, "Old jobs can't be deleted; the gateway tries again. Check the database."),
    sleep,
  });
}
