import type { BaseLogger } from "pino";

import { advance, type Observation } from "../job/advance.ts";
import type { Catalogue } from "../deployments/catalogue.ts";
import { toUrls } from "../job/asset.ts";
import type { Job } from "../job/job.ts";
import { prepareOutput } from "../runcomfy/prepare-output.ts";
import type { Jobs, Result } from "../store/job-store.ts";

export type RecordObservation = ReturnType<typeof createRecordObservation>;

/** Another writer can win only as often as it has something newer to write, which is seldom twice in a row. */
const MAX_ATTEMPTS = 20;

const LONG_URLS =
  "URLs of more than 4,096 characters in an output are no files of its job; they stay in the output.";

/**
 * Writes what is new in an observation: the only way in which a job changes until it has ended, except for its labels,
 * and for how it is HELD and claimed. What comes later, a cost and copies of files, has its own writers. Returns the job as it then is, or null if there is none;
 * rejects if the database does not answer. A caller that has just read the row passes it as `known`, which saves a read; a
 * stale one is read anew.
 */
export function createRecordObservation(dependencies: {
  readonly jobs: Jobs;
  /** The one that observations come from. */
  readonly upstream: string;
  readonly now: () => number;
  readonly catalogue: Catalogue;
  /** Called when there are files to keep; without it, none are kept. */
  readonly onKeep?: (() => void) | undefined;
  /** Called when there is a cost that the upstream has yet to report. */
  readonly onCostDue?: (() => void) | undefined;
  readonly log: Pick<BaseLogger, "info">;
}) {
  const { jobs, upstream, now, catalogue, onKeep, onCostDue, log } = dependencies;

  function toResult(
    { id, kind, deploymentId }: Job,
    { output, cost }: Extract<Observation, { kind: "succeeded" }>,
  ): Result {
    const outputs = catalogue.find(deploymentId)?.outputs ?? null;
    const { text, assets, longUrls } = prepareOutput(output, kind, outputs);
    if (longUrls > 0) log.info({ jobId: id, longUrls }, LONG_URLS);
    const keep = onKeep === undefined ? [] : toUrls(assets);
    return { output: text, assets, keep, isCostDue: cost === "not-yet" };
  }

  return async (jobId: string, observation: Observation, known?: Job): Promise<Job | null> => {
    let result: Result | null = null;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const job = attempt === 0 && known ? known : await jobs.read(jobId);
      if (job === null) return null;
      const next = advance(job, observation, new Date(now()), upstream);
      if (next === job) return job;
      if (observation.kind === "succeeded") result ??= toResult(job, observation);
      if (!(await jobs.save(job, next, result))) continue;
      if (result !== null && result.keep.length > 0) onKeep?.();
      if (result?.isCostDue === true) onCostDue?.();
      return next;
    }
    throw new Error(
      `${jobId} changed ${MAX_ATTEMPTS} times while one change was written; poll again later`,
    );
  };
}
