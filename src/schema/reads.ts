import { clock } from "../runtime/environment.ts";
import type { Viewer } from "../auth/viewer.ts";
import { readableOwner } from "../auth/viewer.ts";
import type { Asset } from "../job/asset.ts";
import type { Job } from "../job/job.ts";
import type { JsonValue } from "../job/json.ts";
import type { JobStore } from "../store/job-store.ts";
import {
  createWalkBudget,
  isWalk,
  type JobFilter,
  type JobPage,
  type JobRange,
} from "../store/list-jobs.ts";
import type { DocumentName } from "../store/read-jobs.ts";
import type { Learning } from "../tracking/learning.ts";
import type { Release } from "../runtime/queue.ts";
import { Queue } from "../runtime/queue.ts";
import { MAX_SMALL_BYTES } from "../watch/shared-readers.ts";
import type { DetailReader } from "../watch/shared-readers.ts";
import type { Reservation } from "../runtime/memory-budget.ts";

/** Whose operation reads, and for whose answer. */
export type Origin = { readonly viewer: Viewer; readonly share: Reservation };

/** What a viewer may read, and never so much at once that others wait for the database. */
export type Reads = ReturnType<typeof createReads>;

/** The same filter for no more jobs than the viewer may read. */
export function ofReadable(filter: JobFilter, viewer: Viewer): JobFilter {
  const ownerId = readableOwner(viewer);
  return ownerId === undefined ? filter : { ...filter, ownerId };
}

export type ReadQueues = ReturnType<typeof createReadQueues>;

/** What the reads of all operations wait in. */
export function createReadQueues(readsPerOwner: number) {
  return {
    reads: new Queue({ perKey: readsPerOwner }),
    /** For the steps of walks: one at a time. */
    steps: new Queue({ perKey: 1, total: 1 }),
    /** For large documents: one operation of an owner at a time. */
    large: new Queue({ perKey: 1 }),
  };
}

/** Every read rejects once nobody waits for the answer any more. */
export function createReads(options: {
  readonly store: JobStore;
  readonly learning: Learning;
  readonly details: DetailReader;
  readonly queues: ReadQueues;
  readonly origin: Origin;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: (() => number) | undefined;
}) {
  const { store, learning, details, queues, origin, now } = options;
  const { viewer } = origin;
  const { ownerId } = viewer;
  const readable = readableOwner(viewer);
  const attempt = async <Value>(read: () => Promise<Value>): Promise<Value> => {
    origin.share.check();
    return await read();
  };
  const run = <Value>(read: () => Promise<Value>): Promise<Value> =>
    queues.reads.run(ownerId, () => attempt(read));
  const budget = createWalkBudget({
    now,
    runStep: (step) => run(() => queues.steps.run(ownerId, step)),
  });

  return {
    /** In the order of `ids`, null where the viewer may read none. */
    readJobs: (ids: readonly string[]) => run(() => store.jobs.readMany(ids, readable)),
    /** The same with documents, but only the sizes of large ones. */
    readJobsWithDocuments: (ids: readonly string[]) =>
      run(() => store.jobs.readWithDocuments(ids, MAX_SMALL_BYTES, readable)),
    /** Where no index answers the filter, as far as the time of all walks of these reads takes it. */
    listJobs(range: JobRange): Promise<JobPage> {
      const readableRange = { ...range, filter: ofReadable(range.filter, viewer) };
      return isWalk(range.filter)
        ? store.jobs.list(readableRange, budget)
        : run(() => store.jobs.list(readableRange));
    },
    countJobs: (filter: JobFilter) => run(() => store.jobs.count(ofReadable(filter, viewer))),
    listDeploymentIds: () => run(() => store.jobs.listDeploymentIds(readable)),
    findDeployments: (ids: readonly string[]) =>
      run(() => store.jobs.findDeployments(ids, readable)),
    // These two are learned from the runs of all owners.
    estimate: (job: Job) => run(() => learning.estimate(job)),
    readStats: (deploymentId: string) => run(() => learning.readStats(deploymentId)),
    /** Of jobs that the viewer has read. */
    readKeptFiles: (ids: readonly string[]) => run(() => store.files.readMany(ids)),
    // The rest is for jobs that the viewer has read.
    readDocuments: (jobId: string) => attempt(() => details.readDocuments(ownerId, jobId)),
    /** One that is large; undefined where it is gone. */
    async readLargeDocument(jobId: string, name: DocumentName): Promise<JsonValue | undefined> {
      const text = await run(() => store.documents.readText(jobId, name));
      if (text === null) return undefined;
      // In a turn of the event loop of its own: what comes before and after may take as long.
      await clock.nextTurn();
      const value: JsonValue = JSON.parse(text);
      await clock.nextTurn();
      return value;
    },
    /** Keeps what files were found in the output of a job that ended in a version before. */
    noteAssets: (jobId: string, assets: readonly Asset[]) =>
      run(() => store.documents.noteAssets(jobId, assets)),
    readHistory: (jobId: string) => attempt(() => details.readHistory(ownerId, jobId)),
    largeSlot: createOwnSlot(origin, queues.large),
  };
}

/**
 * An operation's slot among those of its owner: taken by the first `enter`, and given back by `leave` or when nobody waits
 * for the answer any more. Whoever has it waits for nothing that others of the owner hold, so that it always ends.
 */
function createOwnSlot({ viewer, share }: Origin, queue: Queue) {
  let slot: Promise<Release> | null = null;

  function leave(): void {
    void slot?.then((release) => release());
    slot = null;
  }

  share.onClose(leave);
  return {
    async enter(): Promise<void> {
      share.check();
      await (slot ??= queue.enter(viewer.ownerId));
      share.check();
    },
    leave,
  };
}
