import type { Viewer } from "../auth/viewer.ts";
import type { Job, JobEvent } from "../job/job.ts";
import { isTooSlow } from "../store/database-error.ts";
import type { JobFilter, JobRange, JobStore, StoredDocuments } from "../store/job-store.ts";
import type { InTurn } from "../store/turns.ts";
import type { DetailReader } from "../watch/create-detail-reader.ts";
import { tooSlow } from "./coded-errors.ts";
import { readableOwner } from "./scope.ts";

/**
 * What a viewer may read, and never so much at once that others would wait for the database. A read that takes too long
 * rejects with READ_TOO_SLOW.
 */
export type Reads = {
  /** In the order of `ids`, null where the viewer may read none. */
  readJobs(ids: readonly string[]): Promise<(Job | null)[]>;
  listJobs(range: JobRange): Promise<Job[]>;
  countJobs(filter: JobFilter): Promise<number>;
  listDeploymentIds(): Promise<string[]>;
  hasDeployment(deploymentId: string): Promise<boolean>;
  /** The three of `DetailReader`, of jobs that the viewer has read. */
  readDocuments(jobId: string): Promise<StoredDocuments | null>;
  readLargeDocuments(jobId: string): Promise<StoredDocuments | null>;
  readHistory(jobId: string): Promise<readonly JobEvent[]>;
};

export function createReads(options: {
  readonly store: JobStore;
  readonly details: DetailReader;
  readonly inTurn: InTurn;
  readonly viewer: Viewer;
}): Reads {
  const { store, details, inTurn, viewer } = options;
  const { ownerId } = viewer;
  const readable = readableOwner(viewer);
  const ofReadable = (filter: JobFilter): JobFilter =>
    readable === undefined ? filter : { ...filter, ownerId: readable };
  const run = <Value>(read: () => Promise<Value>): Promise<Value> =>
    inTurn(ownerId, read).catch(explain);

  return {
    readJobs: (ids) => run(() => store.jobs.readMany(ids, readable)),
    listJobs: (range) => run(() => store.jobs.list({ ...range, filter: ofReadable(range.filter) })),
    countJobs: (filter) => run(() => store.jobs.count(ofReadable(filter))),
    listDeploymentIds: () => run(() => store.jobs.listDeploymentIds(readable)),
    hasDeployment: (id) => run(() => store.jobs.hasDeployment(id, readable)),
    readDocuments: (jobId) => details.readDocuments(ownerId, jobId).catch(explain),
    readLargeDocuments: (jobId) => details.readLargeDocuments(ownerId, jobId).catch(explain),
    readHistory: (jobId) => details.readHistory(ownerId, jobId).catch(explain),
  };
}

function explain(error: unknown): never {
  throw isTooSlow(error) ? tooSlow() : error;
}
