import type { Viewer } from "../auth/viewer.ts";
import { readableOwner } from "../auth/viewer.ts";
import type { Job } from "../job/job.ts";
import type { JobFilter, JobPage, JobRange, JobStore } from "../store/job-store.ts";
import type { Learning } from "../tracking/learning.ts";
import { isWalk } from "../store/list-jobs.ts";
import type { InTurn } from "../store/turns.ts";
import { createWalkBudget } from "../store/walk-budget.ts";
import { MOST_SMALL_BYTES } from "../watch/shared-readers.ts";
import type { DetailReader } from "../watch/shared-readers.ts";
import { toCoded } from "./coded-errors.ts";

/** What a viewer may read, and never so much at once that others wait for the database. */
export type Reads = ReturnType<typeof createReads>;

/** The same filter for no more jobs than the viewer may read. */
export function ofReadable(filter: JobFilter, viewer: Viewer): JobFilter {
  const ownerId = readableOwner(viewer);
  return ownerId === undefined ? filter : { ...filter, ownerId };
}

/** Every read rejects with READ_TOO_SLOW when it takes too long. */
export function createReads(options: {
  readonly store: JobStore;
  readonly learning: Learning;
  readonly details: DetailReader;
  readonly inTurn: InTurn;
  /** For the steps of walks: one at a time. */
  readonly stepInTurn: InTurn;
  readonly viewer: Viewer;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: (() => number) | undefined;
}) {
  const { store, learning, details, inTurn, stepInTurn, viewer, now } = options;
  const { ownerId } = viewer;
  const readable = readableOwner(viewer);
  const run = <Value>(read: () => Promise<Value>): Promise<Value> =>
    inTurn(ownerId, read).catch(rethrowCoded);
  const budget = createWalkBudget({
    now,
    inTurn: (step) => run(() => stepInTurn(ownerId, step)),
  });

  return {
    /** In the order of `ids`, null where the viewer may read none. */
    readJobs: (ids: readonly string[]) => run(() => store.jobs.readMany(ids, readable)),
    /** The same with documents, but only the sizes of large ones. */
    readJobsWithDocuments: (ids: readonly string[]) =>
      run(() => store.jobs.readWithDocuments(ids, MOST_SMALL_BYTES, readable)),
    /** Where no index answers the filter, as far as the time of all walks of these reads takes it. */
    listJobs(range: JobRange): Promise<JobPage> {
      const readableRange = { ...range, filter: ofReadable(range.filter, viewer) };
      return isWalk(range.filter)
        ? store.jobs.list(readableRange, budget)
        : run(() => store.jobs.list(readableRange));
    },
    countJobs: (filter: JobFilter) => run(() => store.jobs.count(ofReadable(filter, viewer))),
    listDeploymentIds: () => run(() => store.jobs.listDeploymentIds(readable)),
    hasDeployment: (id: string) => run(() => store.jobs.hasDeployment(id, readable)),
    // These two are learned from the runs of all owners.
    estimate: (job: Job) => run(() => learning.estimate(job)),
    readStats: (deploymentId: string) => run(() => learning.readStats(deploymentId)),
    /** Of jobs that the viewer has read. */
    readKeptFiles: (ids: readonly string[]) => run(() => store.files.readMany(ids)),
    // The next three are for jobs that the viewer has read.
    readDocuments: (jobId: string) => details.readDocuments(ownerId, jobId).catch(rethrowCoded),
    readLargeDocuments: (jobId: string) =>
      details.readLargeDocuments(ownerId, jobId).catch(rethrowCoded),
    readHistory: (jobId: string) => details.readHistory(ownerId, jobId).catch(rethrowCoded),
  };
}

function rethrowCoded(error: unknown): never {
  throw toCoded(error);
}
