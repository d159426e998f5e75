import { advance, type Observation } from "../job/advance.ts";
import { findUrls } from "../job/asset.ts";
import type { Job } from "../job/job.ts";
import type { Jobs } from "../store/job-store.ts";

export type RecordObservation = ReturnType<typeof createRecordObservation>;

/** Another writer can win only as often as it has something newer to tell, which is seldom twice in a row. */
const MOST_ATTEMPTS = 20;

/**
 * Writes what an observation says that is new: the one way in which a job ever changes. Returns the job as it then is, or
 * null when there is none; rejects when the database does not answer. Whoever has just read the row passes it as `known`,
 * which saves a read; a stale one is read anew.
 */
export function createRecordObservation(dependencies: {
  readonly jobs: Jobs;
  /** The one that observations come from. */
  readonly upstream: string;
  readonly now: () => number;
  /** Hears that there are files to keep; none are where it is not given. */
  readonly onKeep?: (() => void) | undefined;
}) {
  const { jobs, upstream, now, onKeep } = dependencies;
  return async (jobId: string, observation: Observation, known?: Job): Promise<Job | null> => {
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const job = attempt === 0 && known ? known : await jobs.read(jobId);
      if (job === null) return null;
      const next = advance(job, observation, new Date(now()), upstream);
      if (next === job) return job;
      const output = observation.kind === "succeeded" ? observation.output : null;
      const keep = onKeep === undefined ? [] : findUrls(output);
      if (!(await jobs.save(next, output, keep))) continue;
      if (keep.length > 0) onKeep?.();
      return next;
    }
    throw new Error(
      `${jobId} changed ${MOST_ATTEMPTS} times while one change was written; look again later`,
    );
  };
}
