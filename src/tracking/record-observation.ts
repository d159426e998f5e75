import { clock } from "../runtime/environment.ts";
import { advance, type Observation } from "../job/advance.ts";
import type { Catalogue } from "../deployments/catalogue.ts";
import { toUrls } from "../job/asset.ts";
import type { Job } from "../job/job.ts";
import type { JsonValue } from "../job/json.ts";
import { ADAPTERS } from "../runcomfy/kinds/kinds.ts";
import type { Jobs, Result } from "../store/job-store.ts";

export type RecordObservation = ReturnType<typeof createRecordObservation>;

/** Another writer can win only as often as it has something newer to tell, which is seldom twice in a row. */
const MAX_ATTEMPTS = 20;

/**
 * Writes what an observation says that is new: the one way in which a job changes until it has ended, but for its labels.
 * What comes later, a cost and copies of files, has writers of its own. Returns the job as it then is, or null when there is none; rejects when the database does not answer. Whoever has just read the row passes it as `known`,
 * which saves a read; a stale one is read anew.
 */
export function createRecordObservation(dependencies: {
  readonly jobs: Jobs;
  /** The one that observations come from. */
  readonly upstream: string;
  readonly now: () => number;
  readonly catalogue: Catalogue;
  /** Hears of each change that it has written. */
  readonly onChange?: ((job: Job) => void) | undefined;
  /** Hears that there are files to keep; none are where it is not given. */
  readonly onKeep?: (() => void) | undefined;
  /** Hears of jobs that SUCCEEDED whose cost the upstream has yet to tell. */
  readonly onCostDue?: ((job: Job) => void) | undefined;
}) {
  const { jobs, upstream, now, catalogue, onChange, onKeep, onCostDue } = dependencies;
  return async (jobId: string, observation: Observation, known?: Job): Promise<Job | null> => {
    let result: Result | null = null;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const job = attempt === 0 && known ? known : await jobs.read(jobId);
      if (job === null) return null;
      const next = advance(job, observation, new Date(now()), upstream);
      if (next === job) return job;
      if (observation.kind === "succeeded")
        result ??= await toResult(job, observation.output, {
          catalogue,
          isKept: onKeep !== undefined,
        });
      if (!(await jobs.save(next, result))) continue;
      onChange?.(next);
      if (result !== null && result.keep.length > 0) onKeep?.();
      if (observation.kind === "succeeded" && observation.cost === "not-yet") onCostDue?.(next);
      return next;
    }
    throw new Error(
      `${jobId} changed ${MAX_ATTEMPTS} times while one change was written; poll again later`,
    );
  };
}

/** A large output is parsed in one turn of the event loop, looked through in another, and made into text in a third. */
async function toResult(
  { kind, deploymentId }: Job,
  output: JsonValue,
  { catalogue, isKept }: { readonly catalogue: Catalogue; readonly isKept: boolean },
): Promise<Result> {
  await clock.nextTurn();
  const outputs = catalogue.find(deploymentId)?.outputs ?? null;
  const assets = ADAPTERS[kind].findAssets(output, outputs);
  await clock.nextTurn();
  return { output, assets, keep: isKept ? toUrls(assets) : [] };
}
